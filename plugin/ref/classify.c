#include "ref/classify.h"

#include <math.h>

void ref_classify(const float *sums, const float *weights, int classes, size_t voxels, double *logits, double *probabilities,
                  unsigned *labels)
{
    for (size_t i = 0; i < voxels; i++) {
        double most = -INFINITY, total = 0;
        labels[i] = 0;
        for (int k = 0; k < classes; k++) {
            double logit = logits[(size_t)k * voxels + i] = (double)sums[(size_t)k * voxels + i] / (weights ? weights[i] : 1);
            if (logit > most) {
                most = logit;
                labels[i] = (unsigned)k;
            }
        }
        for (int k = 0; k < classes; k++)
            total += exp(logits[(size_t)k * voxels + i] - most);
        for (int k = 0; k < classes; k++)
            probabilities[(size_t)k * voxels + i] = exp(logits[(size_t)k * voxels + i] - most) / total;
    }
}
