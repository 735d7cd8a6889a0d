/* ops/narrow.h - float32 into a tensor of 16 bits a number (ops/tensor.h). */
#ifndef CTVK_OPS_NARROW_H
#define CTVK_OPS_NARROW_H

#include "ops/tensor.h"

/* out = (in - mean) * scale with the statistics of in (ops/instance_norm.h), each number to the nearest that its voxel's four can hold,
 * ties to even; where one is no number four NaN, which no later operation hides. Who reads out takes mean and scale back. out may lie over
 * in and some memory before it: in blocks of planes, each of which ends before what is not read yet. CTVK_ERROR_INTERNAL where the extents
 * differ or out lies over in otherwise, CTVK_ERROR_DEVICE_MEMORY. [one thread at a time] */
ctvk_status ctvk_narrow_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats, const ctvk_tensor *out,
                               ctvk_error *error);

#endif
