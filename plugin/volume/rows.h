/* volume/rows.h - steps 1 to 3 of a box of the resampled grid, row by row: what both passes of prepare.c share. */
#ifndef CTVK_VOLUME_ROWS_H
#define CTVK_VOLUME_ROWS_H

#include "volume/resample.h"
#include "volume/volume.h"

/* An image, what is to be made of it, and the taps of step 2 along the three oriented axes. BORROWED but the taps. */
typedef struct ctvk_row_source {
    const ctvk_host *host;
    ctvk_volume_view in;
    ctvk_prep_desc desc;
    ctvk_taps taps[3]; /* OWNED */
} ctvk_row_source;

/* `count` voxels from `first` along each axis of the resampled grid; none is empty and none leaves the grid. */
typedef struct ctvk_box {
    int64_t first[3], count[3];
} ctvk_box;

/* One row along z of the box, intensities mapped: count[2] values at (x, y, first[2]), valid during the call. */
typedef void (*ctvk_row_visitor)(void *user, int64_t x, int64_t y, const float *row);

/* Rows in ascending order of x, then y. Memory: one slab of the box's part of the input (ctvk_slab_planes) and the planes under the
 * kernel of step 2; only voxels under that kernel are read. progress (may be NULL) is called once a slab with a fraction of the box.
 * CTVK_ERROR_INPUT: a voxel that is NaN or no finite float32, named; CTVK_CANCELLED; CTVK_ERROR_HOST_MEMORY. */
ctvk_status ctvk_rows_visit(const ctvk_row_source *source, const ctvk_geometry *geometry, const ctvk_box *box, ctvk_progress_fn progress,
                            void *progress_user, ctvk_row_visitor visit, void *user, ctvk_error *error);

/* Reads every voxel of the image and makes nothing of it: the errors of ctvk_rows_visit. */
ctvk_status ctvk_rows_check(const ctvk_row_source *source, const ctvk_geometry *geometry, ctvk_progress_fn progress, void *progress_user,
                            ctvk_error *error);

#endif
