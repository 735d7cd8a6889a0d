/* volume/geometry.h - sizes of every step, and the places of rows in the cropped, padded and rotated volume. */
#ifndef CTVK_VOLUME_GEOMETRY_H
#define CTVK_VOLUME_GEOMETRY_H

#include "volume/volume.h"

/* Steps 1 and 2 and the manifest's values: everything that is known before a voxel is read. */
ctvk_status ctvk_geometry_begin(const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_geometry *g, ctvk_error *error);
/* Steps 4 to 6, once crop_first and crop_dim stand (crop_dim 0: empty). */
void ctvk_geometry_finish(const ctvk_prep_desc *desc, ctvk_geometry *geometry);

/* Does step 2 change this axis? */
int ctvk_geometry_resamples(const ctvk_geometry *geometry, int axis);

/* numpy.rot90(volume, turns, axes (0, 1)) of one row along z: where it lies afterwards. z stays. */
void ctvk_rotate_row(const int64_t dim[3], int32_t turns, int64_t x, int64_t y, int64_t *to_x, int64_t *to_y);
/* First element of the row (x, y) of the resampled grid, at z = crop_first[2], in a volume of geometry->dim ([x][y][z], cropped, padded,
 * rotated); -1 outside the crop. The geometry is finished. */
int64_t ctvk_row_place(const ctvk_geometry *geometry, int64_t x, int64_t y);

#endif
