/* The trials of the norms of images. Limits: bench.h. */
#include "ops/instance_norm.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "selftest/bench.h"

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
