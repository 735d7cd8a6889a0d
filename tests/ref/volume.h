/* ref/volume.h - model.md "Around the network" in naive double loops, written without the library's code: what the volume room is held
 * against. For small volumes only. */
#ifndef CTVK_TESTS_REF_VOLUME_H
#define CTVK_TESTS_REF_VOLUME_H

#include "volume/volume.h"

typedef struct ref_geometry {
    int64_t input_dim[3];
    int axis[3], flip[3];
    double step[3]; /* s' / s; 1 where the axis is not resampled */
    int64_t resampled[3], first[3], count[3], before[3], padded[3], dim[3];
    int turns, empty;
} ref_geometry;

/* One voxel in HU, read through a pointer of its type. */
double ref_voxel(const ctvk_volume_view *in, int64_t i, int64_t j, int64_t k);
/* Steps 1 to 6. Returns [x][y][z] doubles of geometry->dim; free() it. */
double *ref_prepare(const ctvk_volume_view *in, const ctvk_prep_desc *desc, ref_geometry *geometry);
/* Where the voxel (x, y, z) of the resampled grid lies in the final volume, or -1 if it was cropped. */
int64_t ref_place(const ref_geometry *g, int64_t x, int64_t y, int64_t z);
/* Step 9 for one class at input voxel (i, j, k): the restored probability. */
double ref_probability(const ref_geometry *g, const float *volume, int class_index, int64_t i, int64_t j, int64_t k);

#endif
