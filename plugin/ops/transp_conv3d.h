/* ops/transp_conv3d.h - transposed convolution, kernel 2, stride 2, no overlap, no bias. */
#ifndef CTVK_OPS_TRANSP_CONV3D_H
#define CTVK_OPS_TRANSP_CONV3D_H

#include "ops/tensor.h"
#include "params/transp_conv3d.h"

/* planar != 0: the output is planar with any `out` (the logits); else blocked and out a multiple of 4. */
typedef struct ctvk_transp_conv3d {
    int32_t in, out, planar;
} ctvk_transp_conv3d;

uint64_t ctvk_transp_conv3d_weight_bytes(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv);
/* weights: [in][out][2][2][2] float32. */
void ctvk_transp_conv3d_pack(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const float *weights, void *packed);
/* Device scratch for one record call on an output of these extents, in half precision or not; may be 0. */
uint64_t ctvk_transp_conv3d_scratch_bytes(const ctvk_transp_conv3d *conv, int32_t half, int32_t x, int32_t y, int32_t z);
/* Whether the variant can read its input, in float32, as lrelu(IN(in)), so that this is stored nowhere. */
int ctvk_transp_conv3d_normalises(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv);
/* norm: NULL, or the statistics of in (ops/instance_norm.h), with which it is normalised and activated as it is read; only where
 * ctvk_transp_conv3d_normalises. out extents are twice those of in. A blocked out, and the input of a planar one, may be in half precision;
 * all else is float32. scratch may be NULL where none is needed. */
ctvk_status ctvk_transp_conv3d_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const ctvk_tensor *in,
                                      const ctvk_span *norm, const ctvk_span *weights, const ctvk_span *scratch, const ctvk_tensor *out,
                                      ctvk_error *error);

/* Whether one dispatch holds all logits of a voxel, so that its label can follow from them and they are stored nowhere: a planar output of
 * few classes, of as many channels as the variants have. */
int ctvk_transp_conv3d_labels(const ctvk_transp_conv3d *conv);
/* The same for planes [first, first + count) of in, but only the labels: words [x][y][z] of these planes, a uint32 for each voxel of in, as
 * params/transp_conv3d.h has it. Only where ctvk_transp_conv3d_labels; the same logits to the bit, so that the labels are ops/classify.h's.
 */
ctvk_status ctvk_transp_conv3d_labels_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const ctvk_tensor *in,
                                             const ctvk_span *norm, const ctvk_span *weights, int32_t first, int32_t count,
                                             const ctvk_span *words, ctvk_error *error);

#endif
