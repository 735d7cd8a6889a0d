/* The trial of rounding to 16 bits a number: each deviation from a channel's mean to the nearer one of its two neighbours among what its
 * voxel's four can hold. */
#include "ops/narrow.h"
#include "selftest/bench.h"

#include <math.h>

static void narrow(ctvk_trials *b, int32_t c, int32_t x, int32_t y, int32_t z)
{
    const size_t voxels = (size_t)x * (size_t)y * (size_t)z, count = (size_t)c * voxels;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, count, 100), *of = ctvk_bench_made_up_stats(b, c, 30);
    double *want = ctvk_bench_doubles(b, count), *sizes = ctvk_bench_doubles(b, count);
    ctvk_span stats = ctvk_bench_span(b, (uint64_t)c * 2 * sizeof *of, of);
    ctvk_tensor in = ctvk_bench_tensor(b, c, x, y, z, CTVK_BENCH_BLOCKED, dense),
                out = ctvk_bench_tensor(b, c, x, y, z, CTVK_BENCH_HALF, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_bench_finish(b, ctvk_narrow_record(b->cmd, b->gpu, &in, &stats, &out, b->error));
    for (size_t i = 0; i < count; i++) {
        const size_t channel = i / voxels, at = channel / 4 * 8 + channel % 4;
        want[i] = (dense[i] - (double)of[at]) * of[at + 4];
    }
    for (size_t i = 0; i < count; i++) {
        const double *four = want + i / (4 * voxels) * 4 * voxels + i % voxels;
        sizes[i] = fmax(fmax(fabs(four[0]), fabs(four[voxels])), fmax(fabs(four[2 * voxels]), fabs(four[3 * voxels])));
    }
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, 0), want, count, CTVK_BY_SIZE, sizes, 0x1p-13 + 1e-6);
}

void ctvk_trial_narrow(ctvk_trials *b)
{
    narrow(b, 16, 3, 5, 7);
    if (b->full)
        narrow(b, 48, 7, 9, 11);
}
