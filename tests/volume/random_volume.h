/* Random volumes as hosts have them: any type, axis order, sign and gap of the strides, affine, scaling. */
#ifndef CTVK_TESTS_RANDOM_VOLUME_H
#define CTVK_TESTS_RANDOM_VOLUME_H

#include "volume/volume.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct random_volume {
    ctvk_volume_view view;
    unsigned char *memory; /* free() it */
} random_volume;

static inline uint64_t random_bits(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline int64_t random_int(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits(state) % (uint64_t)(high - low + 1));
}

static inline double random_real(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(random_bits(state) >> 11) / 9007199254740992.0;
}

static inline void store_voxel(void *at, ctvk_scalar type, double v)
{
#define CTVK_STORE(ENUM, TYPE)    \
    if (type == ENUM) {           \
        TYPE t = (TYPE)v;         \
        memcpy(at, &t, sizeof t); \
    }
    CTVK_STORE(CTVK_SCALAR_UINT8, uint8_t)
    CTVK_STORE(CTVK_SCALAR_INT8, int8_t)
    CTVK_STORE(CTVK_SCALAR_UINT16, uint16_t)
    CTVK_STORE(CTVK_SCALAR_INT16, int16_t)
    CTVK_STORE(CTVK_SCALAR_UINT32, uint32_t)
    CTVK_STORE(CTVK_SCALAR_INT32, int32_t)
    CTVK_STORE(CTVK_SCALAR_UINT64, uint64_t)
    CTVK_STORE(CTVK_SCALAR_INT64, int64_t)
    CTVK_STORE(CTVK_SCALAR_FLOAT32, float)
    CTVK_STORE(CTVK_SCALAR_FLOAT64, double)
#undef CTVK_STORE
}

/* A rotation about a random axis by `angle`, times one of the 48 axis orders and senses, times spacing. */
static inline void random_affine(uint64_t *state, double angle, const double spacing[3], double affine[3][4])
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int *order = orders[random_int(state, 0, 5)];
    double u[3], length = 0, c = cos(angle), s = sin(angle);
    for (int i = 0; i < 3; i++) {
        u[i] = random_real(state, -1, 1);
        length += u[i] * u[i];
    }
    for (int i = 0; i < 3; i++)
        u[i] /= sqrt(length);
    for (int col = 0; col < 3; col++) {
        double sense = random_int(state, 0, 1) ? 1 : -1;
        for (int r = 0; r < 3; r++) {
            int k = order[col]; /* Rodrigues: column k of the rotation */
            double cross = r == (k + 1) % 3 ? u[(k + 2) % 3] : r == (k + 2) % 3 ? -u[(k + 1) % 3] : 0;
            affine[r][col] = sense * spacing[col] * (u[r] * u[k] * (1 - c) + (r == k ? c : 0) + cross * s);
        }
    }
    for (int r = 0; r < 3; r++)
        affine[r][3] = random_real(state, -300, 300);
}

/* Random memory order, gaps, signs and an odd first byte. memory is filled with 0x7f between voxels. */
static inline void random_layout(uint64_t *state, int64_t element, const int64_t dim[3], int64_t stride[3], int64_t *offset, int64_t *bytes)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int *order = orders[random_int(state, 0, 5)];
    int64_t extent = element + random_int(state, 0, 3);
    *offset = random_int(state, 0, 3);
    for (int n = 0; n < 3; n++) {
        int a = order[n];
        stride[a] = extent;
        extent = extent * dim[a] + random_int(state, 0, 5);
        if (random_int(state, 0, 1)) {
            *offset += stride[a] * (dim[a] - 1);
            stride[a] = -stride[a];
        }
    }
    *bytes = extent + 8;
}

/* A body of -150..1500 HU in air of -1024 (so that there is something to crop), noise everywhere. */
static inline random_volume random_volume_make(uint64_t *state, int64_t max_dim)
{
    static const int size[] = {0, 1, 2, 2, 4, 1, 4, 4, 8, 8, 8};
    random_volume r;
    ctvk_volume_view *v = &r.view;
    int64_t offset, bytes, low[3], high[3];
    double spacing[3];
    memset(&r, 0, sizeof r);
    v->type = (ctvk_scalar)random_int(state, 1, 10);
    for (int i = 0; i < 3; i++) {
        /* Mostly small, sometimes one voxel, sometimes beyond a tile of 32 and a slab. */
        int64_t kind = random_int(state, 0, 9);
        v->dim[i] = kind == 0 ? 1 : random_int(state, 1, kind == 1 ? 8 * max_dim : max_dim);
        spacing[i] = random_real(state, 0.5, 4);
        low[i] = random_int(state, 0, v->dim[i] - 1);
        high[i] = random_int(state, low[i], v->dim[i] - 1);
    }
    random_affine(state, random_real(state, 0, 0.5), spacing, v->affine);
    /* Steps that let 8 bits reach from -1,060 to 1,500 HU. */
    v->slope = v->type == CTVK_SCALAR_UINT8 ? 10.5 : v->type == CTVK_SCALAR_INT8 ? 12 : random_int(state, 0, 1) ? 1 : 0.5;
    v->intercept =
        v->type == CTVK_SCALAR_INT8 ? 0
        : v->type == CTVK_SCALAR_UINT8 || v->type == CTVK_SCALAR_UINT16 || v->type == CTVK_SCALAR_UINT32 || v->type == CTVK_SCALAR_UINT64
            ? -1100
            : -24.25;
    random_layout(state, size[v->type], v->dim, v->stride, &offset, &bytes);
    r.memory = malloc((size_t)bytes);
    memset(r.memory, 0x7f, (size_t)bytes);
    v->data = r.memory + offset;
    for (int64_t i = 0; i < v->dim[0]; i++)
        for (int64_t j = 0; j < v->dim[1]; j++)
            for (int64_t k = 0; k < v->dim[2]; k++) {
                int body = i >= low[0] && i <= high[0] && j >= low[1] && j <= high[1] && k >= low[2] && k <= high[2];
                double hu = body ? random_real(state, -150, 1500) : random_real(state, -1060, -1020);
                store_voxel(r.memory + offset + i * v->stride[0] + j * v->stride[1] + k * v->stride[2], v->type,
                            (hu - v->intercept) / v->slope);
            }
    return r;
}

static inline ctvk_prep_desc random_desc(uint64_t *state)
{
    static const char axes[6][4] = {"RAS", "RSA", "ARS", "ASR", "SRA", "SAR"};
    ctvk_prep_desc d;
    memset(&d, 0, sizeof d);
    memcpy(d.orientation, axes[random_int(state, 0, 5)], 4);
    for (int i = 0; i < 3; i++) {
        char c = d.orientation[i];
        if (random_int(state, 0, 1))
            d.orientation[i] = c == 'R' ? 'L' : c == 'A' ? 'P' : 'I';
        d.spacing_mm[i] = random_real(state, 0.7, 5);
        d.window[i] = (int32_t)random_int(state, 1, 12);
    }
    d.has_spacing = random_int(state, 0, 2) > 0;
    d.antialias = (int32_t)random_int(state, 0, 1);
    d.window_hu[0] = -1000;
    d.window_hu[1] = random_real(state, 500, 1200);
    d.range[1] = 1;
    d.clip = random_int(state, 0, 4) > 0;
    d.crop_foreground = random_int(state, 0, 3) > 0;
    d.pad_to_window = random_int(state, 0, 3) > 0;
    d.rotate90 = (int32_t)random_int(state, -5, 6);
    return d;
}

#endif
