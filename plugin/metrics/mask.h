/* metrics/mask.h - two masks of one label in the box that holds both. */
#ifndef CTVK_METRICS_MASK_H
#define CTVK_METRICS_MASK_H

#include <stdint.h>

enum { CTVK_MASK_REFERENCE = 1, CTVK_MASK_PREDICTION = 2, CTVK_MASK_BITS = 3 };

/* voxels: dim[0] * dim[1] * dim[2] bytes, axis 0 fastest, CTVK_MASK_* or'ed together. The outermost layer on all six sides is 0, so that a
 * mask at the border of its image has a surface there, and no neighbour of a surface element lies outside. BORROWED. */
typedef struct ctvk_mask_pair {
    int64_t dim[3]; /* with the outermost layer: at least 2 each */
    const uint8_t *voxels;
} ctvk_mask_pair;

#endif
