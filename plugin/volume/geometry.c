#include "volume/geometry.h"

#include "volume/orient.h"

#include <math.h>
#include <string.h>

/* 32 GiB of float32: what is larger comes from a damaged header or a spacing in the wrong unit. */
#define MAX_VOXELS ((int64_t)1 << 33)

static ctvk_status check_desc(const ctvk_prep_desc *desc, ctvk_error *error)
{
    const double *hu = desc->window_hu, *range = desc->range;
    if (!isfinite(hu[0]) || !isfinite(hu[1]) || !(hu[1] > hu[0]))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "preprocess.intensity.window: [%g, %g] (give two finite numbers, the lower one first)",
                         hu[0], hu[1]);
    if (!isfinite(range[0]) || !isfinite(range[1]) || range[0] == range[1])
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "preprocess.intensity.range: [%g, %g] (give two different finite numbers)", range[0],
                         range[1]);
    for (int i = 0; i < 3; i++) {
        if (desc->window[i] < 1)
            return ctvk_fail(error, CTVK_ERROR_BUNDLE, "inference.window: %d voxels along axis %d (give at least one)",
                             (int)desc->window[i], i);
        if (desc->has_spacing && !(isfinite(desc->spacing_mm[i]) && desc->spacing_mm[i] > 0))
            return ctvk_fail(error, CTVK_ERROR_BUNDLE, "preprocess.spacing_mm: %g along axis %d (give millimetres above 0)",
                             desc->spacing_mm[i], i);
    }
    return CTVK_OK;
}

/* n' - 1 rounded to the nearest, a half to the even one, whatever rounding mode the host has set. */
static double round_even(double value)
{
    double below = floor(value), rest = value - below;
    if (rest < 0.5 || (rest == 0.5 && fmod(below, 2) == 0))
        return below;
    return below + 1;
}

/* Step 2 along one axis. A spacing that differs by the rounding of a float32 affine is the same spacing: where the last voxel would move by
 * less than a ten-thousandth of a voxel, nothing is interpolated. */
static double resampled_dim(int64_t n, double from, double to, double *spacing)
{
    double steps = (double)(n - 1);
    if (fabs(to / from - 1) * steps <= 1e-4) {
        *spacing = from;
        return (double)n;
    }
    *spacing = to;
    return round_even(steps * from / to) + 1;
}

ctvk_status ctvk_geometry_begin(const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_geometry *g, ctvk_error *error)
{
    double voxels = 1;
    memset(g, 0, sizeof *g);
    ctvk_status status = check_desc(desc, error);
    if (!status)
        status = ctvk_view_check(in, error);
    if (!status)
        status = ctvk_orient(in->affine, desc->orientation, g->axis, g->flip, g->input_spacing, error);
    if (status)
        return status;
    g->rotate90 = (desc->rotate90 % 4 + 4) % 4;
    for (int i = 0; i < 3; i++) {
        int64_t n = in->dim[g->axis[i]];
        double to = (double)n;
        g->input_dim[i] = in->dim[i];
        g->spacing[i] = g->input_spacing[i];
        if (desc->has_spacing)
            to = resampled_dim(n, g->input_spacing[i], desc->spacing_mm[i], &g->spacing[i]);
        voxels *= fmax(to, desc->pad_to_window || desc->crop_foreground ? (double)desc->window[i] : 1);
        if (!(voxels <= (double)MAX_VOXELS))
            return ctvk_fail(
                error, CTVK_ERROR_INPUT,
                "image: %lld voxels of %g mm along axis %d would need more than 2^33 voxels in all (check the spacing in its header)",
                (long long)n, g->input_spacing[i], (int)g->axis[i]);
        g->resampled[i] = (int64_t)to;
        g->crop_dim[i] = g->resampled[i];
    }
    for (int i = 0; i < 3; i++)
        g->resample |= ctvk_geometry_resamples(g, i);
    return CTVK_OK;
}

int ctvk_geometry_resamples(const ctvk_geometry *g, int axis)
{
    return g->spacing[axis] != g->input_spacing[axis];
}

void ctvk_geometry_finish(const ctvk_prep_desc *desc, ctvk_geometry *g)
{
    g->empty = g->crop_dim[0] == 0;
    for (int i = 0; i < 3; i++) {
        int64_t window = desc->window[i], n = g->crop_dim[i];
        g->padded[i] = n;
        g->pad_first[i] = 0;
        if (g->empty) {
            /* One window as the network sees it, whatever the rotation makes of its sides. */
            g->padded[i] = i < 2 && g->rotate90 % 2 ? desc->window[1 - i] : window;
        } else if (desc->pad_to_window && n < window) {
            g->padded[i] = window;
            g->pad_first[i] = (window - n) / 2;
        }
    }
    memcpy(g->dim, g->padded, sizeof g->dim);
    if (g->rotate90 % 2) {
        g->dim[0] = g->padded[1];
        g->dim[1] = g->padded[0];
    }
}

void ctvk_rotate_row(const int64_t dim[3], int32_t turns, int64_t x, int64_t y, int64_t *to_x, int64_t *to_y)
{
    /* rot90 once: out[i][j] = in[j][n_y - 1 - i] */
    const int64_t i[4] = {x, dim[1] - 1 - y, dim[0] - 1 - x, y}, j[4] = {y, x, dim[1] - 1 - y, dim[0] - 1 - x};
    *to_x = i[turns & 3];
    *to_y = j[turns & 3];
}

int64_t ctvk_row_place(const ctvk_geometry *g, int64_t x, int64_t y)
{
    int64_t i, j;
    x -= g->crop_first[0];
    y -= g->crop_first[1];
    if (x < 0 || y < 0 || x >= g->crop_dim[0] || y >= g->crop_dim[1])
        return -1;
    ctvk_rotate_row(g->padded, g->rotate90, x + g->pad_first[0], y + g->pad_first[1], &i, &j);
    return (i * g->dim[1] + j) * g->dim[2] + g->pad_first[2];
}
