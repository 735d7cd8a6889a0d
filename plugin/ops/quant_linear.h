/* ops/quant_linear.h - matrix product of token rows with a weight matrix as it lies in a GGUF file: dequantised in the shader, sums in
 * float32, no rounding of activations. */
#ifndef CTVK_OPS_QUANT_LINEAR_H
#define CTVK_OPS_QUANT_LINEAR_H

#include "ops/tensor.h"
#include "params/quant.h"

/* weights: [outs][width] of one CTVK_QUANT_* type, packed as in the file; width a multiple of the type's block and of 4; outs >= 1. */
typedef struct ctvk_quant_linear {
    int32_t type, width, outs;
} ctvk_quant_linear;

/* Device bytes of the packed matrix (as in the file, rounded up so that a binding of whole vec4 fits). 0: a type that is not read. */
uint64_t ctvk_quant_linear_weight_bytes(const ctvk_quant_linear *op);
/* Scratch of one record call on `rows` rows; may be 0. */
uint64_t ctvk_quant_linear_scratch_bytes(const ctvk_gpu *gpu, const ctvk_quant_linear *op, int32_t rows);
/* out[t][o] = (accumulate ? out[t][o] : 0) + sum_k in[t][k] W[o][k], for t < rows. in: rows of in_stride floats, out: rows of out_stride
 * floats, both float32 with strides that are multiples of 4. in, out, scratch and weights do not overlap. */
typedef struct ctvk_quant_linear_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_quant_linear *op;
    const ctvk_span *weights, *in, *out, *scratch;
    int32_t rows, in_stride, out_stride, accumulate;
} ctvk_quant_linear_job;
ctvk_status ctvk_quant_linear_record(const ctvk_quant_linear_job *job, ctvk_error *error);

#endif
