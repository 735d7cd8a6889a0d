/* ops/rms_norm.h - RMS norm of token rows (Zhang and Sennrich 2019): out = in / sqrt(mean(in^2) + eps) * weight. */
#ifndef CTVK_OPS_RMS_NORM_H
#define CTVK_OPS_RMS_NORM_H

#include "ops/tensor.h"

/* Row r is read at float in_first + r * in_stride of `in` and written at float r * out_stride of `out`, another span. weights: [width].
 * width, in_first and both strides are multiples of 4. rows >= 1. */
typedef struct ctvk_rms_norm_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_span *weights, *in, *out;
    int32_t rows, width, in_first, in_stride, out_stride;
    float eps;
} ctvk_rms_norm_job;
/* CTVK_ERROR_INTERNAL where a span is too short or a number is no multiple of 4. [one thread at a time] */
ctvk_status ctvk_rms_norm_record(const ctvk_rms_norm_job *job, ctvk_error *error);

#endif
