/* The trial of the transposed convolution: logits, labels and probabilities. Limits: bench.h. */
#include "ops/transp_conv3d.h"
#include "ref/transp_conv3d.h"
#include "selftest/bench.h"

#include <math.h>

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
    ctvk_span stats = ctvk_bench_stats(b, k.dense, conv->in, voxels, normalises);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_transp_conv3d_job job = {.cmd = b->cmd,
                                        .gpu = b->gpu,
                                        .conv = conv,
                                        .in = &in,
                                        .norm = normalises ? &stats : NULL,
                                        .weights = &weights,
                                        .out = &out,
                                        .count = x};
    ctvk_bench_finish(b, ctvk_transp_conv3d_record(&job, b->error));
    ref_transp_conv3d(normalises ? ctvk_bench_normalised(b, k.dense, conv->in, voxels) : k.dense, conv->in, x, y, z, k.kernel, conv->out,
                      k.want);
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
    ctvk_span stats = ctvk_bench_stats(b, k.dense, conv->in, voxels, how & NORMALISES);
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
    const ctvk_transp_conv3d_job job = {.cmd = b->cmd,
                                        .gpu = b->gpu,
                                        .conv = conv,
                                        .in = &in,
                                        .norm = how & NORMALISES ? &stats : NULL,
                                        .weights = &weights,
                                        .out = how & SOFT ? &soft : NULL,
                                        .words = &words,
                                        .count = x};
    ctvk_bench_finish(b, ctvk_transp_conv3d_record(&job, b->error));
    const uint32_t *found = (const uint32_t *)(const void *)ctvk_bench_floats(b, &words);
    if (how & BAD) {
        ctvk_bench_require(b, b->status || ((found[voxels - 1] & CTVK_LABEL_NOT_FINITE_BITS) && !(found[0] & CTVK_LABEL_NOT_FINITE_BITS)));
        return;
    }
    ref_transp_conv3d(how & NORMALISES ? ctvk_bench_normalised(b, k.dense, conv->in, voxels) : k.dense, conv->in, x, y, z, k.kernel,
                      conv->out, k.want);
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
