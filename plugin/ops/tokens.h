/* ops/tokens.h - small operations on a few token rows, which all lie in one buffer (model.md, "Alignment").
 * Places are floats from the beginning of `tokens`; the contract of every op stands in shaders/params/tokens.h. */
#ifndef CTVK_OPS_TOKENS_H
#define CTVK_OPS_TOKENS_H

#include "ops/tensor.h"

typedef struct ctvk_tokens {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    ctvk_span rows; /* within one storage binding */
} ctvk_tokens;

/* rows x width -> rows x outs. in, in_stride, in_add, width and head_stride are multiples of 4. weights: [outs][width] then [outs].
 * add_outs: the first so many outputs read in + in_add. heads > 1: outputs of head h read their rows from in + h * head_stride. */
typedef struct ctvk_linear {
    int32_t in, in_stride, in_add, add_outs, heads, head_stride, width, rows, out, out_stride, outs, relu;
} ctvk_linear;
ctvk_status ctvk_linear_record(const ctvk_tokens *tokens, const ctvk_linear *op, const ctvk_span *weights, ctvk_error *error);

/* out = norm(in [+ add]), rows of `width` floats without gaps, all multiples of 4; add < 0: none. weights: gamma, beta. */
ctvk_status ctvk_layer_norm_record(const ctvk_tokens *tokens, int32_t in, int32_t add, int32_t out, int32_t rows, int32_t width,
                                   const ctvk_span *weights, ctvk_error *error);

/* Rows q, k, v with one stride; out: rows of `width`. */
typedef struct ctvk_attend {
    int32_t q, k, v, stride, out, rows, width, heads;
} ctvk_attend;
ctvk_status ctvk_attend_record(const ctvk_tokens *tokens, const ctvk_attend *op, ctvk_error *error);

/* out[h * rows + p] = scale * W_h^T (in[p] - subtract)_h, constants likewise with the bias; subtract < 0: nothing.
 * weights: [width][columns], then bias [width]. rows = 0 records nothing. */
typedef struct ctvk_fold {
    int32_t in, in_stride, subtract, rows, heads, width, columns, out, constants;
    float scale;
} ctvk_fold;
ctvk_status ctvk_fold_record(const ctvk_tokens *tokens, const ctvk_fold *op, const ctvk_span *weights, ctvk_error *error);

#endif
