#include "volume/volume.h"

#include <string.h>

/* Step 7 along one axis: int(window * (1 - overlap)), at least one voxel. Where the window is the whole axis any step gives one window. */
static int64_t window_step(int32_t window, double overlap)
{
    int64_t step = (int64_t)((double)window * (1 - overlap));
    return step < 1 ? 1 : step;
}

ctvk_status ctvk_windows_plan(const ctvk_host *host, const int64_t dim[3], const int32_t window[3], double overlap, ctvk_windows *out,
                              ctvk_error *error)
{
    memset(out, 0, sizeof *out);
    if (!(overlap >= 0 && overlap < 1))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "inference.overlap: %g (give a number from 0 to below 1)", overlap);
    for (int i = 0; i < 3; i++) {
        if (window[i] < 1 || dim[i] < 1 || dim[i] > INT64_MAX / 4)
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "windows: a window of %d in %lld voxels along axis %d (both must be at least 1)",
                             (int)window[i], (long long)dim[i], i);
        out->window[i] = window[i];
        out->dim[i] = dim[i];
        out->padded[i] = dim[i] < window[i] ? window[i] : dim[i];
        out->pad_first[i] = (out->padded[i] - dim[i]) / 2;
    }
    for (int i = 0; i < 3; i++) {
        int64_t last = out->padded[i] - window[i], step = window_step(window[i], overlap);
        out->count[i] = (last + step - 1) / step + 1;
        out->start[i] = ctvk_calloc(host, (size_t)out->count[i], sizeof *out->start[i]);
        if (!out->start[i]) {
            ctvk_windows_free(host, out);
            return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "windows: host memory exhausted (free some memory)");
        }
        for (int64_t k = 0; k < out->count[i]; k++)
            out->start[i][k] = k * step < last ? k * step : last;
    }
    return CTVK_OK;
}

void ctvk_windows_free(const ctvk_host *host, ctvk_windows *windows)
{
    if (!windows)
        return;
    for (int i = 0; i < 3; i++) {
        ctvk_free(host, windows->start[i]);
        windows->start[i] = NULL;
    }
}

int64_t ctvk_window_number(const ctvk_windows *w, int64_t index, int axis)
{
    const int64_t after[3] = {w->count[1] * w->count[2], w->count[2], 1};
    return index / after[axis] % w->count[axis];
}

int64_t ctvk_window_meets(const ctvk_windows *w, int64_t number, int axis, int64_t *in_window, int64_t *in_volume)
{
    int64_t start = w->start[axis][number] - w->pad_first[axis];
    int64_t end = start + w->window[axis] < w->dim[axis] ? start + w->window[axis] : w->dim[axis];
    *in_volume = start > 0 ? start : 0;
    *in_window = *in_volume - start;
    return end > *in_volume ? end - *in_volume : 0;
}

ctvk_status ctvk_window_read(const ctvk_windows *w, int64_t index, const ctvk_preparer *preparer, int32_t first, int32_t count, float *out,
                             ctvk_error *error)
{
    const int64_t stride[2] = {(int64_t)w->window[1] * w->window[2], w->window[2]};
    int64_t to[3], from[3], n[3];
    for (int i = 0; i < 3; i++)
        n[i] = ctvk_window_meets(w, ctvk_window_number(w, index, i), i, &to[i], &from[i]);
    memset(out + first * stride[0], 0, sizeof(float) * (size_t)count * (size_t)stride[0]);
    int64_t low = to[0] > first ? to[0] : first, high = to[0] + n[0] < first + count ? to[0] + n[0] : first + count;
    if (low >= high)
        return CTVK_OK;
    from[0] += low - to[0];
    n[0] = high - low;
    return ctvk_preparer_block(preparer, from, n, stride, out + low * stride[0] + to[1] * stride[1] + to[2], error);
}

void ctvk_window_place(const ctvk_windows *w, int32_t first, int32_t count, int32_t channels, size_t size, const void *tile, void *out)
{
    int64_t in_window[3], in_volume[3], n[3];
    for (int i = 0; i < 3; i++)
        n[i] = ctvk_window_meets(w, 0, i, &in_window[i], &in_volume[i]);
    for (int64_t plane = 0; plane < count; plane++) {
        int64_t x = first + plane - in_window[0];
        if (x < 0 || x >= n[0])
            continue;
        for (int32_t c = 0; c < channels; c++)
            for (int64_t y = 0; y < n[1]; y++) {
                int64_t from = ((plane * channels + c) * w->window[1] + y + in_window[1]) * w->window[2] + in_window[2];
                int64_t to = ((c * w->dim[0] + x) * w->dim[1] + y) * w->dim[2];
                memcpy((uint8_t *)out + (uint64_t)to * size, (const uint8_t *)tile + (uint64_t)from * size, (size_t)n[2] * size);
            }
    }
}
