/* ref/token_to_image.h - the folded token-to-image attention, in double. */
#ifndef CTVK_REF_TOKEN_TO_IMAGE_H
#define CTVK_REF_TOKEN_TO_IMAGE_H

#include <stddef.h>

/* means[pairs][c] = sum over voxels of softmax(queries[pair] . image) image. image: [c][voxels], queries: [pairs][c]. */
void ref_token_to_image(const float *image, int c, size_t voxels, const float *queries, int pairs, double *means);

#endif
