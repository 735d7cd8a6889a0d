#include "review.h"

#include <math.h>
#include <string.h>

#define DEGREES 57.29577951308232

static int64_t scalar_bytes(ctvk_scalar type)
{
    switch (type) {
    case CTVK_SCALAR_UINT8:
    case CTVK_SCALAR_INT8:
        return 1;
    case CTVK_SCALAR_INT16:
    case CTVK_SCALAR_UINT16:
        return 2;
    case CTVK_SCALAR_INT32:
    case CTVK_SCALAR_UINT32:
    case CTVK_SCALAR_FLOAT32:
        return 4;
    default:
        return 8;
    }
}

/* Cosine between the file's axis and the patient's. */
static double along(const ctvk_volume *v, int axis, int patient)
{
    const double *m = v->affine + axis;
    return m[(ptrdiff_t)patient * 4] / sqrt(m[0] * m[0] + m[4] * m[4] + m[8] * m[8]);
}

/* Which of the file's axes lies nearest to each of the patient's: all three at once, as two may share their nearest one. */
static const int *nearest_axes(const ctvk_volume *v)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int *best = orders[0];
    double most = -1;
    for (int o = 0; o < 6; o++) {
        double sum = 0;
        for (int a = 0; a < 3; a++)
            sum += fabs(along(v, orders[o][a], a));
        if (sum > most + 1e-9) {
            most = sum;
            best = orders[o];
        }
    }
    return best;
}

static void find_angles(review_grid *g)
{
    for (int a = 0; a < 3; a++) {
        const double *m = g->to_ras;
        int b = (a + 1) % 3;
        double cosine = (m[a] * m[b] + m[4 + a] * m[4 + b] + m[8 + a] * m[8 + b]) / (g->spacing[a] * g->spacing[b]);
        g->tilt = fmax(g->tilt, acos(fmin(fabs(m[a * 4 + a]) / g->spacing[a], 1)) * DEGREES);
        g->skew = fmax(g->skew, asin(fmin(fabs(cosine), 1)) * DEGREES);
    }
}

void review_grid_of(const ctvk_volume *v, review_grid *out)
{
    const int *axes = nearest_axes(v);
    int64_t bytes = scalar_bytes(v->type), packed[3] = {bytes, bytes * v->dim[0], bytes * v->dim[0] * v->dim[1]};
    int is_packed = !v->stride[0] && !v->stride[1] && !v->stride[2];
    *out = (review_grid){.origin = v->data, .type = v->type, .slope = v->slope == 0 ? 1 : v->slope, .intercept = v->intercept};
    for (int row = 0; row < 3; row++)
        out->to_ras[row * 4 + 3] = v->affine[row * 4 + 3];
    for (int a = 0; a < 3; a++) {
        int from = axes[a], turned = along(v, from, a) > 0; /* left, back and feet are RAS's negative directions */
        int64_t stride = is_packed ? packed[from] : v->stride[from];
        double square = 0;
        out->dim[a] = v->dim[from];
        out->stride[a] = turned ? -stride : stride;
        for (int row = 0; row < 3; row++) {
            double step = v->affine[row * 4 + from];
            square += step * step;
            out->to_ras[row * 4 + a] = turned ? -step : step;
            if (turned)
                out->to_ras[row * 4 + 3] += step * (double)(out->dim[a] - 1);
        }
        if (turned)
            out->origin += stride * (out->dim[a] - 1);
        out->spacing[a] = sqrt(square);
    }
    find_angles(out);
}

double review_grid_shift(const review_grid *a, const review_grid *b)
{
    double largest = 0;
    if (memcmp(a->dim, b->dim, sizeof a->dim) != 0)
        return -1;
    for (int corner = 0; corner < 8; corner++) { /* no voxel is farther apart than the corners are */
        double square = 0;
        for (int row = 0; row < 3; row++) {
            double apart = a->to_ras[row * 4 + 3] - b->to_ras[row * 4 + 3];
            for (int axis = 0; axis < 3; axis++)
                if (corner >> axis & 1)
                    apart += (a->to_ras[row * 4 + axis] - b->to_ras[row * 4 + axis]) * (double)(a->dim[axis] - 1);
            square += apart * apart;
        }
        largest = fmax(largest, sqrt(square));
    }
    return largest;
}

/* memcpy because strides need not keep the type's alignment. */
#define READ_ROW(TYPE)                                              \
    for (int64_t i = 0; i < n; i++, at += stride) {                 \
        TYPE stored;                                                \
        memcpy(&stored, at, sizeof stored);                         \
        out[i] = (float)(g->slope * (double)stored + g->intercept); \
    }                                                               \
    break

void review_read_row(const review_grid *g, int64_t j, int64_t k, float *out)
{
    const char *at = g->origin + j * g->stride[1] + k * g->stride[2];
    int64_t n = g->dim[0], stride = g->stride[0];
    switch (g->type) {
    case CTVK_SCALAR_UINT8:
        READ_ROW(uint8_t);
    case CTVK_SCALAR_INT8:
        READ_ROW(int8_t);
    case CTVK_SCALAR_INT16:
        READ_ROW(int16_t);
    case CTVK_SCALAR_UINT16:
        READ_ROW(uint16_t);
    case CTVK_SCALAR_INT32:
        READ_ROW(int32_t);
    case CTVK_SCALAR_UINT32:
        READ_ROW(uint32_t);
    case CTVK_SCALAR_FLOAT32:
        READ_ROW(float);
    case CTVK_SCALAR_FLOAT64:
        READ_ROW(double);
    case CTVK_SCALAR_INT64:
        READ_ROW(int64_t);
    default:
        READ_ROW(uint64_t);
    }
}
