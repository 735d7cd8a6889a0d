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
/* Whether the variant can read its input as lrelu(IN(in)), so that this is stored nowhere. */
int ctvk_transp_conv3d_normalises(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv);
/* norm: NULL, or the statistics of in (ops/instance_norm.h), with which it is normalised and activated as it is read; only where
 * ctvk_transp_conv3d_normalises. out extents are twice those of in. out may lie over in, if it has at least an eighth of its channels and
 * ends some planes of in before this does: in blocks of so many planes, each of which ends before what is not read yet. All is float32. */
ctvk_status ctvk_transp_conv3d_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const ctvk_tensor *in,
                                      const ctvk_span *norm, const ctvk_span *weights, const ctvk_tensor *out, ctvk_error *error);

/* Whether one dispatch holds all logits of a voxel, so that its label can follow from them and they are stored nowhere: a planar output of
 * few classes, of as many channels as the variants have. */
int ctvk_transp_conv3d_labels(const ctvk_transp_conv3d *conv);
/* The same for planes [first, first + count) of in, but only the labels: words [x][y][z] of these planes, a uint32 for each voxel of in, as
 * params/transp_conv3d.h has it. Only where ctvk_transp_conv3d_labels; the same logits to the bit, so that the labels are ops/classify.h's.
 */
ctvk_status ctvk_transp_conv3d_labels_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const ctvk_tensor *in,
                                             const ctvk_span *norm, const ctvk_span *weights, int32_t first, int32_t count,
                                             const ctvk_span *words, ctvk_error *error);
/* The same for planes [first, first + count) of in, but of the logits their softmax over the channels, bit for bit what ops/classify.h
 * makes of them, and the labels: out is planar, of 2 * count planes; words as above. Only where ctvk_transp_conv3d_labels. Where a label
 * says that a logit is not finite, the probabilities of its voxel say nothing. Errors as of the others: CTVK_ERROR_INTERNAL where shapes or
 * places do not fit, CTVK_ERROR_DEVICE_MEMORY where a binding does not hold two planes. */
ctvk_status ctvk_transp_conv3d_probabilities_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const ctvk_tensor *in,
                                                    const ctvk_span *norm, const ctvk_span *weights, int32_t first, int32_t count,
                                                    const ctvk_span *words, const ctvk_tensor *out, ctvk_error *error);

#endif
