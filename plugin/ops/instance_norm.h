/* ops/instance_norm.h - instance norm over the whole window, per channel, biased variance, eps 1e-5; no parameters.
 * out = act(IN(x) [+ IN(r)] [+ ...]); see modes. Statistics: per-chunk mean and M2 merged by Chan's formula, stable for millions of voxels.
 */
#ifndef CTVK_OPS_INSTANCE_NORM_H
#define CTVK_OPS_INSTANCE_NORM_H

#include "ops/chunks.h"

/* Scratch for partial and final statistics of one tensor of these extents (mean, rstd per channel at its start). */
uint64_t ctvk_instance_norm_scratch_bytes(const ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z);
/* stats <- mean and 1/sqrt(var + 1e-5) of each channel of in. */
ctvk_status ctvk_instance_norm_stats(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats, ctvk_error *error);
/* Its two steps, for statistics of what is no tensor (instance_norm_planar.c): how the voxels are cut into chunks on this device, whose
 * partial statistics lie behind the final ones [chunk][channel group] (shaders/params/instance_norm.h), and the final ones from so many
 * chunks. */
ctvk_chunks ctvk_instance_norm_chunks(const ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z);
ctvk_status ctvk_instance_norm_merge(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t chunks, const ctvk_span *stats,
                                     ctvk_error *error);
/* Statistics that another operation takes while it writes a tensor: it leaves one part for each of its bricks, [part][channel group] behind
 * the final ones as above, of any number of voxels. Bytes of all of it; parts > 0. */
uint64_t ctvk_instance_norm_parts_bytes(int32_t c, int32_t parts);
/* stats <- the final ones, as ctvk_instance_norm_stats leaves them. Names itself, for a tensor of extents x, y, z. */
ctvk_status ctvk_instance_norm_merge_parts(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z, int32_t parts,
                                           const ctvk_span *stats, ctvk_error *error);
/* out = lrelu(IN(in) [+ IN(shortcut)]), slope 0.01; shortcut and shortcut_stats may both be NULL; out may be in itself. All are
 * float32. */
ctvk_status ctvk_instance_norm_apply(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats,
                                     const ctvk_tensor *shortcut, const ctvk_span *shortcut_stats, const ctvk_tensor *out,
                                     ctvk_error *error);

/* --- the shortcut of a network's first block: out = lrelu(IN(out) + IN(r)), r a 1x1x1 convolution of stride 2 of the planar input. Of few
 * numbers r makes many, so that it is computed wherever it is read and never stored --- */

/* Channels of the input, any, and of the output, a multiple of 4. */
typedef struct ctvk_planar_shortcut {
    int32_t in, out;
} ctvk_planar_shortcut;

/* Device bytes of the packed weights. */
uint64_t ctvk_planar_shortcut_weight_bytes(const ctvk_planar_shortcut *shortcut);
/* weights: [out][in] float32. packed: that many bytes of host memory. */
void ctvk_planar_shortcut_pack(const ctvk_planar_shortcut *shortcut, const float *weights, void *packed);
/* in: planar, its extents twice those of out. out: float32, in place. out_stats: of out, as ctvk_instance_norm_stats leaves them;
 * own_stats: scratch of ctvk_instance_norm_scratch_bytes for out's shape. */
ctvk_status ctvk_planar_shortcut_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_planar_shortcut *shortcut, const ctvk_tensor *in,
                                        const ctvk_span *weights, const ctvk_span *own_stats, const ctvk_tensor *out,
                                        const ctvk_span *out_stats, ctvk_error *error);

#endif
