/* The trials of what works on whole images: convolutions and norms. Limits are four times those of tests/ops, which say where each comes
 * from: Vulkan lets a GPU's exp, division and square root be off by a few ulp more than those of the software drivers. */
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"
#include "ops/transp_conv3d.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "ref/narrow.h"
#include "ref/transp_conv3d.h"
#include "selftest/bench.h"

#include <math.h>

/* family: the variant that a small self-test takes where the device has it; a GPU that was not tuned has one. */
typedef struct conv_case {
    ctvk_conv3d conv;
    int32_t x, y, z, family;
} conv_case;

/* What a convolution reads that normalises its input, rounded to float32. */
static const float *normalised(ctvk_trials *b, const float *dense, int32_t c, size_t voxels)
{
    size_t count = (size_t)c * voxels;
    double *wide = ctvk_bench_doubles(b, count);
    float *in = ctvk_bench_take(b, count * sizeof *in);
    if (!in)
        return dense;
    ref_instance_norm(dense, NULL, c, voxels, wide);
    for (size_t i = 0; i < count; i++)
        in[i] = (float)wide[i];
    return in;
}

/* Statistics of `dense` as instance_norm leaves them, from double: what is wrong then is what reads them. Empty: they are not wanted. */
static ctvk_span stats_of(ctvk_trials *b, const float *dense, int32_t c, size_t voxels, int32_t wanted)
{
    float *stats = wanted ? ctvk_bench_take(b, (size_t)c * 2 * sizeof *stats) : NULL;
    for (int32_t i = 0; i < c && stats; i++, dense += voxels) {
        double mean = 0, square = 0;
        for (size_t k = 0; k < voxels; k++)
            mean += dense[k] / (double)voxels;
        for (size_t k = 0; k < voxels; k++)
            square += (dense[k] - mean) * (dense[k] - mean) / (double)voxels;
        stats[i / 4 * 8 + i % 4] = (float)mean;
        stats[i / 4 * 8 + i % 4 + 4] = (float)(1 / sqrt(square + 1e-5));
    }
    return stats ? ctvk_bench_span(b, (uint64_t)c * 2 * sizeof *stats, stats) : (ctvk_span){0};
}

/* Statistics that were taken of `out` while it was written: mean and scale of what was stored. */
static void compare_stats(ctvk_trials *b, const ctvk_span *stats, const ctvk_tensor *out)
{
    const int32_t c = out->c;
    double *mean = ctvk_bench_doubles(b, (size_t)c), *scale = ctvk_bench_doubles(b, (size_t)c),
           *want = ctvk_bench_doubles(b, (size_t)c * 2), *sizes = ctvk_bench_doubles(b, (size_t)c * 2);
    ref_instance_norm_stats(ctvk_bench_dense(b, out, 0), c, (size_t)out->x * (size_t)out->y * (size_t)out->z, mean, scale);
    for (int32_t i = 0; i < c && !b->status; i++) {
        const int32_t at = i / 4 * 8 + i % 4;
        want[at] = mean[i];
        sizes[at] = fmax(fabs(mean[i]), 1 / scale[i]);
        want[at + 4] = sizes[at + 4] = scale[i];
    }
    ctvk_bench_compare(b, ctvk_bench_floats(b, stats), want, (size_t)c * 2, CTVK_BY_SIZE, sizes, 4e-6);
}

/* Statistics for a source of 16 bits a number, whose numbers become what they stand for. */
static ctvk_span stored_stats(ctvk_trials *b, float *dense, int32_t c, size_t voxels)
{
    float *stats = ctvk_bench_random(b, (size_t)c * 2, 1);
    for (int32_t i = 0; i < c * 2 && !b->status; i++)
        stats[i] = i % 8 < 4 ? stats[i] : 1.5f + stats[i];
    if (!b->status)
        ref_restored(dense, stats, c, voxels);
    return ctvk_bench_span(b, (uint64_t)c * 2 * sizeof *stats, stats);
}

/* Where the variant can take the statistics of its output, it does. */
static void conv3d(ctvk_trials *b, const conv_case *t, const ctvk_conv3d_plan *plan, int32_t normalises)
{
    const ctvk_conv3d *conv = &t->conv;
    int32_t in = conv->in_a + conv->in_b, s = conv->stride, x = (t->x + s - 1) / s, y = (t->y + s - 1) / s, z = (t->z + s - 1) / s;
    size_t voxels = (size_t)t->x * (size_t)t->y * (size_t)t->z, count = (size_t)conv->out * (size_t)x * (size_t)y * (size_t)z;
    size_t taps = (size_t)conv->kernel * (size_t)conv->kernel * (size_t)conv->kernel;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, (size_t)in * voxels, 1), *kernel = ctvk_bench_random(b, (size_t)(conv->out * in) * taps, 1);
    double *want = ctvk_bench_doubles(b, count);
    void *packed = ctvk_bench_take(b, ctvk_conv3d_plan_weight_bytes(plan, conv));
    if (!packed)
        return;
    ctvk_conv3d_plan_pack(plan, conv, kernel, packed);
    int32_t layout = conv->planar ? CTVK_BENCH_PLANAR : CTVK_BENCH_BLOCKED;
    ctvk_tensor a = ctvk_bench_tensor(b, conv->in_a, t->x, t->y, t->z, layout, dense), second = {0};
    if (conv->in_b) {
        layout = b->half ? CTVK_BENCH_HALF : CTVK_BENCH_BLOCKED;
        second = ctvk_bench_tensor(b, conv->in_b, t->x, t->y, t->z, layout, dense + (size_t)conv->in_a * voxels);
    }
    ctvk_span weights = ctvk_bench_span(b, ctvk_conv3d_plan_weight_bytes(plan, conv), packed);
    ctvk_span scratch = ctvk_bench_span(b, ctvk_conv3d_plan_scratch_bytes(plan, conv, x, y, z), NULL);
    const int32_t parts = ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(b->gpu), plan, conv, x, y, z);
    const int32_t half = b->half && conv->in_b;
    ctvk_span stats = half ? stored_stats(b, dense + (size_t)conv->in_a * voxels, conv->in_b, voxels)
                           : stats_of(b, dense, in, voxels, normalises),
              taken = parts ? ctvk_bench_span(b, ctvk_instance_norm_parts_bytes(conv->out, parts), NULL) : (ctvk_span){0};
    ctvk_tensor out = ctvk_bench_tensor(b, conv->out, x, y, z, CTVK_BENCH_BLOCKED, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_conv3d_job job = {b->cmd, b->gpu, plan, conv, &a, conv->in_b ? &second : NULL, &out, &weights, &scratch, NULL, NULL};
    job.norm = half || normalises ? &stats : NULL;
    job.stats = parts ? &taken : NULL;
    ctvk_bench_finish(b, ctvk_conv3d_plan_record(&job, b->error));
    ref_conv3d(normalises ? normalised(b, dense, in, voxels) : dense, in, t->x, t->y, t->z, kernel, conv->out, conv->kernel, s, want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, 0), want, count, CTVK_BY_LARGEST, NULL,
                       plan->family == CTVK_CONV3D_WINOGRAD ? 2.4e-4 : 2.4e-5);
    if (parts)
        compare_stats(b, &taken, &out);
}

/* With every variant that this device may be told to take, or, in a small self-test of a software driver, one of them; and with what a
 * device takes by itself where no model of the shape chooses. */
static void conv3d_variants(ctvk_trials *b, const conv_case *t)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(b->gpu);
    const ctvk_conv3d_plan by_itself = ctvk_conv3d_choose(caps, NULL, &t->conv, t->x, t->y, t->z);
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    int32_t count = ctvk_conv3d_candidates(caps, &t->conv, plans), one = 0, modelled = ctvk_conv3d_class(caps) == CTVK_CONV3D_CPU;
    int32_t told = b->variants || modelled || ctvk_gpu_tuned_sha256(b->gpu);
    for (int32_t i = 0; i < count; i++)
        if (plans[i].family == t->family)
            one = i;
    for (int32_t i = 0; i < count; i++)
        if ((told && (b->full || b->variants || !modelled || i == one)) || (!modelled && plans[i].family == by_itself.family))
            for (int32_t normalises = 0; normalises <= ctvk_conv3d_plan_normalises(&plans[i], &t->conv); normalises++)
                conv3d(b, t, &plans[i], normalises);
}

void ctvk_trial_conv3d(ctvk_trials *b)
{
    enum { DIRECT = CTVK_CONV3D_ADDRESS, WINOGRAD = CTVK_CONV3D_WINOGRAD, GEMM = CTVK_CONV3D_GEMM };
    /* The first seven, small, take each kernel that a network has: both Winograd widths, strides, the first layer's planes, two sources,
     * and the matrix product of the deep levels. */
    static const conv_case cases[] = {
        {{48, 0, 24, 3, 1, 0}, 3, 5, 5, WINOGRAD},  {{16, 16, 16, 3, 1, 0}, 2, 4, 5, DIRECT}, {{16, 0, 24, 3, 2, 0}, 3, 5, 6, DIRECT},
        {{1, 0, 16, 3, 2, 1}, 5, 6, 7, DIRECT},     {{16, 0, 32, 1, 2, 0}, 4, 6, 5, DIRECT},  {{64, 0, 24, 3, 2, 0}, 3, 5, 6, GEMM},
        {{96, 0, 16, 1, 2, 0}, 4, 6, 5, GEMM},      {{1, 0, 16, 1, 2, 1}, 4, 5, 7, DIRECT},   {{48, 0, 48, 3, 1, 0}, 4, 4, 4, WINOGRAD},
        {{48, 48, 48, 3, 1, 0}, 3, 5, 9, WINOGRAD}, {{16, 0, 16, 3, 1, 0}, 1, 1, 1, DIRECT},  {{4, 16, 52, 3, 1, 0}, 7, 9, 33, DIRECT},
        {{20, 28, 24, 3, 1, 0}, 2, 3, 5, WINOGRAD}, {{52, 0, 48, 3, 2, 0}, 5, 8, 8, DIRECT},  {{16, 0, 16, 3, 1, 0}, 16, 16, 16, DIRECT},
        {{1, 0, 48, 3, 1, 1}, 3, 5, 9, DIRECT},     {{3, 0, 12, 3, 2, 1}, 7, 9, 33, DIRECT},  {{24, 0, 48, 1, 2, 0}, 5, 8, 8, DIRECT},
        {{12, 20, 16, 1, 1, 0}, 3, 5, 33, DIRECT},  {{2, 0, 4, 1, 1, 1}, 16, 16, 16, DIRECT}, {{96, 0, 96, 3, 1, 0}, 3, 6, 4, GEMM},
        {{48, 0, 96, 3, 2, 0}, 8, 6, 10, DIRECT}};
    /* With a second source of 16 bits a number; the first two are the small self-test's. */
    static const conv_case halves[] = {{{16, 16, 16, 3, 1, 0}, 2, 4, 5, DIRECT},   {{16, 16, 16, 3, 1, 0}, 3, 5, 5, WINOGRAD},
                                       {{48, 48, 48, 3, 1, 0}, 3, 5, 9, WINOGRAD}, {{4, 16, 52, 3, 1, 0}, 7, 9, 33, DIRECT},
                                       {{20, 28, 24, 3, 1, 0}, 2, 3, 5, WINOGRAD}, {{16, 32, 20, 3, 1, 0}, 1, 1, 1, GEMM}};
    const conv_case *tried = b->half ? halves : cases;
    const int all = b->half ? (int)(sizeof halves / sizeof *halves) : (int)(sizeof cases / sizeof *cases), few = b->half ? 2 : 7;
    for (int i = 0; i < (b->full ? all : few); i++)
        conv3d_variants(b, &tried[i]);
}

/* Input and weights of a transposed convolution on the host, and room for the reference. */
typedef struct transp_case {
    float *dense, *kernel;
    double *want;
    void *packed;
} transp_case;

/* A case of `voxels` of the input; 0: there is no room for it. */
static int32_t begin_transp(ctvk_trials *b, const ctvk_transp_conv3d *conv, size_t voxels, transp_case *k)
{
    ctvk_bench_case(b);
    k->dense = ctvk_bench_random(b, (size_t)conv->in * voxels, 1);
    k->kernel = ctvk_bench_random(b, (size_t)(conv->in * conv->out) * 8, 1);
    k->want = ctvk_bench_doubles(b, (size_t)conv->out * voxels * 8);
    k->packed = ctvk_bench_take(b, ctvk_transp_conv3d_weight_bytes(b->gpu, conv));
    if (k->packed)
        ctvk_transp_conv3d_pack(b->gpu, conv, k->kernel, k->packed);
    return k->packed != NULL;
}

static void transp_conv3d_of(ctvk_trials *b, const ctvk_transp_conv3d *conv, int32_t x, int32_t y, int32_t z, int32_t normalises)
{
    size_t voxels = (size_t)x * (size_t)y * (size_t)z, count = (size_t)conv->out * voxels * 8;
    transp_case k;
    if (!begin_transp(b, conv, voxels, &k))
        return;
    ctvk_tensor in = ctvk_bench_tensor(b, conv->in, x, y, z, CTVK_BENCH_BLOCKED, k.dense);
    ctvk_span weights = ctvk_bench_span(b, ctvk_transp_conv3d_weight_bytes(b->gpu, conv), k.packed);
    ctvk_tensor out = ctvk_bench_tensor(b, conv->out, 2 * x, 2 * y, 2 * z, conv->planar ? CTVK_BENCH_PLANAR : CTVK_BENCH_BLOCKED, NULL);
    ctvk_span stats = stats_of(b, k.dense, conv->in, voxels, normalises);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_bench_finish(b, ctvk_transp_conv3d_record(b->cmd, b->gpu, conv, &in, normalises ? &stats : NULL, &weights, &out, b->error));
    ref_transp_conv3d(normalises ? normalised(b, k.dense, conv->in, voxels) : k.dense, conv->in, x, y, z, k.kernel, conv->out, k.want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, conv->planar), k.want, count, CTVK_BY_LARGEST, NULL, 1.6e-5);
}

/* Whether a network's input is normalised as it is read; the same shader without is for who looks at what lies between. */
static int32_t normalises(const ctvk_trials *b, const ctvk_transp_conv3d *conv)
{
    return ctvk_transp_conv3d_normalises(b->gpu, conv);
}

static void transp_conv3d(ctvk_trials *b, const ctvk_transp_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    if (b->full || !normalises(b, conv))
        transp_conv3d_of(b, conv, x, y, z, 0);
    if (normalises(b, conv))
        transp_conv3d_of(b, conv, x, y, z, 1);
}

/* How the labels of a planar output are tried, bit by bit. BAD: one input is infinite, and the labels of what it gives must say so; nothing
 * else is looked at then. NORMALISES: the input is normalised as it is read. SOFT: with probabilities. */
enum { PLAINLY = 0, BAD = 1, NORMALISES = 2, SOFT = 4 };

/* Probabilities against logits, which become these. Logits off by 1.6e-5 of the largest, as above, move a probability by half of that. */
static void compare_soft(ctvk_trials *b, const ctvk_tensor *soft, double *logits, int32_t classes, size_t voxels)
{
    double largest = 0;
    for (size_t i = 0; i < voxels; i++) {
        double total = 0;
        for (int32_t c = 0; c < classes; c++) {
            double *logit = &logits[(size_t)c * voxels + i];
            largest = fmax(largest, fabs(*logit));
            *logit = exp(*logit);
            total += *logit;
        }
        for (int32_t c = 0; c < classes; c++)
            logits[(size_t)c * voxels + i] /= total;
    }
    ctvk_bench_compare(b, ctvk_bench_dense(b, soft, 1), logits, (size_t)classes * voxels, CTVK_BY_ONE, NULL, 8e-6 * largest + 4e-6);
}

/* The label of each voxel of a planar output against its logits, and its probabilities. */
static void transp_labels(ctvk_trials *b, const ctvk_transp_conv3d *conv, int32_t x, int32_t y, int32_t z, int32_t how)
{
    const size_t voxels = (size_t)x * (size_t)y * (size_t)z;
    transp_case k;
    if (!begin_transp(b, conv, voxels, &k))
        return;
    ctvk_span stats = stats_of(b, k.dense, conv->in, voxels, how & NORMALISES);
    if (how & BAD)
        k.dense[voxels - 1] = INFINITY;
    ctvk_tensor in = ctvk_bench_tensor(b, conv->in, x, y, z, CTVK_BENCH_BLOCKED, k.dense);
    ctvk_span weights = ctvk_bench_span(b, ctvk_transp_conv3d_weight_bytes(b->gpu, conv), k.packed),
              words = ctvk_bench_span(b, voxels * sizeof(uint32_t), NULL);
    ctvk_tensor soft = {0};
    if (how & SOFT)
        soft = ctvk_bench_tensor(b, conv->out, 2 * x, 2 * y, 2 * z, CTVK_BENCH_PLANAR, NULL);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_span *norm = how & NORMALISES ? &stats : NULL;
    ctvk_bench_finish(
        b, how & SOFT ? ctvk_transp_conv3d_probabilities_record(b->cmd, b->gpu, conv, &in, norm, &weights, 0, x, &words, &soft, b->error)
                      : ctvk_transp_conv3d_labels_record(b->cmd, b->gpu, conv, &in, norm, &weights, 0, x, &words, b->error));
    const uint32_t *found = (const uint32_t *)(const void *)ctvk_bench_floats(b, &words);
    if (how & BAD) {
        ctvk_bench_require(b, b->status || ((found[voxels - 1] & CTVK_LABEL_NOT_FINITE_BITS) && !(found[0] & CTVK_LABEL_NOT_FINITE_BITS)));
        return;
    }
    ref_transp_conv3d(how & NORMALISES ? normalised(b, k.dense, conv->in, voxels) : k.dense, conv->in, x, y, z, k.kernel, conv->out,
                      k.want);
    int32_t right = 1;
    for (size_t i = 0; i < voxels * 8 && !b->status; i++) {
        size_t pz = i % (2 * (size_t)z), py = i / (2 * (size_t)z) % (2 * (size_t)y), px = i / (4 * (size_t)(y * z));
        uint32_t word = found[(px / 2 * (size_t)y + py / 2) * (size_t)z + pz / 2],
                 label = word >> CTVK_LABEL_BIT(px % 2, py % 2, pz % 2) & 15;
        right = right && label < (uint32_t)conv->out;
        for (int32_t c = 0; c < conv->out && right; c++) /* two logits of one rounding are either's */
            right = k.want[label * voxels * 8 + i] >= k.want[(size_t)c * voxels * 8 + i] - 1e-5 * conv->in;
    }
    ctvk_bench_require(b, right);
    if (how & SOFT)
        compare_soft(b, &soft, k.want, conv->out, voxels * 8);
}

static void labels(ctvk_trials *b, const ctvk_transp_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    for (int32_t soft = 0; soft <= SOFT; soft += SOFT) {
        if (b->full || !normalises(b, conv))
            transp_labels(b, conv, x, y, z, PLAINLY | soft);
        if (normalises(b, conv))
            transp_labels(b, conv, x, y, z, NORMALISES | soft);
    }
}

void ctvk_trial_transp_conv3d(ctvk_trials *b)
{
    static const ctvk_transp_conv3d wide = {96, 48, 0}, three = {48, 3, 1};
    const ctvk_transp_conv3d up = {b->channels, b->channels, 0}, logits = {b->channels, 2, 1};
    transp_conv3d(b, &up, 2, 3, 3);
    transp_conv3d(b, &logits, 2, 3, 5);
    /* Networks of other channels take no labels from it; the next network may. */
    const ctvk_transp_conv3d labelled = {ctvk_transp_conv3d_labels(&logits) ? b->channels : 16, 2, 1};
    labels(b, &labelled, 2, 3, 5);
    transp_labels(b, &labelled, 2, 3, 5, BAD | (normalises(b, &labelled) ? NORMALISES : PLAINLY));
    for (int i = 0; i < 3 && b->full; i++) {
        static const int32_t sizes[3][3] = {{1, 1, 1}, {3, 5, 9}, {2, 8, 17}};
        transp_conv3d(b, &up, sizes[i][0], sizes[i][1], sizes[i][2]);
        transp_conv3d(b, &wide, sizes[i][0], sizes[i][1], sizes[i][2]);
        transp_conv3d(b, &three, sizes[i][0], sizes[i][1], sizes[i][2]);
        labels(b, &three, sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

static void instance_norm(ctvk_trials *b, int32_t c, int32_t x, int32_t y, int32_t z, int32_t with_shortcut)
{
    size_t voxels = (size_t)x * (size_t)y * (size_t)z, count = (size_t)c * voxels;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, count, 1), *other = ctvk_bench_random(b, count, 3);
    double *want = ctvk_bench_doubles(b, count);
    ctvk_tensor in = ctvk_bench_tensor(b, c, x, y, z, CTVK_BENCH_BLOCKED, dense),
                shortcut = ctvk_bench_tensor(b, c, x, y, z, CTVK_BENCH_BLOCKED, other);
    uint64_t bytes = ctvk_instance_norm_scratch_bytes(b->gpu, c, x, y, z);
    ctvk_span stats = ctvk_bench_span(b, bytes, NULL), other_stats = ctvk_bench_span(b, bytes, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_status status = ctvk_instance_norm_stats(b->cmd, b->gpu, &in, &stats, b->error);
    if (!status && with_shortcut)
        status = ctvk_instance_norm_stats(b->cmd, b->gpu, &shortcut, &other_stats, b->error);
    if (!status)
        status = ctvk_instance_norm_apply(b->cmd, b->gpu, &in, &stats, with_shortcut ? &shortcut : NULL,
                                          with_shortcut ? &other_stats : NULL, &in, b->error);
    ctvk_bench_finish(b, status);
    ref_instance_norm(dense, with_shortcut ? other : NULL, c, voxels, want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &in, 0), want, count, CTVK_BY_ONE, NULL, 1.6e-5);
}

/* The first block's shortcut: x, y, z of the output. */
static void planar_shortcut(ctvk_trials *b, int32_t in, int32_t c, int32_t x, int32_t y, int32_t z)
{
    const ctvk_planar_shortcut shortcut = {in, c};
    size_t voxels = (size_t)x * (size_t)y * (size_t)z, count = (size_t)c * voxels;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, (size_t)in * voxels * 8, 1), *kernel = ctvk_bench_random(b, (size_t)(c * in), 1),
          *already = ctvk_bench_random(b, count, 2), *product = ctvk_bench_random(b, count, 1);
    double *want = ctvk_bench_doubles(b, count);
    void *packed = ctvk_bench_take(b, ctvk_planar_shortcut_weight_bytes(&shortcut));
    if (!packed)
        return;
    ctvk_planar_shortcut_pack(&shortcut, kernel, packed);
    ctvk_tensor image = ctvk_bench_tensor(b, in, 2 * x, 2 * y, 2 * z, CTVK_BENCH_PLANAR, dense),
                out = ctvk_bench_tensor(b, c, x, y, z, CTVK_BENCH_BLOCKED, already);
    uint64_t bytes = ctvk_instance_norm_scratch_bytes(b->gpu, c, x, y, z);
    ctvk_span weights = ctvk_bench_span(b, ctvk_planar_shortcut_weight_bytes(&shortcut), packed), stats = ctvk_bench_span(b, bytes, NULL),
              own_stats = ctvk_bench_span(b, bytes, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_status status = ctvk_instance_norm_stats(b->cmd, b->gpu, &out, &stats, b->error);
    if (!status)
        status = ctvk_planar_shortcut_record(b->cmd, b->gpu, &shortcut, &image, &weights, &own_stats, &out, &stats, b->error);
    ctvk_bench_finish(b, status);
    ref_conv3d(dense, in, 2 * x, 2 * y, 2 * z, kernel, c, 1, 2, want);
    for (size_t i = 0; i < count; i++)
        product[i] = (float)want[i];
    ref_instance_norm(already, product, c, voxels, want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, 0), want, count, CTVK_BY_ONE, NULL, 1.6e-5);
}

void ctvk_trial_instance_norm(ctvk_trials *b)
{
    static const int32_t shapes[][4] = {{4, 1, 1, 2}, {16, 3, 7, 9}, {48, 2, 16, 16}, {16, 17, 5, 13}, {96, 3, 4, 5}, {16, 32, 16, 16}};
    instance_norm(b, b->channels, 5, 6, 7, 0);
    instance_norm(b, b->channels, 4, 5, 9, 1);
    planar_shortcut(b, 1, b->channels, 3, 4, 5);
    for (int i = 0; i < 6 && b->full; i++)
        planar_shortcut(b, 1 + i % 3, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
    for (int i = 0; i < 12 && b->full; i++)
        instance_norm(b, shapes[i / 2][0], shapes[i / 2][1], shapes[i / 2][2], shapes[i / 2][3], i % 2);
}
