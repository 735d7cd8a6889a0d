#include "api/api.h"

#include "core/checked.h"
#include "core/scalar.h"

#include <math.h>
#include <string.h>

/* NIfTI holds 16-bit extents in its first version; no scanner comes near. */
#define MAX_EXTENT 65535

static ctvk_status check_layout(const ctvk_volume *volume, ctvk_volume_view *out, ctvk_error *error)
{
    int64_t packed = ctvk_scalar_bytes(volume->type);
    int32_t none = !volume->stride[0] && !volume->stride[1] && !volume->stride[2];
    if (!packed)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "volume: %d is no voxel type (use CTVK_SCALAR_*)", volume->type);
    uint64_t reach = 0;
    for (int i = 0; i < 3; i++) {
        int64_t stride = none ? packed : volume->stride[i];
        uint64_t span;
        if (volume->dim[i] < 1 || volume->dim[i] > MAX_EXTENT)
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "volume: %lld voxels along axis %d (1 to %d)", (long long)volume->dim[i], i,
                             MAX_EXTENT);
        if (stride == INT64_MIN || ctvk_mul_u64((uint64_t)(stride < 0 ? -stride : stride), (uint64_t)(volume->dim[i] - 1), &span) ||
            ctvk_add_u64(reach, span, &reach) || reach > (uint64_t)INT64_MAX / 2)
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "volume: stride %lld of axis %d leaves the address space (strides are bytes)",
                             (long long)stride, i);
        out->dim[i] = volume->dim[i];
        out->stride[i] = stride;
        packed *= volume->dim[i];
    }
    return CTVK_OK;
}

static double determinant(const ctvk_volume_view *view)
{
    const double *const a[3] = {view->affine[0], view->affine[1], view->affine[2]};
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
           a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

ctvk_status ctvk_view_volume(const ctvk_volume *volume, ctvk_volume_view *out, ctvk_error *error)
{
    memset(out, 0, sizeof *out);
    if (!volume->data)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "volume: no data (give the address of the first voxel)");
    if (volume->convention != CTVK_RAS && volume->convention != CTVK_LPS)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "volume: the affine's convention is not named (CTVK_RAS or CTVK_LPS)");
    ctvk_status status = check_layout(volume, out, error);
    if (status != CTVK_OK)
        return status;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            double value = volume->affine[row * 4 + column];
            if (!isfinite(value))
                return ctvk_fail(error, CTVK_ERROR_INPUT, "volume: the affine is not finite (give the image's geometry)");
            /* LPS and RAS differ in the sign of the first two patient axes. */
            out->affine[row][column] = volume->convention == CTVK_LPS && row < 2 ? -value : value;
        }
    double spacing[3];
    ctvk_view_spacing(out, spacing);
    double unit = spacing[0] * spacing[1] * spacing[2];
    if (!(unit > 0) || fabs(determinant(out)) < 1e-6 * unit)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "volume: the affine is singular (give the image's geometry)");
    if (!isfinite(volume->slope) || !isfinite(volume->intercept))
        return ctvk_fail(error, CTVK_ERROR_INPUT, "volume: slope or intercept is not finite (give the rescale values)");
    out->data = volume->data;
    out->type = volume->type;
    out->slope = volume->slope == 0 ? 1 : volume->slope;
    out->intercept = volume->intercept;
    return CTVK_OK;
}

double ctvk_view_voxel_mm3(const ctvk_volume_view *view)
{
    return fabs(determinant(view));
}

void ctvk_view_spacing(const ctvk_volume_view *view, double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = sqrt(view->affine[0][i] * view->affine[0][i] + view->affine[1][i] * view->affine[1][i] +
                      view->affine[2][i] * view->affine[2][i]);
}

void ctvk_view_sample_range(const ctvk_volume_view *view, double range[2])
{
    int64_t step[3];
    for (int i = 0; i < 3; i++)
        step[i] = view->dim[i] > 64 ? view->dim[i] / 64 : 1;
    range[0] = INFINITY;
    range[1] = -INFINITY;
    for (int64_t k = 0; k < view->dim[2]; k += step[2])
        for (int64_t j = 0; j < view->dim[1]; j += step[1])
            for (int64_t i = 0; i < view->dim[0]; i += step[0]) {
                const char *at = (const char *)view->data + i * view->stride[0] + j * view->stride[1] + k * view->stride[2];
                double value;
                ctvk_scalar_read(view->type, at, 0, 1, view->slope, view->intercept, &value);
                range[0] = value < range[0] ? value : range[0];
                range[1] = value > range[1] ? value : range[1];
            }
}
