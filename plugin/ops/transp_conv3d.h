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
/* Whether one dispatch holds all logits of a voxel, so that its label can follow from them and they are stored nowhere: a planar output of
 * few classes, of as many channels as the variants have. */
int ctvk_transp_conv3d_labels(const ctvk_transp_conv3d *conv);

/* Planes [first, first + count) of in, into out of these planes alone, with twice their extents; all is float32. What is left is what there
 * is a place for:
 *   out alone: the logits, or a blocked output. It may lie over in, if it has at least an eighth of its channels and ends some planes of in
 *     before this does: in blocks of so many planes, each of which ends before what is not read yet.
 *   words alone: of the logits the labels, a uint32 for each voxel of in, [x][y][z], as params/transp_conv3d.h has it.
 *   both: the labels, and in out the logits' softmax over the channels. Where a label says that a logit is not finite, the probabilities of
 *     its voxel say nothing.
 * words only where ctvk_transp_conv3d_labels; labels and softmax are those of ops/classify.h, bit for bit. norm: NULL, or the statistics of
 * in (ops/instance_norm.h), with which it is normalised and activated as it is read; only where ctvk_transp_conv3d_normalises. */
typedef struct ctvk_transp_conv3d_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const struct ctvk_transp_conv3d_plan *plan; /* NULL: the device's own; else for tests (ops/transp_conv3d_plan.h) */
    const ctvk_transp_conv3d *conv;
    const ctvk_tensor *in;
    const ctvk_span *norm, *weights;
    const ctvk_tensor *out;
    const ctvk_span *words;
    int32_t first, count;
} ctvk_transp_conv3d_job;
/* CTVK_ERROR_INTERNAL where shapes or places do not fit, CTVK_ERROR_DEVICE_MEMORY where a binding does not hold two planes. */
ctvk_status ctvk_transp_conv3d_record(const ctvk_transp_conv3d_job *given, ctvk_error *error);

#endif
