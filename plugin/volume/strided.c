/* Blocks of strided memory, moved in cubes so that every cache line is used whole, whichever axis is the fastest on either side. */
#include "volume/orient.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TILE 32

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t ctvk_slab_planes(const int64_t dim[3], int64_t element_bytes)
{
    int64_t fit = ((int64_t)32 << 20) / (dim[1] * dim[2] * element_bytes);
    return fit < 1 ? 1 : min64(min64(fit, TILE), dim[0]);
}

/* One row along z. Returns 1 where a value is no finite float32. memcpy because strides need not keep the type's alignment. */
typedef int (*row_reader)(const unsigned char *at, int64_t stride, int64_t n, double slope, double intercept, float *out);

#define ROW_READER(NAME, TYPE)                                                                                      \
    static int NAME(const unsigned char *at, int64_t stride, int64_t n, double slope, double intercept, float *out) \
    {                                                                                                               \
        int bad = 0;                                                                                                \
        for (int64_t i = 0; i < n; i++, at += stride) {                                                             \
            TYPE stored;                                                                                            \
            memcpy(&stored, at, sizeof stored);                                                                     \
            double value = slope * (double)stored + intercept;                                                      \
            bad |= !(fabs(value) <= FLT_MAX);                                                                       \
            out[i] = (float)value;                                                                                  \
        }                                                                                                           \
        return bad;                                                                                                 \
    }
ROW_READER(read_u8, uint8_t)
ROW_READER(read_i8, int8_t)
ROW_READER(read_u16, uint16_t)
ROW_READER(read_i16, int16_t)
ROW_READER(read_u32, uint32_t)
ROW_READER(read_i32, int32_t)
ROW_READER(read_u64, uint64_t)
ROW_READER(read_i64, int64_t)
ROW_READER(read_f32, float)
ROW_READER(read_f64, double)

static row_reader reader_of(ctvk_scalar type)
{
    static const row_reader readers[] = {
        [CTVK_SCALAR_UINT8] = read_u8,  [CTVK_SCALAR_INT16] = read_i16, [CTVK_SCALAR_UINT16] = read_u16, [CTVK_SCALAR_FLOAT32] = read_f32,
        [CTVK_SCALAR_INT8] = read_i8,   [CTVK_SCALAR_INT32] = read_i32, [CTVK_SCALAR_UINT32] = read_u32, [CTVK_SCALAR_FLOAT64] = read_f64,
        [CTVK_SCALAR_INT64] = read_i64, [CTVK_SCALAR_UINT64] = read_u64};
    return readers[type];
}

int ctvk_gather(const ctvk_volume_view *in, const ctvk_oriented *view, int64_t first, int64_t count, float *out)
{
    const unsigned char *base = (const unsigned char *)in->data + view->offset + first * view->stride[0];
    const int64_t ny = view->dim[1], nz = view->dim[2];
    row_reader read = reader_of(in->type);
    int bad = 0;
    for (int64_t x0 = 0; x0 < count; x0 += TILE)
        for (int64_t y0 = 0; y0 < ny; y0 += TILE)
            for (int64_t z0 = 0; z0 < nz; z0 += TILE)
                for (int64_t x = x0; x < min64(x0 + TILE, count); x++)
                    for (int64_t y = y0; y < min64(y0 + TILE, ny); y++)
                        bad |= read(base + x * view->stride[0] + y * view->stride[1] + z0 * view->stride[2], view->stride[2],
                                    min64(TILE, nz - z0), in->slope, in->intercept, out + (x * ny + y) * nz + z0);
    return bad ? -1 : 0;
}

static double value_at(const ctvk_volume_view *in, const unsigned char *at)
{
    double value = 0;
    float single;
    if (in->type == CTVK_SCALAR_FLOAT64) {
        memcpy(&value, at, sizeof value);
    } else {
        reader_of(in->type)(at, 0, 1, 1, 0, &single);
        value = single;
    }
    return in->slope * value + in->intercept;
}

int ctvk_find_bad(const ctvk_volume_view *in, int64_t index[3], double *value)
{
    const unsigned char *base = in->data;
    for (int64_t k = 0; k < in->dim[2]; k++)
        for (int64_t j = 0; j < in->dim[1]; j++)
            for (int64_t i = 0; i < in->dim[0]; i++) {
                *value = value_at(in, base + i * in->stride[0] + j * in->stride[1] + k * in->stride[2]);
                if (!(fabs(*value) <= FLT_MAX)) {
                    index[0] = i, index[1] = j, index[2] = k;
                    return 0;
                }
            }
    return -1;
}

#define SCATTER(NAME, TYPE)                                                                                                                \
    void NAME(const ctvk_oriented *view, int64_t first, int64_t count, const TYPE *planes, TYPE *out)                                      \
    {                                                                                                                                      \
        unsigned char *base = (unsigned char *)out + view->offset + first * view->stride[0];                                               \
        const int64_t ny = view->dim[1], nz = view->dim[2];                                                                                \
        for (int64_t y0 = 0; y0 < ny; y0 += TILE)                                                                                          \
            for (int64_t z0 = 0; z0 < nz; z0 += TILE)                                                                                      \
                for (int64_t y = y0; y < min64(y0 + TILE, ny); y++)                                                                        \
                    for (int64_t z = z0; z < min64(z0 + TILE, nz); z++)                                                                    \
                        for (int64_t x = 0; x < count; x++)                                                                                \
                            memcpy(base + x * view->stride[0] + y * view->stride[1] + z * view->stride[2], planes + (x * ny + y) * nz + z, \
                                   sizeof(TYPE));                                                                                          \
    }
SCATTER(ctvk_scatter_u8, uint8_t)
SCATTER(ctvk_scatter_f32, float)
