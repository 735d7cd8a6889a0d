/* volume/orient.h - step 1: which input axis becomes which, and reading and writing blocks in the oriented order. */
#ifndef CTVK_VOLUME_ORIENT_H
#define CTVK_VOLUME_ORIENT_H

#include "core/scalar.h"
#include "volume/volume.h"

/* Refuses what cannot be addressed or has no geometry: dims, strides that overflow, affine that is not finite or singular, scaling.
 * The voxels are not touched. */
ctvk_status ctvk_view_check(const ctvk_volume_view *in, ctvk_error *error);

/* From affine (voxel index -> RAS mm, finite and regular) and a code such as "RAS" (axis i points towards letter i):
 * oriented axis i is input axis axis[i], reversed if flip[i], with spacing[i] mm. An oblique affine is taken by its nearest axes: of the
 * one-to-one assignments of voxel axes to patient axes, the one with the largest sum of |cosines|. */
ctvk_status ctvk_orient(const double affine[3][4], const char code[4], int32_t axis[3], int32_t flip[3], double spacing[3],
                        ctvk_error *error);

/* The same memory seen in oriented order: the voxel (x, y, z) lies at base + offset + x*stride[0] + y*stride[1] + z*stride[2] bytes. */
typedef struct ctvk_oriented {
    int64_t dim[3], stride[3], offset;
} ctvk_oriented;
ctvk_oriented ctvk_oriented_view(const ctvk_geometry *geometry, const int64_t stride[3]);

/* Planes [first, first + count) of the oriented input as float32 [x][y][z], slope and intercept applied in double. Returns 0, or -1 where
 * some value is no finite float32. */
int ctvk_gather(const ctvk_volume_view *in, const ctvk_oriented *view, int64_t first, int64_t count, float *out);
/* The first voxel that made ctvk_gather return -1: its index on the input's own axes and its value. Returns 0 if found. */
int ctvk_find_bad(const ctvk_volume_view *in, int64_t index[3], double *value);

/* The way back: planes [x][y][z] of 1-byte or 4-byte values into strided memory. */
void ctvk_scatter_u8(const ctvk_oriented *view, int64_t first, int64_t count, const uint8_t *planes, uint8_t *out);
void ctvk_scatter_f32(const ctvk_oriented *view, int64_t first, int64_t count, const float *planes, float *out);

/* How many planes of `dim[1] * dim[2]` elements to move at once: whole cache lines of the input where x is its fastest axis, and no more
 * than about 32 MiB. */
int64_t ctvk_slab_planes(const int64_t dim[3], int64_t element_bytes);

#endif
