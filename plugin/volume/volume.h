/* volume/volume.h - from the host's CT to network windows and back (model.md, "Around the network", steps 1 to 9). */
#ifndef CTVK_VOLUME_VOLUME_H
#define CTVK_VOLUME_VOLUME_H

#include "core/host.h"

/* The host's volume where it lies. value = slope * stored + intercept (HU). strides in bytes, any sign. affine: voxel index -> RAS mm.
 * BORROWED. */
typedef struct ctvk_volume_view {
    const void *data;
    ctvk_scalar type;
    int64_t dim[3];
    int64_t stride[3];
    double slope, intercept;
    double affine[3][4];
} ctvk_volume_view;

typedef struct ctvk_prep_desc {
    char orientation[4];
    int32_t has_spacing, antialias;
    double spacing_mm[3];
    double window_hu[2], range[2];
    int32_t clip, crop_foreground, pad_to_window, rotate90;
    int32_t window[3];
} ctvk_prep_desc;

/* Everything needed to come back. All three axes in the order after step 1 unless said otherwise. */
typedef struct ctvk_geometry {
    int64_t input_dim[3];
    int32_t axis[3], flip[3]; /* oriented axis i is input axis axis[i], reversed if flip[i] */
    double input_spacing[3];  /* mm along the oriented axes */
    double spacing[3];        /* after step 2 */
    int64_t resampled[3], crop_first[3], crop_dim[3], pad_first[3], padded[3];
    int32_t rotate90;
    int64_t dim[3];   /* final: after step 6 */
    int32_t resample; /* step 2 did something */
    int32_t empty;    /* no value > 0: nothing to segment; dim is then one window of zeros */
} ctvk_geometry;

/* Steps 1 to 6 of any block of an image, on demand: it holds the geometry and no voxels. The image's data is BORROWED until it is closed.
 */
typedef struct ctvk_preparer ctvk_preparer;
/* Reads the image once, in slabs, to find the foreground and to refuse voxels that are no numbers. progress may be NULL, is called with
 * stage "prepare" once a slab; non-zero return gives CTVK_CANCELLED. Memory here and in ctvk_preparer_block: one slab of the input (at
 * most about 32 MiB) and the planes under the resampling kernel. CTVK_ERROR_INPUT: NaN or infinity (the message names the voxel), singular
 * affine, dims, strides or scaling that cannot be; CTVK_ERROR_BUNDLE: values of desc that cannot be. *out is NULL on failure. */
ctvk_status ctvk_preparer_open(const ctvk_host *host, const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_progress_fn progress,
                               void *user, ctvk_preparer **out, ctvk_error *error);
/* VIEW, until it is closed. */
const ctvk_geometry *ctvk_preparer_geometry(const ctvk_preparer *preparer);
/* Voxels [first, first + count) of the final volume (geometry.dim; the block must lie inside) to out: voxel (x, y, z) of the block at
 * x * stride[0] + y * stride[1] + z, in floats. Reads no more of the image than that needs. Any number of threads. */
ctvk_status ctvk_preparer_block(const ctvk_preparer *preparer, const int64_t first[3], const int64_t count[3], const int64_t stride[2],
                                float *out, ctvk_error *error);
/* *preparer may be NULL and is afterwards. */
void ctvk_preparer_close(ctvk_preparer **preparer);

/* Step 7. starts are in the coordinates of the final volume, zero-padded to the window where an axis is smaller (pad_first). x outermost, z
 * innermost. */
typedef struct ctvk_windows {
    int32_t window[3];
    int64_t dim[3], padded[3], pad_first[3];
    int64_t count[3];
    int64_t *start[3]; /* OWNED */
} ctvk_windows;
ctvk_status ctvk_windows_plan(const ctvk_host *host, const int64_t dim[3], const int32_t window[3], double overlap, ctvk_windows *out,
                              ctvk_error *error);
void ctvk_windows_free(const ctvk_host *host, ctvk_windows *windows);
/* Planes [first, first + count) of window index = (ix * count[1] + iy) * count[2] + iz of the (virtually padded) volume, made from the
 * image: out [x][y][z] float32 of the window's size, of which those planes are written. The same bits in however many calls. The errors of
 * ctvk_preparer_block. */
ctvk_status ctvk_window_read(const ctvk_windows *windows, int64_t index, const ctvk_preparer *preparer, int32_t first, int32_t count,
                             float *out, ctvk_error *error);

/* Which one along an axis. */
int64_t ctvk_window_number(const ctvk_windows *windows, int64_t index, int axis);
/* Where the windows of this number along an axis meet the real volume: voxels [*in_window, *in_window + return) of the window are voxels
 * [*in_volume, ...) of the volume. */
int64_t ctvk_window_meets(const ctvk_windows *windows, int64_t number, int axis, int64_t *in_window, int64_t *in_volume);

/* Planes [first, first + count) of the only window to where they lie in the volume; what lies beside it is left out. tile:
 * [x][channel][y][z] elements of `size` bytes; out: `channels` volumes of windows->dim. */
void ctvk_window_place(const ctvk_windows *windows, int32_t first, int32_t count, int32_t channels, size_t size, const void *tile,
                       void *out);

/* Accumulators, step 8. */
typedef struct ctvk_sums {
    const ctvk_windows *windows; /* VIEW */
    int32_t classes;
    float *logits; /* OWNED. `classes` volumes of windows->dim: sums of weight * logit */
    float *weight; /* OWNED. Weight of a window, which is symmetric, up to the middle of each axis */
} ctvk_sums;
/* Zeroed. The windows outlive it. CTVK_ERROR_HOST_MEMORY. */
ctvk_status ctvk_sums_make(const ctvk_host *host, const ctvk_windows *windows, int32_t classes, ctvk_sums *out, ctvk_error *error);
/* Zeroed afterwards, and may be before. */
void ctvk_sums_free(const ctvk_host *host, ctvk_sums *sums);
/* tile: planes [first, first+count) of window `index`, planar [x][class+1][y][z] as ops/blend.h writes them. Every window's weight is the
 * same; it is read from window 0. */
void ctvk_sums_add(ctvk_sums *sums, int64_t index, int32_t first, int32_t count, const float *tile);
/* Sums of the weights of voxels [first, first + count) of the volume, once window 0 was added: added up in the order of the windows. */
void ctvk_sums_weights(const ctvk_sums *sums, uint64_t first, uint32_t count, float *out);

/* Step 9, undone in the order 6, 5, 4, 2, 1. labels: uint8 [x][y][z] of geometry.dim. out: written with strides in bytes on the input's
 * grid, every voxel (0 outside the crop). Without resampling. */
void ctvk_restore_label(const ctvk_geometry *geometry, const uint8_t *labels, uint8_t *out, const int64_t stride[3]);
/* One class's probability onto the input grid (float32), trilinear where step 2 resampled; outside the crop: class 0 gives 1, others 0. */
ctvk_status ctvk_restore_probability(const ctvk_host *host, const ctvk_geometry *geometry, const float *probability, int32_t class_index,
                                     float *out, const int64_t stride[3], ctvk_error *error);
/* Where resampled: argmax over classes of the restored probabilities, class volumes [classes][dim]; streams plane by plane, no full
 * probability volume on the input grid is held. lowest class wins a tie. */
ctvk_status ctvk_restore_argmax(const ctvk_host *host, const ctvk_geometry *geometry, const float *probabilities, int32_t classes,
                                uint8_t *out, const int64_t stride[3], ctvk_error *error);

#endif
