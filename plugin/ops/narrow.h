/* ops/narrow.h - float32 into a tensor in half precision. An operation that carries its sums in its output between dispatches carries them
 * in scratch where the output is in half precision, some planes at a time, and rounds them once, when they are whole. */
#ifndef CTVK_OPS_NARROW_H
#define CTVK_OPS_NARROW_H

#include "ops/tensor.h"

/* out = in to the nearest, ties to even; beyond 65504 NaN, which no later operation hides. out may lie over in and some memory before it:
 * in blocks of planes, each of which ends before what is not read yet. CTVK_ERROR_INTERNAL where the extents differ or out lies over in
 * otherwise, CTVK_ERROR_DEVICE_MEMORY. [one thread at a time] */
ctvk_status ctvk_narrow_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_tensor *out, ctvk_error *error);

/* `planes` planes of `out` in float32, at the beginning of scratch; how many at a time, in multiples of step: ctvk_planes_at_a_time. */
ctvk_tensor ctvk_narrow_sums(const ctvk_span *scratch, const ctvk_tensor *out, int32_t planes);
/* As ctvk_narrow_record, into planes [first, first + sums->x) of out. In a trace it is part of the operation that made the sums. */
ctvk_status ctvk_narrow_planes(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *sums, const ctvk_tensor *out, int32_t first,
                               ctvk_error *error);

#endif
