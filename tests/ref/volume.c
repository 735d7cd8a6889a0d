#include "ref/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ref_voxel(const ctvk_volume_view *in, int64_t i, int64_t j, int64_t k)
{
    const char *at = (const char *)in->data + i * in->stride[0] + j * in->stride[1] + k * in->stride[2];
    unsigned char bytes[8] = {0};
    double stored = 0;
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
        float f;
        double d;
        unsigned char bytes[8];
    } v;
    static const int size[] = {0, 1, 2, 2, 4, 1, 4, 4, 8, 8, 8};
    memcpy(bytes, at, (size_t)size[in->type]);
    memcpy(v.bytes, bytes, 8);
    switch (in->type) {
    case CTVK_SCALAR_UINT8:
        stored = v.u8;
        break;
    case CTVK_SCALAR_INT8:
        stored = v.i8;
        break;
    case CTVK_SCALAR_UINT16:
        stored = v.u16;
        break;
    case CTVK_SCALAR_INT16:
        stored = v.i16;
        break;
    case CTVK_SCALAR_UINT32:
        stored = v.u32;
        break;
    case CTVK_SCALAR_INT32:
        stored = v.i32;
        break;
    case CTVK_SCALAR_UINT64:
        stored = (double)v.u64;
        break;
    case CTVK_SCALAR_INT64:
        stored = (double)v.i64;
        break;
    case CTVK_SCALAR_FLOAT32:
        stored = v.f;
        break;
    default:
        stored = v.d;
        break;
    }
    return in->slope * stored + in->intercept;
}

/* Of all 48 ways to order and flip the axes, the one whose axes point most towards the letters. */
static void orient(const ctvk_volume_view *in, const char *code, ref_geometry *g, double spacing[3])
{
    double best = -10;
    for (int way = 0; way < 27 * 8; way++) {
        int axis[3] = {way % 3, way / 3 % 3, way / 9 % 3}, flips = way / 27;
        double score = 0;
        if (axis[0] == axis[1] || axis[1] == axis[2] || axis[0] == axis[2])
            continue;
        for (int i = 0; i < 3; i++) {
            int world = code[i] == 'R' || code[i] == 'L' ? 0 : code[i] == 'A' || code[i] == 'P' ? 1 : 2;
            double sense = code[i] == 'R' || code[i] == 'A' || code[i] == 'S' ? 1 : -1, length = 0;
            for (int r = 0; r < 3; r++)
                length += in->affine[r][axis[i]] * in->affine[r][axis[i]];
            score += sense * (flips >> i & 1 ? -1 : 1) * in->affine[world][axis[i]] / sqrt(length);
        }
        if (score > best + 1e-9) {
            best = score;
            for (int i = 0; i < 3; i++) {
                g->axis[i] = axis[i];
                g->flip[i] = flips >> i & 1;
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        double length = 0;
        for (int r = 0; r < 3; r++)
            length += in->affine[r][g->axis[i]] * in->affine[r][g->axis[i]];
        spacing[i] = sqrt(length);
    }
}

/* Weight of voxel j for a sample at `position` of n voxels, before normalisation. radius 0: linear with the last voxel repeated. */
static double kernel(int64_t j, double position, int64_t n, double radius)
{
    if (radius > 0)
        return fmax(0, 1 - fabs((double)j - position) / radius);
    return fmax(0, 1 - fabs((double)j - fmin(position, (double)(n - 1))));
}

static double oriented_voxel(const ctvk_volume_view *in, const ref_geometry *g, int64_t x, int64_t y, int64_t z)
{
    int64_t at[3] = {0, 0, 0}, o[3] = {x, y, z};
    for (int i = 0; i < 3; i++)
        at[g->axis[i]] = g->flip[i] ? in->dim[g->axis[i]] - 1 - o[i] : o[i];
    return ref_voxel(in, at[0], at[1], at[2]);
}

/* All weights of one axis, [n_out][n_in], normalised. */
static double *matrix(int64_t n_in, int64_t n_out, double step, double radius)
{
    double *m = malloc(sizeof(double) * (size_t)(n_in * n_out));
    for (int64_t i = 0; i < n_out; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n_in; j++)
            sum += m[i * n_in + j] = kernel(j, (double)i * step, n_in, radius);
        for (int64_t j = 0; j < n_in; j++)
            m[i * n_in + j] /= sum;
    }
    return m;
}

static double *resample(const ctvk_volume_view *in, const ctvk_prep_desc *desc, const ref_geometry *g)
{
    const int64_t *d = g->resampled;
    double *out = malloc(sizeof(double) * (size_t)(d[0] * d[1] * d[2])), *m[3];
    int64_t n[3];
    for (int i = 0; i < 3; i++) {
        n[i] = in->dim[g->axis[i]];
        m[i] = matrix(n[i], d[i], g->step[i], desc->antialias && g->step[i] > 1 ? g->step[i] : 0);
    }
    for (int64_t x = 0; x < d[0]; x++)
        for (int64_t y = 0; y < d[1]; y++)
            for (int64_t z = 0; z < d[2]; z++) {
                double sum = 0;
                for (int64_t i = 0; i < n[0]; i++)
                    for (int64_t j = 0; j < n[1] && m[0][x * n[0] + i] > 0; j++)
                        for (int64_t k = 0; k < n[2] && m[1][y * n[1] + j] > 0; k++)
                            if (m[2][z * n[2] + k] > 0)
                                sum += m[0][x * n[0] + i] * m[1][y * n[1] + j] * m[2][z * n[2] + k] * oriented_voxel(in, g, i, j, k);
                out[(x * d[1] + y) * d[2] + z] = sum;
            }
    for (int i = 0; i < 3; i++)
        free(m[i]);
    return out;
}

static void crop_box(const double *volume, ref_geometry *g)
{
    int64_t low[3] = {INT64_MAX, INT64_MAX, INT64_MAX}, high[3] = {-1, -1, -1};
    const int64_t *d = g->resampled;
    for (int64_t n = 0; n < d[0] * d[1] * d[2]; n++) {
        int64_t at[3] = {n / d[2] / d[1], n / d[2] % d[1], n % d[2]};
        for (int i = 0; i < 3 && volume[n] > 0; i++) {
            low[i] = at[i] < low[i] ? at[i] : low[i];
            high[i] = at[i] > high[i] ? at[i] : high[i];
        }
    }
    g->empty = high[0] < 0;
    for (int i = 0; i < 3 && !g->empty; i++) {
        g->first[i] = low[i];
        g->count[i] = high[i] - low[i] + 1;
    }
}

int64_t ref_place(const ref_geometry *g, int64_t x, int64_t y, int64_t z)
{
    int64_t at[3] = {x, y, z}, d[3];
    for (int i = 0; i < 3; i++) {
        at[i] -= g->first[i];
        if (g->empty || at[i] < 0 || at[i] >= g->count[i])
            return -1;
        at[i] += g->before[i];
        d[i] = g->padded[i];
    }
    /* numpy.rot90 once with axes (0, 1) is flip(transpose(m), 0): m[x][y] comes to [n_y - 1 - y][x]. */
    for (int t = 0; t < g->turns; t++) {
        int64_t from_x = at[0], nx = d[0];
        at[0] = d[1] - 1 - at[1];
        at[1] = from_x;
        d[0] = d[1];
        d[1] = nx;
    }
    return (at[0] * d[1] + at[1]) * d[2] + at[2];
}

double *ref_prepare(const ctvk_volume_view *in, const ctvk_prep_desc *desc, ref_geometry *g)
{
    double spacing[3];
    memset(g, 0, sizeof *g);
    orient(in, desc->orientation, g, spacing);
    g->turns = ((desc->rotate90 % 4) + 4) % 4;
    for (int i = 0; i < 3; i++) {
        int64_t n = in->dim[g->axis[i]];
        g->input_dim[i] = in->dim[i];
        int moves = desc->has_spacing && fabs(desc->spacing_mm[i] / spacing[i] - 1) * (double)(n - 1) > 1e-4;
        g->step[i] = moves ? desc->spacing_mm[i] / spacing[i] : 1;
        g->resampled[i] = moves ? (int64_t)rint((double)(n - 1) * spacing[i] / desc->spacing_mm[i]) + 1 : n;
        g->count[i] = g->resampled[i];
    }
    double *full = resample(in, desc, g);
    const int64_t *d = g->resampled;
    for (int64_t n = 0; n < d[0] * d[1] * d[2]; n++) {
        double t = (full[n] - desc->window_hu[0]) / (desc->window_hu[1] - desc->window_hu[0]);
        if (desc->clip)
            t = t < 0 ? 0 : t > 1 ? 1 : t;
        full[n] = desc->range[0] + t * (desc->range[1] - desc->range[0]);
    }
    if (desc->crop_foreground)
        crop_box(full, g);
    for (int i = 0; i < 3; i++) {
        g->padded[i] = g->count[i];
        if (desc->pad_to_window && g->count[i] < desc->window[i]) {
            g->padded[i] = desc->window[i];
            g->before[i] = (desc->window[i] - g->count[i]) / 2;
        }
        g->dim[i] = g->padded[i];
    }
    if (g->turns % 2) {
        g->dim[0] = g->padded[1];
        g->dim[1] = g->padded[0];
    }
    for (int i = 0; i < 3 && g->empty; i++)
        g->dim[i] = desc->window[i];
    double *out = calloc((size_t)(g->dim[0] * g->dim[1] * g->dim[2]), sizeof *out);
    for (int64_t n = 0; n < d[0] * d[1] * d[2]; n++) {
        int64_t place = ref_place(g, n / d[2] / d[1], n / d[2] % d[1], n % d[2]);
        if (place >= 0)
            out[place] = full[n];
    }
    free(full);
    return out;
}

double ref_probability(const ref_geometry *g, const float *volume, int class_index, int64_t i, int64_t j, int64_t k)
{
    int64_t in[3] = {i, j, k}, below[3];
    double part[3], sum = 0;
    for (int a = 0; a < 3; a++) {
        int64_t n = g->input_dim[g->axis[a]], o = g->flip[a] ? n - 1 - in[g->axis[a]] : in[g->axis[a]];
        double position = fmin((double)o / g->step[a], (double)(g->resampled[a] - 1));
        below[a] = (int64_t)floor(position);
        part[a] = position - (double)below[a];
    }
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1;
        int64_t at[3];
        for (int a = 0; a < 3; a++) {
            at[a] = below[a] + (corner >> a & 1);
            weight *= corner >> a & 1 ? part[a] : 1 - part[a];
        }
        if (weight == 0)
            continue;
        int64_t place = ref_place(g, at[0], at[1], at[2]);
        sum += weight * (place < 0 ? (class_index == 0 ? 1.0 : 0.0) : (double)volume[place]);
    }
    return sum;
}
