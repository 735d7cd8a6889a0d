#include "ref/token_to_image.h"

#include <math.h>

static double score_of(const float *query, const float *image, int c, size_t voxels, size_t at)
{
    double score = 0;
    for (int k = 0; k < c; k++)
        score += (double)query[k] * image[(size_t)k * voxels + at];
    return score;
}

void ref_token_to_image(const float *image, int c, size_t voxels, const float *queries, int pairs, double *means)
{
    for (int pair = 0; pair < pairs; pair++, queries += c, means += c) {
        double most = -INFINITY, total = 0;
        for (size_t i = 0; i < voxels; i++)
            most = fmax(most, score_of(queries, image, c, voxels, i));
        for (int k = 0; k < c; k++)
            means[k] = 0;
        for (size_t i = 0; i < voxels; i++) {
            double weight = exp(score_of(queries, image, c, voxels, i) - most);
            total += weight;
            for (int k = 0; k < c; k++)
                means[k] += weight * image[(size_t)k * voxels + i];
        }
        for (int k = 0; k < c; k++)
            means[k] /= total;
    }
}
