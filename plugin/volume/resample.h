/* volume/resample.h - step 2 and its way back: separable resampling, plane by plane. */
#ifndef CTVK_VOLUME_RESAMPLE_H
#define CTVK_VOLUME_RESAMPLE_H

#include "core/host.h"

/* One axis: output sample i = sum over t < count[i] of weight[i * width + t] * input[first[i] + t]. identity: no arrays, output = input. */
typedef struct ctvk_taps {
    int64_t n_in, n_out;
    int32_t identity;
    int64_t width;
    int64_t *first, *count; /* OWNED */
    double *weight;         /* OWNED */
} ctvk_taps;

/* Sample i lies at voxel i * step; beyond the last voxel its value is repeated. radius 0: linear. radius > 0: a triangle of that half-width
 * in voxels, normalised over the voxels that exist. step 1 with n_in == n_out and radius 0 gives the identity. */
ctvk_status ctvk_taps_make(const ctvk_host *host, int64_t n_in, int64_t n_out, double step, double radius, ctvk_taps *out,
                           ctvk_error *error);
/* The taps of output samples [first, first + count) alone, over the stretch of the input from *first_in that they read (out->n_in voxels).
 */
ctvk_status ctvk_taps_part(const ctvk_host *host, const ctvk_taps *taps, int64_t first, int64_t count, ctvk_taps *out, int64_t *first_in,
                           ctvk_error *error);
void ctvk_taps_free(const ctvk_host *host, ctvk_taps *taps);

/* Gives input plane x, [y][z] float32, valid until the next call. */
typedef ctvk_status (*ctvk_plane_source)(void *user, int64_t x, const float **plane, ctvk_error *error);

/* Planes are resampled along z and y once each and kept only as long as the taps along x reach: intermediates float32, sums double. */
typedef struct ctvk_resampler {
    ctvk_taps taps[3]; /* OWNED */
    int64_t slots;
    int64_t *slot_plane; /* which input plane lies in a slot; -1: none */
    float *ring;         /* [slots][ny'][nz'] */
    float *along_z;      /* [ny][nz'] */
    float *plane;        /* [ny'][nz'] */
    double *row;         /* [nz'] */
} ctvk_resampler;

/* Takes the taps over, also on failure. */
ctvk_status ctvk_resampler_make(const ctvk_host *host, const ctvk_taps taps[3], ctvk_resampler *out, ctvk_error *error);
void ctvk_resampler_free(const ctvk_host *host, ctvk_resampler *resampler);
/* Another source follows: forget the planes that are kept. */
void ctvk_resampler_reset(ctvk_resampler *resampler);
/* Output plane x, [y][z] float32, valid until the next call. Cheapest in ascending order. */
ctvk_status ctvk_resampler_plane(ctvk_resampler *resampler, ctvk_plane_source source, void *user, int64_t x, const float **plane,
                                 ctvk_error *error);

#endif
