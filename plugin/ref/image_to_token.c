#include "ref/image_to_token.h"

#include "ref/tokens.h"

#include <math.h>

enum { HEADS = 8 };

/* Adds one head's weighted values to x. */
static void add_head(const double *voxel, int c, int rows, const ref_folded *f, int head, double *x)
{
    double score[REF_IMAGE_TO_TOKEN_ROWS + 1], most = 0, total = 0;
    for (int r = 0; r <= rows; r++) {
        score[r] = r < rows ? f->constants[head * rows + r] : 0;
        for (int k = 0; r < rows && k < c; k++)
            score[r] += f->scores[(head * rows + r) * c + k] * voxel[k];
        most = fmax(most, score[r]);
    }
    for (int r = 0; r <= rows; r++)
        total += score[r] = exp(score[r] - most);
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < c; k++)
            x[k] += score[r] / total * f->values[(head * rows + r) * c + k];
}

void ref_image_to_token(const float *image, int c, size_t voxels, int rows, const ref_folded *folded, double *out)
{
    double voxel[REF_IMAGE_TO_TOKEN_CHANNELS], x[REF_IMAGE_TO_TOKEN_CHANNELS];
    for (size_t i = 0; i < voxels; i++) {
        for (int k = 0; k < c; k++) {
            voxel[k] = image[(size_t)k * voxels + i];
            x[k] = voxel[k] + folded->base[k];
        }
        for (int head = 0; head < HEADS; head++)
            add_head(voxel, c, rows, folded, head, x);
        ref_layer_norm(x, folded->gamma, folded->beta, 1, c, x);
        for (int k = 0; k < c; k++)
            out[(size_t)k * voxels + i] = x[k];
    }
}
