/* Convolutions that normalise and activate their input as they read it: against plain C in double, and bit for bit what the norm and the
 * plain convolution give one after the other; the others refuse. */
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"
#include "ops/transp_conv3d_plan.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "ref/transp_conv3d.h"
#include "support/ops_case.h"

/* As of test_conv3d.c and support/transp_case.h, and 4e-6 for the norm (test_instance_norm.c). */
#define WINOGRAD_TOLERANCE 6.4e-5
#define NORMALISED_TRANSP_TOLERANCE 8e-6

typedef struct shape {
    int x, y, z;
} shape;

/* One case on the device; conv or transp is what is computed. All pointers owned. */
typedef struct fixture {
    const ctvk_conv3d_plan *plan;
    const ctvk_conv3d *conv;
    const ctvk_transp_conv3d_plan *transp_plan;
    const ctvk_transp_conv3d *transp;
    conv_tensor in, out;
    ctvk_span stats, weights, scratch;
    ctvk_span taken; /* statistics of the output, where the variant takes them as it writes */
    float *dense, *kernel;
    int apart;              /* the norm first, in place */
    const ctvk_span *words; /* labels of the transposed convolution too, where that can be */
    conv_tensor soft;       /* and, with these once more, probabilities in place of its logits */
} fixture;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const fixture *f = user;
    const ctvk_tensor *in = &f->in.tensor, *out = &f->out.tensor;
    const ctvk_span *norm = f->apart ? NULL : &f->stats;
    ctvk_status status = ctvk_instance_norm_stats(cmd, gpu, in, &f->stats, error);
    if (!status && f->apart)
        status = ctvk_instance_norm_apply(cmd, gpu, in, &f->stats, NULL, NULL, in, error);
    if (!status && f->conv) {
        ctvk_conv3d_job job = {
            cmd, gpu, f->plan, f->conv, in, NULL, out, &f->weights, &f->scratch, norm, f->taken.buffer ? &f->taken : NULL};
        status = ctvk_conv3d_plan_record(&job, error);
    }
    ctvk_transp_conv3d_job logits = {.cmd = cmd,
                                     .gpu = gpu,
                                     .plan = f->transp_plan,
                                     .conv = f->transp,
                                     .in = in,
                                     .norm = norm,
                                     .weights = &f->weights,
                                     .out = out,
                                     .count = in->x},
                           labels = logits, soft = logits;
    if (!status && f->transp)
        status = ctvk_transp_conv3d_record(&logits, error);
    if (status || !f->words)
        return status;
    labels.out = NULL, labels.words = &f->words[0];
    soft.out = &f->soft.tensor, soft.words = &f->words[1];
    status = ctvk_transp_conv3d_record(&labels, error);
    return status ? status : ctvk_transp_conv3d_record(&soft, error);
}

static int make(ctvk_gpu *gpu, fixture *f, int c, shape s, const void *packed, uint64_t weights, uint64_t scratch, double offset)
{
    size_t count = (size_t)c * s.x * s.y * s.z;
    f->dense = ops_random(count, 7, 2);
    for (size_t i = 0; i < count; i++)
        f->dense[i] = (float)(f->dense[i] + offset);
    return conv_tensor_create(gpu, &f->in, c, s.x, s.y, s.z, 0) && ops_span_create(gpu, &f->weights, weights, packed) &&
           ops_span_create(gpu, &f->scratch, scratch, NULL) &&
           ops_span_create(gpu, &f->stats, ctvk_instance_norm_scratch_bytes(gpu, c, s.x, s.y, s.z), NULL);
}

static void destroy(fixture *f)
{
    conv_tensor_destroy(&f->in);
    conv_tensor_destroy(&f->out);
    ctvk_gpu_buffer_destroy(&f->stats.buffer);
    ctvk_gpu_buffer_destroy(&f->weights.buffer);
    ctvk_gpu_buffer_destroy(&f->scratch.buffer);
    ctvk_gpu_buffer_destroy(&f->taken.buffer);
    free(f->dense);
    free(f->kernel);
}

static float *run(ctvk_gpu *gpu, fixture *f, int apart, size_t count, ctvk_status expected)
{
    ctvk_error error = {0};
    float *got = ops_random(count, 1, 1);
    f->apart = apart;
    CHECK(conv_tensor_write(&f->in, f->dense));
    ctvk_status status = ops_run(gpu, record, f, &error);
    CHECK_MSG(status == expected, "%d, not %d: %s", status, expected, error.message);
    CHECK(status != CTVK_OK || conv_tensor_read(&f->out, got));
    CHECK(conv_tensor_guards_hold(&f->in) && conv_tensor_guards_hold(&f->out) && ops_span_guards_hold(&f->weights) &&
          ops_span_guards_hold(&f->scratch) && ops_span_guards_hold(&f->stats));
    return got;
}

/* The input as it is read, rounded to float32. */
static float *expect_input(const float *dense, int c, shape s)
{
    size_t count = (size_t)c * s.x * s.y * s.z;
    double *wide = malloc(count * sizeof *wide);
    float *in = malloc(count * sizeof *in);
    ref_instance_norm(dense, NULL, c, (size_t)s.x * s.y * s.z, wide);
    for (size_t i = 0; i < count; i++)
        in[i] = (float)wide[i];
    free(wide);
    return in;
}

/* Mean and scale of four channels each, as they were left by the last run; NULL: the variant takes none. OWNED. */
static float *taken(const fixture *f, uint64_t bytes)
{
    ctvk_error error = {0};
    float *stats = f->taken.buffer ? malloc(bytes) : NULL;
    CHECK(!stats || ctvk_gpu_download(f->taken.buffer, f->taken.offset, stats, bytes, &error) == CTVK_OK);
    return stats;
}

static void compare(ctvk_gpu *gpu, fixture *f, const double *want, size_t count, double tolerance)
{
    const uint64_t bytes = (uint64_t)f->out.tensor.c * 2 * sizeof(float);
    float *got = run(gpu, f, 0, count, CTVK_OK), *stats = taken(f, bytes);
    float *apart = run(gpu, f, 1, count, CTVK_OK), *stats_apart = taken(f, bytes);
    const ctvk_tensor *in = &f->in.tensor;
    double worst = conv_worst(got, want, count);
    CHECK_MSG(worst <= tolerance, "%s, %d channels, %d x %d x %d: error %g", f->conv ? "conv3d" : "transp", in->c, in->x, in->y, in->z,
              worst);
    CHECK_MSG(memcmp(got, apart, count * sizeof *got) == 0, "%s, %d channels, %d x %d x %d: not the same apart",
              f->conv ? "conv3d" : "transp", in->c, in->x, in->y, in->z);
    CHECK(!stats || memcmp(stats, stats_apart, bytes) == 0);
    free(got);
    free(apart);
    free(stats);
    free(stats_apart);
}

/* Holds what is computed against `want`; NULL: it must be refused. Frees everything. */
static void judge(ctvk_gpu *gpu, fixture *f, double *want, size_t count, double tolerance, void *packed)
{
    if (want)
        compare(gpu, f, want, count, tolerance);
    else
        free(run(gpu, f, 0, count, CTVK_ERROR_INTERNAL));
    free(want);
    destroy(f);
    free(packed);
}

static void conv_case(ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, shape s, double offset)
{
    size_t count = (size_t)conv->out * s.x * s.y * s.z;
    uint64_t bytes = ctvk_conv3d_plan_weight_bytes(plan, conv);
    fixture f = {.plan = plan, .conv = conv, .kernel = ops_random((size_t)conv->out * conv->in_a * 27, 11, 1)};
    void *packed = malloc(bytes);
    ctvk_conv3d_plan_pack(plan, conv, f.kernel, packed);
    CHECK(make(gpu, &f, conv->in_a, s, packed, bytes, ctvk_conv3d_plan_scratch_bytes(plan, conv, s.x, s.y, s.z), offset) &&
          conv_tensor_create(gpu, &f.out, conv->out, s.x, s.y, s.z, 0));
    const int32_t parts = ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(gpu), plan, conv, s.x, s.y, s.z);
    CHECK(!parts || ops_span_create(gpu, &f.taken, ctvk_instance_norm_parts_bytes(conv->out, parts), NULL));
    double *want = ctvk_conv3d_plan_normalises(plan, conv) ? malloc(count * sizeof *want) : NULL;
    float *in = expect_input(f.dense, conv->in_a, s);
    if (want)
        ref_conv3d(in, conv->in_a, s.x, s.y, s.z, f.kernel, conv->out, 3, 1, want);
    free(in);
    judge(gpu, &f, want, count, WINOGRAD_TOLERANCE, packed);
}

static const shape shapes[] = {{1, 1, 2}, {2, 3, 5}, {3, 4, 4}, {7, 9, 33}, {9, 10, 7}};

static void test_conv(ctvk_gpu *gpu)
{
    static const ctvk_conv3d convs[] = {{16, 0, 16, 3, 1, 0}, {48, 0, 48, 3, 1, 0}, {96, 0, 28, 3, 1, 0}};
    int normalising = 0;
    for (int i = 0; i < 3 * CTVK_CONV3D_CANDIDATES; i++) {
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES], *plan = &plans[i / 3];
        if (i / 3 >= ctvk_conv3d_candidates(ctvk_gpu_get_caps(gpu), &convs[i % 3], plans))
            continue;
        plan->scratch_bytes = 1u << 21;
        for (int k = 0; k < 5; k++)
            conv_case(gpu, plan, &convs[i % 3], shapes[k], 0);
        normalising += ctvk_conv3d_plan_normalises(plan, &convs[i % 3]);
        /* Blocks of a plane and a row of tiles; zeros around the tensor are not normalised, which a mean far from zero shows. */
        plan->source_bytes = (uint64_t)convs[i % 3].in_a * 10 * 7 * 4 * 4 + 300;
        conv_case(gpu, plan, &convs[i % 3], shapes[4], 20);
    }
    CHECK(normalising == 3 || ctvk_conv3d_class(ctvk_gpu_get_caps(gpu)) != CTVK_CONV3D_CPU);
}

static void transp_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv, shape s)
{
    size_t count = (size_t)conv->out * s.x * s.y * s.z * 8;
    uint64_t bytes = ctvk_transp_conv3d_weight_bytes(gpu, conv);
    fixture f = {.transp_plan = plan, .transp = conv, .kernel = ops_random((size_t)conv->out * conv->in * 8, 11, 1)};
    void *packed = malloc(bytes);
    ctvk_transp_conv3d_pack(gpu, conv, f.kernel, packed);
    CHECK(make(gpu, &f, conv->in, s, packed, bytes, 0, 1) &&
          conv_tensor_create(gpu, &f.out, conv->out, 2 * s.x, 2 * s.y, 2 * s.z, conv->planar));
    double *want = ctvk_transp_conv3d_plan_normalises(plan, conv) ? malloc(count * sizeof *want) : NULL;
    float *in = expect_input(f.dense, conv->in, s);
    if (want)
        ref_transp_conv3d(in, conv->in, s.x, s.y, s.z, f.kernel, conv->out, want);
    free(in);
    judge(gpu, &f, want, count, NORMALISED_TRANSP_TOLERANCE, packed);
}

/* Labels and probabilities of what is normalised as it is read: the same bits as of what was normalised before, of the logits the larger
 * one, and beside the probabilities the same words. */
static void labels_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, shape s)
{
    static const ctvk_transp_conv3d conv = {48, 2, 1};
    const size_t voxels = (size_t)s.x * s.y * s.z, count = 2 * voxels * 8;
    uint64_t bytes = ctvk_transp_conv3d_weight_bytes(gpu, &conv);
    fixture f = {.transp_plan = plan, .transp = &conv, .kernel = ops_random((size_t)48 * 2 * 8, 11, 1)};
    void *packed = malloc(bytes);
    uint32_t *words[2], *beside = malloc(voxels * sizeof *beside);
    float *soft[2];
    ctvk_span span[2];
    ctvk_error error = {0};
    size_t wrong = 0;
    ctvk_transp_conv3d_pack(gpu, &conv, f.kernel, packed);
    CHECK(make(gpu, &f, 48, s, packed, bytes, 0, 1) && conv_tensor_create(gpu, &f.out, 2, 2 * s.x, 2 * s.y, 2 * s.z, 1) &&
          conv_tensor_create(gpu, &f.soft, 2, 2 * s.x, 2 * s.y, 2 * s.z, 1) &&
          ops_span_create(gpu, &span[0], voxels * sizeof **words, NULL) && ops_span_create(gpu, &span[1], voxels * sizeof **words, NULL));
    f.words = span;
    for (int apart = 0; apart < 2; apart++) {
        float *logits = run(gpu, &f, apart, count, CTVK_OK);
        words[apart] = malloc(voxels * sizeof **words);
        soft[apart] = malloc(count * sizeof **soft);
        CHECK(ctvk_gpu_download(span[0].buffer, span[0].offset, words[apart], voxels * sizeof **words, &error) == CTVK_OK &&
              ctvk_gpu_download(span[1].buffer, span[1].offset, beside, voxels * sizeof *beside, &error) == CTVK_OK &&
              conv_tensor_read(&f.soft, soft[apart]) && conv_tensor_guards_hold(&f.soft));
        CHECK(memcmp(words[apart], beside, voxels * sizeof *beside) == 0);
        for (size_t i = 0; i < voxels * 8; i++) {
            size_t z = i % (2 * (size_t)s.z), y = i / (2 * (size_t)s.z) % (2 * (size_t)s.y), x = i / (4 * (size_t)(s.y * s.z));
            uint32_t word = words[apart][(x / 2 * (size_t)s.y + y / 2) * (size_t)s.z + z / 2];
            wrong += (word >> CTVK_LABEL_BIT(x % 2, y % 2, z % 2) & 15) != (logits[voxels * 8 + i] > logits[i]);
            wrong += !(fabs(soft[apart][voxels * 8 + i] - 1 / (1 + exp((double)logits[i] - logits[voxels * 8 + i]))) <= 1e-6);
        }
        free(logits);
    }
    CHECK_MSG(wrong == 0 && memcmp(words[0], words[1], voxels * sizeof **words) == 0, "%d x %d x %d: %zu labels or probabilities are wrong",
              s.x, s.y, s.z, wrong);
    CHECK_MSG(memcmp(soft[0], soft[1], count * sizeof **soft) == 0, "%d x %d x %d: probabilities are not the same apart", s.x, s.y, s.z);
    for (int i = 0; i < 2; i++) {
        CHECK(ops_span_guards_hold(&span[i]));
        ctvk_gpu_buffer_destroy(&span[i].buffer);
        free(words[i]);
        free(soft[i]);
    }
    conv_tensor_destroy(&f.soft);
    destroy(&f);
    free(beside);
    free(packed);
}

static void test_transp(ctvk_gpu *gpu)
{
    static const ctvk_transp_conv3d convs[] = {{48, 2, 1}, {16, 5, 1}, {68, 3, 1}, {16, 16, 0}};
    for (int i = 0; i < 4 * 5; i++) {
        ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
        transp_case(gpu, &plan, &convs[i % 4], shapes[i / 4]);
        if (i % 4 == 0 && ctvk_transp_conv3d_plan_normalises(&plan, &convs[0]))
            labels_case(gpu, &plan, shapes[i / 4]);
    }
}

/* The doors ask the same as the plans. */
static void test_doors(ctvk_gpu *gpu)
{
    static const ctvk_conv3d one = {48, 0, 48, 3, 1, 0}, two = {48, 48, 48, 3, 1, 0};
    static const ctvk_transp_conv3d logits = {48, 2, 1}, up = {48, 48, 0};
    int class = ctvk_conv3d_class(ctvk_gpu_get_caps(gpu)), cpu = class == CTVK_CONV3D_CPU;
    CHECK(ctvk_conv3d_normalises(gpu, &one, 48, 48, 16) == (class != CTVK_CONV3D_LEAST) && !ctvk_conv3d_normalises(gpu, &two, 48, 48, 16));
    CHECK(ctvk_transp_conv3d_normalises(gpu, &logits) == cpu && !ctvk_transp_conv3d_normalises(gpu, &up));
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        test_conv(gpu);
        test_transp(gpu);
        test_doors(gpu);
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("normalised");
}
