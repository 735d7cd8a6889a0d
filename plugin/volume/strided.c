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

/* One row of at most TILE voxels along z. Returns 1 where a value is no finite float32. */
static int read_row(const ctvk_volume_view *in, const unsigned char *at, int64_t stride, int64_t n, float *out)
{
    double values[TILE];
    int bad = 0;
    ctvk_scalar_read(in->type, at, stride, n, in->slope, in->intercept, values);
    for (int64_t i = 0; i < n; i++) {
        bad |= !(fabs(values[i]) <= FLT_MAX);
        out[i] = (float)values[i];
    }
    return bad;
}

int ctvk_gather(const ctvk_volume_view *in, const ctvk_oriented *view, int64_t first, int64_t count, float *out)
{
    const unsigned char *base = (const unsigned char *)in->data + view->offset + first * view->stride[0];
    const int64_t ny = view->dim[1], nz = view->dim[2];
    int bad = 0;
    for (int64_t x0 = 0; x0 < count; x0 += TILE)
        for (int64_t y0 = 0; y0 < ny; y0 += TILE)
            for (int64_t z0 = 0; z0 < nz; z0 += TILE)
                for (int64_t x = x0; x < min64(x0 + TILE, count); x++)
                    for (int64_t y = y0; y < min64(y0 + TILE, ny); y++)
                        bad |= read_row(in, base + x * view->stride[0] + y * view->stride[1] + z0 * view->stride[2], view->stride[2],
                                        min64(TILE, nz - z0), out + (x * ny + y) * nz + z0);
    return bad ? -1 : 0;
}

int ctvk_find_bad(const ctvk_volume_view *in, int64_t index[3], double *value)
{
    const unsigned char *base = in->data;
    for (int64_t k = 0; k < in->dim[2]; k++)
        for (int64_t j = 0; j < in->dim[1]; j++)
            for (int64_t i = 0; i < in->dim[0]; i++) {
                ctvk_scalar_read(in->type, base + i * in->stride[0] + j * in->stride[1] + k * in->stride[2], 0, 1, in->slope, in->intercept,
                                 value);
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
