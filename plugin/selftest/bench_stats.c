/* Statistics of norms for the trials of what reads them. */
#include "ref/instance_norm.h"
#include "selftest/bench.h"

#include <math.h>

const float *ctvk_bench_normalised(ctvk_trials *b, const float *dense, int32_t c, size_t voxels)
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

ctvk_span ctvk_bench_stats(ctvk_trials *b, const float *dense, int32_t c, size_t voxels, int32_t wanted)
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

float *ctvk_bench_made_up_stats(ctvk_trials *b, int32_t c, float size)
{
    float *stats = ctvk_bench_random(b, (size_t)c * 2, 1);
    for (int32_t i = 0; i < c * 2 && !b->status; i++)
        stats[i] = i % 8 < 4 ? size * stats[i] : 1.5f + stats[i];
    return stats;
}
