/* The alignment of one level, folded and on the device, against the same written out as model.md has it (ref/alignment.h), in double. */
#include "nets/alignment.h"
#include "ref/alignment.h"
#include "support/ops_case.h"

/* Largest error over the largest output (of a layer norm, up to about 6). Two layers of float32: scores of size 10 are off by some 1e-6,
 * and each softmax, norm and residual passes that on. 9e-7 seen. */
#define TOLERANCE 4e-6

typedef struct shape {
    int level, channels, mlp, text_dim, prompts, x, y, z;
} shape;

/* Weights are pieces of pools of random numbers, one pool per scale: a name always gives the same piece, another name another. */
enum { POOL_NORM, POOL_BIAS, POOL_WIDE, POOL_HALF, POOL_MLP, POOL_TEXT, POOLS, SPREAD = 65521 };
typedef struct weights {
    float *pool[POOLS];
} weights;

static int pool_of(const char *name)
{
    if (strstr(name, ".norm"))
        return strstr(name, "weight") ? POOL_NORM : POOL_BIAS;
    if (strstr(name, "bias"))
        return POOL_BIAS;
    if (strncmp(name, "txt2vis", 7) == 0)
        return POOL_TEXT;
    if (strstr(name, "lin2"))
        return POOL_MLP;
    return strstr(name, "out_proj") && strstr(name, "cross") ? POOL_HALF : POOL_WIDE;
}

static const float *weight_of(void *user, const char *name)
{
    const weights *w = user;
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (uint32_t)(unsigned char)*c) * 16777619u;
    return w->pool[pool_of(name)] + hash % SPREAD;
}

/* Projections that give deviations of about 1.4, so that the softmaxes are far from even. */
static void weights_create(weights *w, const shape *s)
{
    int in[POOLS] = {0, 0, s->channels, s->channels / 2, s->mlp, s->text_dim}, outs = s->mlp > s->channels ? s->mlp : s->channels;
    for (int i = 0; i < POOLS; i++) {
        size_t count = SPREAD + (size_t)(in[i] ? in[i] : 1) * (size_t)outs;
        w->pool[i] = ops_random(count, (uint32_t)i + 81, in[i] ? 2.4 / sqrt(in[i]) : 0.4);
        for (size_t k = 0; i == POOL_NORM && k < count; k++)
            w->pool[i][k] += 1;
    }
}

typedef struct job {
    ctvk_alignment a;
    conv_tensor image;
    ctvk_span weights, text, scratch;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_alignment_record(cmd, gpu, &j->a, &j->weights, &j->text, &j->scratch, &j->image.tensor, error);
}

static int job_create(job *j, ctvk_gpu *gpu, const shape *s, weights *w, const float *text)
{
    j->a = (ctvk_alignment){s->level, s->channels, s->mlp, s->text_dim, s->prompts};
    uint64_t bytes = ctvk_alignment_weight_bytes(&j->a);
    void *packed = malloc(bytes);
    int ok = packed != NULL;
    if (ok) {
        memset(packed, 0xff, bytes); /* what packing leaves out stays NaN */
        ctvk_alignment_pack(&j->a, weight_of, w, packed);
        ok = ops_span_create(gpu, &j->weights, bytes, packed) &&
             ops_span_create(gpu, &j->text, (uint64_t)s->prompts * (uint64_t)s->text_dim * sizeof *text, text) &&
             ops_span_create(gpu, &j->scratch, ctvk_alignment_scratch_bytes(gpu, &j->a, s->x, s->y, s->z), NULL) &&
             conv_tensor_create(gpu, &j->image, s->channels, s->x, s->y, s->z, 0);
    }
    free(packed);
    return ok;
}

static void job_destroy(job *j)
{
    conv_tensor_destroy(&j->image);
    ctvk_gpu_buffer_destroy(&j->weights.buffer);
    ctvk_gpu_buffer_destroy(&j->text.buffer);
    ctvk_gpu_buffer_destroy(&j->scratch.buffer);
}

/* What every device must compute of one shape. */
typedef struct case_data {
    shape s;
    weights w;
    float *text, *image;
    double *want;
    size_t count;
} case_data;

static void reference(const case_data *c, double *out)
{
    const shape *s = &c->s;
    const ref_alignment_shape ref = {s->level, s->channels, s->mlp, s->text_dim, s->prompts, s->x * s->y * s->z};
    ref_scratch scratch = {malloc(ref_alignment_scratch(&ref) * sizeof(double)), 0};
    weights w = c->w;
    ref_alignment(&ref, weight_of, &w, c->text, c->image, &scratch, out);
    free(scratch.numbers);
}

static void case_create(case_data *c, const shape *s)
{
    int voxels = s->x * s->y * s->z;
    *c = (case_data){.s = *s, .count = (size_t)voxels * (size_t)s->channels};
    weights_create(&c->w, s);
    c->text = ops_random((size_t)s->prompts * (size_t)s->text_dim, 91, 2);
    c->image = ops_random(c->count, 93, 2);
    c->want = malloc(c->count * sizeof *c->want);
    reference(c, c->want);
}

static void case_destroy(case_data *c)
{
    for (int i = 0; i < POOLS; i++)
        free(c->w.pool[i]);
    free(c->text);
    free(c->image);
    free(c->want);
}

/* Twice, the second time over the scratch that the first has left. */
static void run_case(ctvk_gpu *gpu, case_data *c, uint32_t mask)
{
    const shape *s = &c->s;
    float *got = malloc(c->count * sizeof *got), *again = malloc(c->count * sizeof *again);
    job j = {0};
    int ok = job_create(&j, gpu, s, &c->w, c->text);
    CHECK(ok);
    for (int turn = 0; ok && turn < 2; turn++) {
        ctvk_error error = {0};
        CHECK(conv_tensor_write(&j.image, c->image));
        ctvk_status status = ops_run(gpu, record, &j, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(conv_tensor_read(&j.image, turn ? again : got));
    }
    if (ok) {
        double worst = conv_worst(got, c->want, c->count);
        CHECK_MSG(worst <= TOLERANCE, "mask %x: level %d, %d channels, MLP %d, D %d, P %d, %d x %d x %d: error %g", (unsigned)mask,
                  s->level, s->channels, s->mlp, s->text_dim, s->prompts, s->x, s->y, s->z, worst);
        CHECK(memcmp(got, again, c->count * sizeof *got) == 0);
        CHECK(conv_tensor_guards_hold(&j.image) && ops_span_guards_hold(&j.weights) && ops_span_guards_hold(&j.text) &&
              ops_span_guards_hold(&j.scratch));
    }
    job_destroy(&j);
    free(got);
    free(again);
}

/* P of 1, 2, 3 and 5; text widths that do and do not fill vec4; every kind of level of the published network; odd extents. */
static const shape shapes[] = {{0, 16, 16, 5, 1, 5, 3, 7},   {0, 16, 16, 8, 2, 9, 11, 13},  {1, 16, 32, 7, 3, 3, 5, 17},
                               {0, 48, 48, 33, 2, 5, 7, 9},  {1, 48, 96, 12, 1, 3, 5, 3},   {2, 96, 192, 6, 2, 3, 3, 5},
                               {2, 96, 192, 16, 3, 1, 3, 5}, {3, 192, 384, 10, 2, 3, 1, 3}, {4, 384, 768, 9, 2, 1, 3, 2},
                               {4, 128, 256, 3, 1, 1, 1, 1}, {2, 32, 64, 576, 5, 3, 3, 3},  {0, 16, 16, 4, 2, 97, 1, 1}};

/* The text must matter, else the comparison says nothing of the tokens. */
static void test_reference_sees_text(case_data *c)
{
    double *other = malloc(c->count * sizeof *other), difference = 0;
    c->text[0] += 1;
    reference(c, other);
    c->text[0] -= 1;
    for (size_t i = 0; i < c->count; i++)
        difference = fmax(difference, fabs(other[i] - c->want[i]));
    CHECK_MSG(difference > 1e-2, "another text changes only %g", difference);
    free(other);
}

static void test_refusals(case_data *c)
{
    ctvk_gpu *gpu = ops_open(0);
    ctvk_error error = {0};
    job j = {0};
    CHECK(job_create(&j, gpu, &c->s, &c->w, c->text) && conv_tensor_write(&j.image, c->image));
    uint64_t *const sizes[] = {&j.weights.bytes, &j.text.bytes, &j.scratch.bytes};
    for (int i = 0; i < 3; i++) {
        *sizes[i] -= 4;
        CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
        *sizes[i] += 4;
    }
    j.image.tensor.c -= 4;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.image.tensor.c += 4;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_OK);
    job_destroy(&j);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    static case_data cases[SHAPES];
    for (int i = 0; i < SHAPES; i++)
        case_create(&cases[i], &shapes[i]);
    for (int k = 0; k < OPS_MASKS; k++) {
        ctvk_gpu *gpu = ops_open(ops_masks[k]);
        if (k % 2)
            ops_squeeze(gpu, 0, 1e5); /* submissions of little work */
        for (int i = 0; i < SHAPES; i++)
            run_case(gpu, &cases[i], ops_masks[k]);
        ctvk_gpu_destroy(&gpu);
    }
    test_reference_sees_text(&cases[1]);
    test_refusals(&cases[1]);
    for (int i = 0; i < SHAPES; i++)
        case_destroy(&cases[i]);
    return gpu_done("alignment");
}
