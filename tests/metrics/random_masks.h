/* Random masks for the tests of plugin/metrics. */
#ifndef CTVK_TESTS_RANDOM_MASKS_H
#define CTVK_TESTS_RANDOM_MASKS_H

#include "metrics/mask.h"
#include "volume/random_volume.h" /* random_bits, random_int, random_real */

/* Boxes and single voxels of both masks, inside of a layer of zeros; neither mask is empty. free(voxels). */
static inline ctvk_mask_pair random_masks(uint64_t *state, uint8_t **voxels)
{
    ctvk_mask_pair pair;
    for (int i = 0; i < 3; i++)
        pair.dim[i] = random_int(state, 0, 5) ? random_int(state, 3, 13) : 3;
    *voxels = calloc((size_t)(pair.dim[0] * pair.dim[1] * pair.dim[2]), 1);
    pair.voxels = *voxels;
    for (int bit = CTVK_MASK_REFERENCE; bit <= CTVK_MASK_PREDICTION; bit++)
        for (int64_t n = random_int(state, 1, 4); n > 0; n--) {
            int64_t low[3], high[3], single = random_int(state, 0, 2) == 0;
            for (int i = 0; i < 3; i++) {
                low[i] = random_int(state, 1, pair.dim[i] - 2);
                high[i] = single ? low[i] : random_int(state, low[i], pair.dim[i] - 2);
            }
            for (int64_t z = low[2]; z <= high[2]; z++)
                for (int64_t y = low[1]; y <= high[1]; y++)
                    for (int64_t x = low[0]; x <= high[0]; x++)
                        (*voxels)[(z * pair.dim[1] + y) * pair.dim[0] + x] |= (uint8_t)bit;
        }
    return pair;
}

#endif
