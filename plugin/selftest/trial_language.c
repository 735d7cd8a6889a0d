/* The trials of the language model's operations. Limits: bench.h; that of a product with packed weights is the bound of
 * recursive summation (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). */
#include "ops/causal_attend.h"
#include "ops/quant_linear.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"
#include "ref/causal_attend.h"
#include "ref/rms_norm.h"
#include "ref/rope.h"
#include "ref/swiglu.h"
#include "selftest/bench.h"
#include "selftest/quant_case.h"

#include <string.h>

static double *exact_of(ctvk_trials *b, const float *values, size_t count)
{
    double *exact = ctvk_bench_doubles(b, count);
    for (size_t i = 0; i < count && !b->status; i++)
        exact[i] = values[i];
    return exact;
}

static void quant_linear(ctvk_trials *b, int32_t type, int32_t width, int32_t outs, int32_t rows)
{
    ctvk_quant_linear op = {type, width, outs};
    int32_t in_stride = width + 4, out_stride = (outs + 3) / 4 * 4;
    size_t count = (size_t)rows * (size_t)outs;
    ctvk_bench_case(b);
    float *values = ctvk_bench_random(b, (size_t)(rows * in_stride), 1);
    double *want = ctvk_bench_doubles(b, count), *sizes = ctvk_bench_doubles(b, count);
    uint8_t *packed = ctvk_bench_take(b, ctvk_quant_linear_weight_bytes(&op));
    if (!packed)
        return;
    memset(packed, 0, ctvk_quant_linear_weight_bytes(&op));
    quant_fill(type, packed, (size_t)width * (size_t)outs, QUANT_USUAL, (uint32_t)(type + width));
    ctvk_span weights = ctvk_bench_span(b, ctvk_quant_linear_weight_bytes(&op), packed);
    ctvk_span in = ctvk_bench_span(b, (uint64_t)(rows * in_stride) * sizeof(float), values);
    ctvk_span out = ctvk_bench_span(b, (uint64_t)(rows * out_stride) * sizeof(float), NULL);
    ctvk_span scratch = ctvk_bench_span(b, ctvk_quant_linear_scratch_bytes(b->gpu, &op, rows), NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_quant_linear_job job = {b->cmd, b->gpu, &op, &weights, &in, &out, &scratch, rows, in_stride, out_stride, 0};
    ctvk_bench_finish(b, ctvk_quant_linear_record(&job, b->error));
    ref_quant_linear(type, packed, width, outs, values, in_stride, rows, want, sizes);
    for (int32_t t = 0; t < rows; t++)
        ctvk_bench_compare(b, ctvk_bench_floats(b, &out) + t * out_stride, want + t * outs, (size_t)outs, CTVK_BY_SIZE, sizes + t * outs,
                           (width + 8.0) / 16777216);
}

void ctvk_trial_quant_linear(ctvk_trials *b)
{
    static const int32_t types[] = {CTVK_QUANT_F32,  CTVK_QUANT_Q4_1, CTVK_QUANT_Q6_K, CTVK_QUANT_F16,  CTVK_QUANT_BF16, CTVK_QUANT_Q4_0,
                                    CTVK_QUANT_Q5_0, CTVK_QUANT_Q5_1, CTVK_QUANT_Q8_0, CTVK_QUANT_Q4_K, CTVK_QUANT_Q5_K};
    static const int32_t shapes[][2] = {{1, 1}, {25, 13}, {64, 24}, {193, 25}};
    for (int i = 0; i < 3; i++)
        quant_linear(b, types[i], 256, 29, 13);
    for (int i = 0; i < 44 && b->full; i++)
        quant_linear(b, types[i / 4], i & 1 ? 256 : 768, shapes[i % 4][0], shapes[i % 4][1]);
}

static void rms_norm(ctvk_trials *b, int32_t rows, int32_t width)
{
    size_t count = (size_t)(rows * width);
    ctvk_bench_case(b);
    float *values = ctvk_bench_random(b, count, 1), *weights = ctvk_bench_random(b, (size_t)width, 2);
    double *want = exact_of(b, values, count);
    ctvk_span in = ctvk_bench_span(b, count * sizeof(float), values), out = ctvk_bench_span(b, count * sizeof(float), NULL),
              scale = ctvk_bench_span(b, (uint64_t)width * sizeof(float), weights);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_rms_norm_job job = {b->cmd, b->gpu, &scale, &in, &out, rows, width, 0, width, width, 1e-5f};
    ctvk_bench_finish(b, ctvk_rms_norm_record(&job, b->error));
    for (int32_t row = 0; row < rows; row++)
        ref_rms_norm(want + row * width, weights, width, 1e-5f, want + row * width);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &out), want, count, CTVK_BY_ONE, NULL, 3.2e-6);
}

void ctvk_trial_rms_norm(ctvk_trials *b)
{
    static const int32_t widths[] = {4, 252, 256, 260, 576, 4096};
    rms_norm(b, 3, 64);
    for (int i = 0; i < 6 && b->full; i++)
        rms_norm(b, 1 + i, widths[i]);
}

static void rope(ctvk_trials *b, int32_t tokens, int32_t q_tokens, int32_t q_heads, int32_t k_heads, int32_t head_dim, int32_t dim)
{
    const ctvk_rope_angles angles = {dim, 10000, 1, NULL};
    int32_t q_width = q_heads * head_dim, k_width = k_heads * head_dim;
    size_t q_count = (size_t)(q_tokens * q_width), k_count = (size_t)(tokens * k_width);
    ctvk_bench_case(b);
    float *q = ctvk_bench_random(b, q_count, 1), *k = ctvk_bench_random(b, k_count, 1);
    double *want_q = exact_of(b, q, q_count), *want_k = exact_of(b, k, k_count);
    float *values = ctvk_bench_take(b, ctvk_rope_table_bytes(tokens, dim));
    if (!values)
        return;
    ctvk_rope_table(&angles, tokens, values);
    ctvk_span table = ctvk_bench_span(b, ctvk_rope_table_bytes(tokens, dim), values);
    ctvk_span q_span = ctvk_bench_span(b, q_count * sizeof(float), q), k_span = ctvk_bench_span(b, k_count * sizeof(float), k);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_rope_job job = {b->cmd, b->gpu, &table, &q_span, &k_span, 1, tokens, q_tokens, q_heads, k_heads, head_dim, dim};
    ctvk_bench_finish(b, ctvk_rope_record(&job, b->error));
    for (int32_t t = 0; t < tokens; t++)
        ref_rope(want_k + t * k_width, k_heads, head_dim, dim, t, 10000, 1, NULL);
    for (int32_t t = 0; t < q_tokens; t++)
        ref_rope(want_q + t * q_width, q_heads, head_dim, dim, tokens - q_tokens + t, 10000, 1, NULL);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &q_span), want_q, q_count, CTVK_BY_ONE, NULL, 2e-6);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &k_span), want_k, k_count, CTVK_BY_ONE, NULL, 2e-6);
}

void ctvk_trial_rope(ctvk_trials *b)
{
    rope(b, 5, 5, 2, 1, 16, 16);
    if (!b->full)
        return;
    rope(b, 33, 1, 9, 3, 64, 64);
    rope(b, 7, 7, 4, 4, 32, 16);
    rope(b, 65, 3, 3, 1, 128, 128);
}

static void causal_attend(ctvk_trials *b, int32_t tokens, int32_t q_tokens, int32_t heads, int32_t kv_heads, int32_t head_dim)
{
    size_t q_count = (size_t)(q_tokens * heads * head_dim), k_count = (size_t)(tokens * kv_heads * head_dim);
    ctvk_bench_case(b);
    float *values[3] = {ctvk_bench_random(b, q_count, 2), ctvk_bench_random(b, k_count, 2), ctvk_bench_random(b, k_count, 1)};
    double *exact[3] = {exact_of(b, values[0], q_count), exact_of(b, values[1], k_count), exact_of(b, values[2], k_count)};
    double *want = ctvk_bench_doubles(b, q_count);
    ctvk_span q = ctvk_bench_span(b, q_count * sizeof(float), values[0]), k = ctvk_bench_span(b, k_count * sizeof(float), values[1]),
              v = ctvk_bench_span(b, k_count * sizeof(float), values[2]), out = ctvk_bench_span(b, q_count * sizeof(float), NULL),
              scratch = ctvk_bench_span(b, ctvk_causal_attend_scratch_bytes(q_tokens, tokens, heads), NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_causal_attend_job job = {b->cmd, b->gpu, &q, &k, &v, &out, &scratch, 1, tokens, q_tokens, heads, kv_heads, head_dim};
    ctvk_bench_finish(b, ctvk_causal_attend_record(&job, b->error));
    ref_causal_attend(exact[0], exact[1], exact[2], tokens, q_tokens, heads, kv_heads, head_dim, want);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &out), want, q_count, CTVK_BY_ONE, NULL, 9.6e-6);
}

void ctvk_trial_causal_attend(ctvk_trials *b)
{
    causal_attend(b, 9, 9, 4, 2, 16);
    if (!b->full)
        return;
    causal_attend(b, 1, 1, 2, 1, 4);
    causal_attend(b, 33, 33, 9, 3, 64);
    causal_attend(b, 65, 1, 3, 3, 128);
}

static void swiglu(ctvk_trials *b, int32_t rows, int32_t width)
{
    size_t count = (size_t)(rows * width);
    ctvk_bench_case(b);
    float *gate = ctvk_bench_random(b, count, 8), *up = ctvk_bench_random(b, count, 1);
    double *want = exact_of(b, gate, count), *other = exact_of(b, up, count);
    ctvk_span gates = ctvk_bench_span(b, count * sizeof(float), gate), ups = ctvk_bench_span(b, count * sizeof(float), up);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_swiglu_job job = {b->cmd, b->gpu, &gates, &ups, rows, width};
    ctvk_bench_finish(b, ctvk_swiglu_record(&job, b->error));
    ref_swiglu(want, other, count);
    ctvk_bench_compare(b, ctvk_bench_floats(b, &gates), want, count, CTVK_BY_ONE, NULL, 2.4e-6);
}

void ctvk_trial_swiglu(ctvk_trials *b)
{
    swiglu(b, 3, 68);
    if (!b->full)
        return;
    swiglu(b, 1, 4);
    swiglu(b, 7, 1536);
}
