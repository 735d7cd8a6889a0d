/* ops/conv3d.h - 3-D convolutions of the network, no bias (model.md, "Encoder", "Decoder"). */
#ifndef CTVK_OPS_CONV3D_H
#define CTVK_OPS_CONV3D_H

#include "ops/tensor.h"

/* kernel 3 (pad 1) or 1 (pad 0), stride 1 or 2. The input is the concatenation of two sources [a, b] in this order, read where they
 * lie; in_b = 0: one source. planar != 0: source a is planar with any in_a (the network's first layer), in_b = 0.
 * in_a, in_b (if not planar) and out are multiples of 4. Output extents: ceil(x / stride) for kernel 3 and 1 (even inputs halve). */
typedef struct ctvk_conv3d {
    int32_t in_a, in_b, out, kernel, stride, planar;
} ctvk_conv3d;

/* Variant, and with it how weights are packed, depend on device, convolution and the output's extents x, y, z (conv3d_plan.h): the same in
 * all four calls. */

/* Device bytes of the packed weights. */
uint64_t ctvk_conv3d_weight_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
/* weights: [out][in_a + in_b][k][k][k] float32. packed: ctvk_conv3d_weight_bytes bytes of host memory. */
void ctvk_conv3d_pack(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z, const float *weights, void *packed);
/* Device scratch for one record call on an output of the given extents; may be 0. spare: out will lie over a, which says that memory
 * counts: about 16 MiB at most. */
uint64_t ctvk_conv3d_scratch_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t spare, int32_t x, int32_t y, int32_t z);
/* Whether the variant can read its one source as lrelu(IN(source)), so that this is stored nowhere. */
int ctvk_conv3d_normalises(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
/* Device bytes of the output's statistics where the variant can take them while it writes, so that the output is not read for them; 0: it
 * cannot (ctvk_instance_norm_stats reads it then). */
uint64_t ctvk_conv3d_stats_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
/* b may be NULL where in_b = 0. norm: NULL, or the statistics of a (ops/instance_norm.h), with which it is normalised and activated as it
 * is read; only where ctvk_conv3d_normalises. Where b has 16 bits a number: the statistics that it was stored with (ops/narrow.h). stats:
 * NULL, or where the statistics of out are left, as ctvk_instance_norm_stats would, ctvk_conv3d_stats_bytes of room; only where that is not
 * 0. out must not overlap a, b or scratch, but for one way: with kernel 3, stride 1 and an a of as many channels, plane i of out may be
 * plane i - n of a for some n > 1, with stats some n > 2; blocks of fewer than n planes are then done in their order. All of them are
 * float32, but with kernel 3 and stride 1 b may have 16 bits a number (ops/tensor.h). */
ctvk_status ctvk_conv3d_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_conv3d *conv, const ctvk_tensor *a, const ctvk_tensor *b,
                               const ctvk_span *norm, const ctvk_span *weights, const ctvk_span *scratch, const ctvk_tensor *out,
                               const ctvk_span *stats, ctvk_error *error);

#endif
