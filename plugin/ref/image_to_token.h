/* ref/image_to_token.h - the folded image-to-token attention with residual and layer norm, in double. */
#ifndef CTVK_REF_IMAGE_TO_TOKEN_H
#define CTVK_REF_IMAGE_TO_TOKEN_H

#include <stddef.h>

/* 8 heads of rows + 1 tokens, of which the last one has score 0 and no value of its own: all is relative to it. Pair h * rows + r. */
typedef struct ref_folded {
    const float *scores;    /* [8 * rows][c] */
    const float *constants; /* [8 * rows], added to the score */
    const float *values;    /* [8 * rows][c] */
    const float *base, *gamma, *beta;
} ref_folded;

/* The most of each. */
enum { REF_IMAGE_TO_TOKEN_CHANNELS = 1024, REF_IMAGE_TO_TOKEN_ROWS = 15 };

/* out = layer norm(x + base + sum over pairs of softmax weight * value), eps 1e-5. image and out: [c][voxels]. */
void ref_image_to_token(const float *image, int c, size_t voxels, int rows, const ref_folded *folded, double *out);

#endif
