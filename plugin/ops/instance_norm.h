/* ops/instance_norm.h - instance norm over the whole window, per channel, biased variance, eps 1e-5; no parameters.
 * out = act(IN(x) [+ IN(r)] [+ ...]); see modes. Statistics: per-chunk mean and M2 merged by Chan's formula, stable for millions of voxels.
 */
#ifndef CTVK_OPS_INSTANCE_NORM_H
#define CTVK_OPS_INSTANCE_NORM_H

#include "ops/tensor.h"

/* Scratch for partial and final statistics of one tensor of these extents (mean, rstd per channel at its start). */
uint64_t ctvk_instance_norm_scratch_bytes(const ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z);
/* stats <- mean and 1/sqrt(var + 1e-5) of each channel of in. */
ctvk_status ctvk_instance_norm_stats(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats, ctvk_error *error);
/* The same in parts, for a tensor of x planes that is never there as a whole: planes [first, first + part->x) of it, first a multiple of
 * ctvk_instance_norm_step, all parts in any order, then the end. Bit for bit what the whole gives. */
int32_t ctvk_instance_norm_step(int32_t x, int32_t y, int32_t z);
ctvk_status ctvk_instance_norm_part(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *part, int32_t first, int32_t x,
                                    const ctvk_span *stats, ctvk_error *error);
ctvk_status ctvk_instance_norm_end(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z, const ctvk_span *stats,
                                   ctvk_error *error);
/* out = lrelu(IN(in) [+ IN(shortcut)]), slope 0.01; shortcut and shortcut_stats may both be NULL; out may be in itself. in and out may
 * be in half precision, where there is no shortcut. */
ctvk_status ctvk_instance_norm_apply(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats,
                                     const ctvk_tensor *shortcut, const ctvk_span *shortcut_stats, const ctvk_tensor *out,
                                     ctvk_error *error);

#endif
