/* ref/classify.h - sums of weighted logits to logits, probabilities and labels (model.md, steps 8 and 9), in double. */
#ifndef CTVK_REF_CLASSIFY_H
#define CTVK_REF_CLASSIFY_H

#include <stddef.h>

/* sums: [classes + 1][voxels], the last block is the sum of weights. logits and probabilities: [classes][voxels]; labels: [voxels], the
 * lowest class wins a tie. */
void ref_classify(const float *sums, int classes, size_t voxels, double *logits, double *probabilities, unsigned *labels);

#endif
