/* The trials of the small operations on token rows. All rows of a case lie in one span: places in floats, as ops/tokens.h has them. Limits:
 * bench.h. */
#include "ops/tokens.h"
#include "ref/tokens.h"
#include "selftest/bench.h"

#include <math.h>
#include <string.h>

/* Copies dense rows into `rows`, which is NaN elsewhere; the copy in double. */
static double *put_rows(ctvk_trials *b, float *rows, int32_t place, int32_t stride, int32_t count, int32_t width, double scale)
{
    size_t all = (size_t)count * (size_t)width;
    const float *dense = ctvk_bench_random(b, all, scale);
    double *exact = ctvk_bench_doubles(b, all);
    for (size_t i = 0; i < all && !b->status; i++)
        exact[i] = rows[(size_t)place + i / (size_t)width * (size_t)stride + i % (size_t)width] = dense[i];
    return exact;
}

static float *new_rows(ctvk_trials *b, int32_t floats)
{
    float *rows = ctvk_bench_take(b, (uint64_t)floats * sizeof *rows);
    if (rows)
        memset(rows, 0xff, (size_t)floats * sizeof *rows);
    return rows ? rows : (float *)b->host;
}

static void compare_rows(ctvk_trials *b, const ctvk_span *span, int32_t place, int32_t stride, int32_t rows, int32_t width,
                         const double *want, double limit)
{
    for (int32_t row = 0; row < rows; row++)
        ctvk_bench_compare(b, ctvk_bench_floats(b, span) + place + row * stride, want + row * width, (size_t)width, CTVK_BY_ONE, NULL,
                           limit);
}

static void linear(ctvk_trials *b, int32_t rows, int32_t width, int32_t outs, int32_t relu)
{
    int32_t stride = width + 8;
    ctvk_linear op = {.in = 12,
                      .in_stride = stride,
                      .width = width,
                      .rows = rows,
                      .out = 12 + rows * stride + 3,
                      .out_stride = outs + 1,
                      .outs = outs,
                      .relu = relu};
    ctvk_bench_case(b);
    float *floats = new_rows(b, op.out + rows * op.out_stride), *weights = ctvk_bench_random(b, (size_t)((width + 1) * outs), 1);
    double *in = put_rows(b, floats, op.in, stride, rows, width, 1), *want = ctvk_bench_doubles(b, (size_t)(rows * outs));
    ctvk_span span = ctvk_bench_span(b, (uint64_t)(op.out + rows * op.out_stride) * sizeof(float), floats);
    ctvk_span packed = ctvk_bench_span(b, (uint64_t)((width + 1) * outs) * sizeof(float), weights);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_tokens tokens = {b->cmd, b->gpu, span};
    ctvk_bench_finish(b, ctvk_linear_record(&tokens, &op, &packed, b->error));
    ref_linear(in, weights, weights + width * outs, rows, width, outs, want);
    if (relu)
        ref_relu(want, rows * outs);
    compare_rows(b, &span, op.out, op.out_stride, rows, outs, want, 2.4e-5);
}

void ctvk_trial_linear(ctvk_trials *b)
{
    static const int32_t widths[] = {4, 32, 100, 772}, outs[] = {1, 7, 8, 9, 33};
    linear(b, 2, 36, 9, 0);
    linear(b, 1, 64, 16, 1);
    for (int i = 0; i < 20 && b->full; i++)
        linear(b, 1 + i % 3, widths[i / 5], outs[i % 5], i & 1);
}

static void layer_norm(ctvk_trials *b, int32_t rows, int32_t width, int32_t with_add)
{
    int32_t block = rows * width, in = 4, add = 4 + block + 4, out = 4 + 2 * block + 8;
    ctvk_bench_case(b);
    float *floats = new_rows(b, 3 * block + 20), *weights = ctvk_bench_random(b, (size_t)width * 2, 2);
    double *first = put_rows(b, floats, in, width, rows, width, 1), *second = put_rows(b, floats, add, width, rows, width, 2),
           *want = ctvk_bench_doubles(b, (size_t)block);
    ctvk_span span = ctvk_bench_span(b, (uint64_t)(3 * block + 20) * sizeof(float), floats);
    ctvk_span packed = ctvk_bench_span(b, (uint64_t)width * 2 * sizeof(float), weights);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_tokens tokens = {b->cmd, b->gpu, span};
    ctvk_bench_finish(b, ctvk_layer_norm_record(&tokens, in, with_add ? add : -1, out, rows, width, &packed, b->error));
    for (int32_t i = 0; i < block && with_add; i++)
        first[i] += second[i];
    ref_layer_norm(first, weights, weights + width, rows, width, want);
    compare_rows(b, &span, out, width, rows, width, want, 1.2e-5);
}

void ctvk_trial_layer_norm(ctvk_trials *b)
{
    static const int32_t widths[] = {4, 48, 252, 256, 260, 768};
    layer_norm(b, 2, 48, 1);
    for (int i = 0; i < 12 && b->full; i++)
        layer_norm(b, 1 + i % 3, widths[i / 2], i % 2);
}

static void attend(ctvk_trials *b, int32_t rows, int32_t width, int32_t heads, double scale)
{
    int32_t stride = 3 * width + 5, block = rows * stride;
    ctvk_attend op = {
        .q = 1, .k = 1 + width, .v = 1 + 2 * width, .stride = stride, .out = block + 3, .rows = rows, .width = width, .heads = heads};
    ctvk_bench_case(b);
    float *floats = new_rows(b, op.out + rows * width);
    double *q = put_rows(b, floats, op.q, stride, rows, width, scale), *k = put_rows(b, floats, op.k, stride, rows, width, scale),
           *v = put_rows(b, floats, op.v, stride, rows, width, 2), *want = ctvk_bench_doubles(b, (size_t)(rows * width));
    ctvk_span span = ctvk_bench_span(b, (uint64_t)(op.out + rows * width) * sizeof(float), floats);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_tokens tokens = {b->cmd, b->gpu, span};
    ctvk_bench_finish(b, ctvk_attend_record(&tokens, &op, b->error));
    ref_attend(q, k, v, rows, rows, width, heads, want);
    compare_rows(b, &span, op.out, width, rows, width, want, 3.2e-5);
}

void ctvk_trial_attend(ctvk_trials *b)
{
    static const int32_t widths[] = {8, 56, 64, 72, 384};
    attend(b, 2, 16, 8, 2);
    for (int i = 0; i < 15 && b->full; i++)
        attend(b, 1 + i % 3, widths[i / 3], 8, i & 1 ? 6 : 1);
}

static void fold(ctvk_trials *b, int32_t rows, int32_t heads, int32_t width, int32_t columns, int32_t subtract)
{
    int32_t stride = width + 3, pairs = heads * rows, last = 2 + rows * stride;
    ctvk_fold op = {.in = 2,
                    .in_stride = stride,
                    .subtract = subtract ? last : -1,
                    .rows = rows,
                    .heads = heads,
                    .width = width,
                    .columns = columns,
                    .out = last + stride + 1,
                    .scale = 0.5f};
    op.constants = op.out + pairs * columns + 2;
    ctvk_bench_case(b);
    float *floats = new_rows(b, op.constants + pairs), *weights = ctvk_bench_random(b, (size_t)((columns + 1) * width), 1);
    double *in = put_rows(b, floats, op.in, stride, rows, width, 1), *less = put_rows(b, floats, last, stride, 1, width, 1);
    double *want = ctvk_bench_doubles(b, (size_t)(pairs * columns)), *constants = ctvk_bench_doubles(b, (size_t)pairs);
    ctvk_span span = ctvk_bench_span(b, (uint64_t)(op.constants + pairs) * sizeof(float), floats);
    ctvk_span packed = ctvk_bench_span(b, (uint64_t)((columns + 1) * width) * sizeof(float), weights);
    if (!ctvk_bench_begin(b))
        return;
    const ctvk_tokens tokens = {b->cmd, b->gpu, span};
    ctvk_bench_finish(b, ctvk_fold_record(&tokens, &op, &packed, b->error));
    for (int32_t i = 0; i < rows * width && subtract; i++)
        in[i] -= less[i % width];
    ref_fold(in, weights, weights + width * columns, rows, heads, width, columns, op.scale, want, constants);
    compare_rows(b, &span, op.out, columns, pairs, columns, want, 2.4e-5);
    compare_rows(b, &span, op.constants, pairs, 1, pairs, constants, 2.4e-5);
}

void ctvk_trial_fold(ctvk_trials *b)
{
    fold(b, 2, 8, 16, 32, 1);
    if (!b->full)
        return;
    fold(b, 1, 8, 8, 7, 0);
    fold(b, 2, 8, 24, 48, 0);
    fold(b, 2, 8, 48, 96, 1);
    fold(b, 3, 8, 192, 384, 1);
    fold(b, 1, 1, 5, 63, 0);
    fold(b, 1, 1, 3, 65, 1);
}
