/* ref/classify.h - sums of weighted logits, or logits, to logits, probabilities and labels (model.md, steps 8 and 9), in double. */
#ifndef CTVK_REF_CLASSIFY_H
#define CTVK_REF_CLASSIFY_H

#include <stddef.h>

/* sums: [classes][voxels]; weights: [voxels], their sums of weights, or NULL: the sums are logits. logits and probabilities:
 * [classes][voxels]; labels: [voxels], the lowest class wins a tie. */
void ref_classify(const float *sums, const float *weights, int classes, size_t voxels, double *logits, double *probabilities,
                  unsigned *labels);

#endif
