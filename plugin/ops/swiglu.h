/* ops/swiglu.h - the gated activation of a feed-forward layer (Shazeer 2020). */
#ifndef CTVK_OPS_SWIGLU_H
#define CTVK_OPS_SWIGLU_H

#include "ops/tensor.h"

/* gate = silu(gate) * up, both [rows][width] without gaps, width a multiple of 4, not overlapping. */
typedef struct ctvk_swiglu_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_span *gate, *up;
    int32_t rows, width;
} ctvk_swiglu_job;
/* CTVK_ERROR_INTERNAL where numbers and spans do not fit. [one thread at a time] */
ctvk_status ctvk_swiglu_record(const ctvk_swiglu_job *job, ctvk_error *error);

#endif
