/* ops/blend.h - window blending (model.md step 8), the part on the device. */
#ifndef CTVK_OPS_BLEND_H
#define CTVK_OPS_BLEND_H

#include "ops/tensor.h"

/* out (planar, K+1 channels: w*logit of each class, then w) from logits (planar, K channels) of one window. sigma = sigma_scale * n
 * per axis; weight floor max(smallest w, 1e-3) is computed by the op on the host in double. constant != 0: w = 1. out may be bound to a
 * DOWNLOAD buffer. planes [first, first+count) of the window only, written to planes 0..count-1 of out. */
ctvk_status ctvk_blend_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *logits, double sigma_scale, int32_t constant,
                              int32_t first, int32_t count, const ctvk_tensor *out, ctvk_error *error);

#endif
