#include "ref/token_to_image.h"

#include <math.h>
#include <stdlib.h>

void ref_token_to_image(const float *image, int c, size_t voxels, const float *queries, int pairs, double *means)
{
    double *score = malloc(voxels * sizeof *score);
    for (int pair = 0; pair < pairs; pair++, queries += c, means += c) {
        double most = -INFINITY, total = 0;
        for (size_t i = 0; i < voxels; i++) {
            score[i] = 0;
            for (int k = 0; k < c; k++)
                score[i] += (double)queries[k] * image[(size_t)k * voxels + i];
            most = fmax(most, score[i]);
        }
        for (size_t i = 0; i < voxels; i++)
            total += score[i] = exp(score[i] - most);
        for (int k = 0; k < c; k++) {
            means[k] = 0;
            for (size_t i = 0; i < voxels; i++)
                means[k] += score[i] / total * image[(size_t)k * voxels + i];
        }
    }
    free(score);
}
