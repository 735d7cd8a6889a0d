/* ops/classify.h - logits to labels, and to probabilities where they are wanted (model.md step 9). */
#ifndef CTVK_OPS_CLASSIFY_H
#define CTVK_OPS_CLASSIFY_H

#include "ops/tensor.h"
#include "params/classify.h"

typedef struct ctvk_classify {
    int32_t classes;
    int32_t weighted; /* not 0: of sums of weight * logit, each divided by the sum of weights, which is one channel more */
    int32_t volumes;  /* CTVK_CLASSIFY_LABELS: the labels alone; _LOGITS, _PROBABILITIES (softmax): these of every class too */
} ctvk_classify;

/* Planes [first, first + count) of `in`, planar, y * z a multiple of 4, to planes 0..count-1 of what is written. labels: a byte for each
 * voxel, [x][y][z]: argmax of the logits, the lowest class wins a tie. volumes: planar, a channel for each class; NULL where none are
 * wanted. not_finite: one uint32 that becomes 1 where a logit is none, and is left alone else; its voxel's label says nothing. Not for
 * sums, whose windows are looked at one by one: NULL there. Labels are the same bits whatever else is wanted. */
ctvk_status ctvk_classify_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_classify *op, const ctvk_tensor *in, int32_t first,
                                 int32_t count, const ctvk_span *labels, const ctvk_tensor *volumes, const ctvk_span *not_finite,
                                 ctvk_error *error);

#endif
