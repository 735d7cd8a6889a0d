/* The trials of what becomes of logits: blending of windows, classes. Limits: bench.h. */
#include "ops/blend.h"
#include "ops/classify.h"
#include "ref/blend.h"
#include "ref/classify.h"
#include "selftest/bench.h"

#include <math.h>
#include <string.h>

/* Planes [first, first + planes) of a window's logits. */
static void blend(ctvk_trials *b, int32_t classes, const int32_t dim[3], int32_t first, int32_t planes, int32_t constant)
{
    size_t area = (size_t)dim[1] * (size_t)dim[2], voxels = (size_t)dim[0] * area, tile = (size_t)planes * area;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, (size_t)classes * voxels, 20);
    double *weights = ctvk_bench_doubles(b, voxels), *want = ctvk_bench_doubles(b, (size_t)(classes + 1) * tile),
           *sizes = ctvk_bench_doubles(b, (size_t)(classes + 1) * tile);
    ctvk_tensor logits = ctvk_bench_tensor(b, classes, dim[0], dim[1], dim[2], 1, dense);
    ctvk_tensor out = ctvk_bench_tensor(b, classes + 1, planes, dim[1], dim[2], 1, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_bench_finish(b, ctvk_blend_record(b->cmd, b->gpu, &logits, 0.125, constant, first, planes, &out, b->error));
    ref_blend_weights(dim[0], dim[1], dim[2], 0.125, constant, weights);
    for (size_t k = 0; k <= (size_t)classes; k++)
        for (size_t i = 0; i < tile; i++) {
            size_t voxel = (size_t)first * area + i;
            want[k * tile + i] = weights[voxel] * (k < (size_t)classes ? dense[k * voxels + voxel] : 1);
            sizes[k * tile + i] = fabs(want[k * tile + i]);
        }
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, 1), want, (size_t)(classes + 1) * tile, CTVK_BY_SIZE, sizes, 6e-6);
}

void ctvk_trial_blend(ctvk_trials *b)
{
    static const int32_t small[3] = {5, 6, 7}, large[3] = {16, 9, 33};
    blend(b, 2, small, 1, 3, 0);
    blend(b, 2, small, 0, 5, 1);
    for (int i = 0; i < 4 && b->full; i++)
        blend(b, 2 + i, large, i, 16 - 2 * i, i == 3);
}

/* planes of z voxels. bad: one logit is infinite, which must be found; nothing else is looked at then. */
static void classify(ctvk_trials *b, const ctvk_classify *op, int32_t planes, int32_t z, int32_t bad)
{
    const size_t n = (size_t)planes * (size_t)z, count = (size_t)op->classes * n;
    const uint32_t none = 0;
    ctvk_bench_case(b);
    float *values = ctvk_bench_random(b, count + n, 20);
    double *logits = ctvk_bench_doubles(b, count), *probabilities = ctvk_bench_doubles(b, count);
    unsigned *labels = ctvk_bench_take(b, n * sizeof *labels);
    for (size_t i = 0; labels && i < n; i++)
        values[count + i] = 0.5f + fabsf(values[count + i]) / 20; /* sums of weights */
    if (bad)
        values[count - 2] = INFINITY;
    ctvk_tensor in = ctvk_bench_tensor(b, op->classes + op->weighted, planes, 1, z, CTVK_BENCH_PLANAR, values),
                volumes = ctvk_bench_tensor(b, op->classes, planes, 1, z, CTVK_BENCH_PLANAR, NULL);
    ctvk_span bytes = ctvk_bench_span(b, n, NULL), not_finite = ctvk_bench_span(b, sizeof none, &none);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_bench_finish(
        b, ctvk_classify_record(b->cmd, b->gpu, op, &in, 0, planes, &bytes, &volumes, op->weighted ? NULL : &not_finite, b->error));
    uint32_t word;
    memcpy(&word, ctvk_bench_floats(b, &not_finite), sizeof word);
    ctvk_bench_require(b, b->status || word == (uint32_t)bad);
    if (bad)
        return;
    ref_classify(values, op->weighted ? values + count : NULL, op->classes, n, logits, probabilities, labels);
    if (op->volumes != CTVK_CLASSIFY_LABELS)
        ctvk_bench_compare(b, ctvk_bench_dense(b, &volumes, 1), op->volumes == CTVK_CLASSIFY_LOGITS ? logits : probabilities, count,
                           CTVK_BY_ONE, NULL, 8e-6);
    const uint8_t *found = (const uint8_t *)ctvk_bench_floats(b, &bytes);
    int32_t right = 1;
    for (size_t i = 0; labels && i < n && !b->status; i++) /* two logits of one rounding are either's */
        right = right && found[i] < op->classes &&
                logits[found[i] * n + i] >= logits[labels[i] * n + i] - 1e-5 * fabs(logits[labels[i] * n + i]);
    ctvk_bench_require(b, right);
}

void ctvk_trial_classify(ctvk_trials *b)
{
    static const int32_t voxels[] = {4, 252, 256, 260, 1000};
    classify(b, &(ctvk_classify){2, 1, CTVK_CLASSIFY_PROBABILITIES}, 1, 132, 0);
    classify(b, &(ctvk_classify){3, 0, CTVK_CLASSIFY_LABELS}, 3, 44, 0);
    classify(b, &(ctvk_classify){3, 0, CTVK_CLASSIFY_LABELS}, 3, 44, 1);
    for (int i = 0; i < 30 && b->full; i++)
        classify(b, &(ctvk_classify){2 + i / 6, i % 2, i % 3}, 1 + i % 2, voxels[i / 6], 0);
}
