/* ops/classify.h - sums to logits, probabilities and labels (model.md step 9). */
#ifndef CTVK_OPS_CLASSIFY_H
#define CTVK_OPS_CLASSIFY_H

#include "ops/tensor.h"

/* sums: float32 [voxels][..] planar by class: K blocks of `voxels` floats (sum of w*logit), then one block of `voxels` floats (sum of w).
 * out: K blocks of `voxels` floats: probabilities (softmax of sum/weight), then `voxels` uint32: argmax of the logits, lowest class wins a
 * tie. logits != 0: the K blocks hold the blended logits instead of probabilities. (K + 1) * voxels * 4 bytes <= max_storage_range. */
ctvk_status ctvk_classify_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_span *sums, const ctvk_span *out, int32_t classes,
                                 uint32_t voxels, int32_t logits, ctvk_error *error);

#endif
