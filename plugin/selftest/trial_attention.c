/* The trials of the folded attention between image and tokens, the variants that the device takes. Limits: bench.h. */
#include "ops/image_to_token.h"
#include "ops/token_to_image.h"
#include "ref/image_to_token.h"
#include "ref/token_to_image.h"
#include "selftest/bench.h"

#include <math.h>
#include <string.h>

static void token_to_image(ctvk_trials *b, int32_t pairs, int32_t c, int32_t x, int32_t y, int32_t z)
{
    size_t voxels = (size_t)x * (size_t)y * (size_t)z, block = (size_t)pairs * (size_t)c;
    int32_t queries = 8, means = 8 + (int32_t)block + 4;
    ctvk_token_to_image_plan plan = ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(b->gpu), pairs, c, x, y, z);
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, (size_t)c * voxels, 2), *query = ctvk_bench_random(b, block, 6 / sqrt(c));
    float *floats = ctvk_bench_take(b, (2 * block + 16) * sizeof *floats);
    double *want = ctvk_bench_doubles(b, block);
    if (b->status)
        return;
    memset(floats, 0xff, (2 * block + 16) * sizeof *floats);
    memcpy(floats + queries, query, block * sizeof *query);
    ctvk_tensor image = ctvk_bench_tensor(b, c, x, y, z, 0, dense);
    ctvk_span span = ctvk_bench_span(b, (2 * block + 16) * sizeof *floats, floats);
    ctvk_span partials = ctvk_bench_span(b, ctvk_token_to_image_bytes(&plan, pairs, c, x, y, z), NULL);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_tokens tokens = {b->cmd, b->gpu, span};
    ctvk_bench_finish(b, ctvk_token_to_image_record(&tokens, &plan, &image, pairs, queries, means, &partials, b->error));
    ref_token_to_image(dense, c, voxels, query, pairs, want);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &span) + means, want, block, CTVK_BY_ONE, NULL, 3.2e-5);
}

void ctvk_trial_token_to_image(ctvk_trials *b)
{
    static const int32_t shapes[][5] = {{8, 16, 1, 1, 1},   {16, 16, 7, 9, 11}, {8, 48, 4, 9, 11}, {24, 96, 3, 5, 7},
                                        {16, 192, 3, 5, 7}, {16, 384, 1, 3, 5}, {16, 16, 33, 8, 8}};
    token_to_image(b, 16, b->channels, 5, 6, 7);
    for (int i = 0; i < 7 && b->full; i++)
        token_to_image(b, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], shapes[i][4]);
}

static void image_to_token(ctvk_trials *b, int32_t rows, int32_t c, int32_t x, int32_t y, int32_t z)
{
    size_t voxels = (size_t)x * (size_t)y * (size_t)z, count = (size_t)c * voxels;
    ctvk_folded_places at = ctvk_image_to_token_places(rows, c);
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, count, 2), *block = ctvk_bench_random(b, (size_t)at.total, 1);
    double *want = ctvk_bench_doubles(b, count);
    if (b->status)
        return;
    for (int32_t i = at.scores; i < at.values; i++)
        block[i] *= 5 / sqrtf((float)c);
    const ref_folded folded = {block + at.scores, block + at.constants, block + at.values,
                               block + at.base,   block + at.gamma,     block + at.beta};
    ctvk_tensor image = ctvk_bench_tensor(b, c, x, y, z, 0, dense);
    ctvk_span span = ctvk_bench_span(b, (uint64_t)at.total * sizeof(float), block);
    if (!ctvk_bench_begin(b))
        return;
    int32_t variant = ctvk_image_to_token_variant(ctvk_gpu_get_caps(b->gpu), rows, c);
    ctvk_bench_finish(b, ctvk_image_to_token_record(b->cmd, b->gpu, variant, &image, rows, &span, b->error));
    ref_image_to_token(dense, c, voxels, rows, &folded, want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &image, 0), want, count, CTVK_BY_ONE, NULL, 1.6e-5);
}

void ctvk_trial_image_to_token(ctvk_trials *b)
{
    /* The held variants are straight-line code for each pair of rows and channels: few of them, or compiling takes longer than the test. */
    static const int32_t shapes[][5] = {{0, 16, 3, 7, 3},  {1, 16, 129, 1, 1}, {1, 48, 13, 5, 1}, {1, 96, 2, 11, 3},
                                        {1, 192, 3, 3, 5}, {2, 384, 2, 3, 3},  {3, 192, 1, 5, 1}};
    image_to_token(b, 1, b->channels, 3, 5, 9);
    image_to_token(b, 1, 192, 2, 3, 5);
    for (int i = 0; i < 7 && b->full; i++)
        image_to_token(b, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], shapes[i][4]);
}
