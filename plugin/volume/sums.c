/* Step 8: what the windows add up to. The weights' sum of a voxel follows from where the windows lie, so that only the weight of one window
 * is kept, as the device made it, and of that the part up to its middle: it is the same on both sides of it, to the bit. A volume of sums
 * would take half as much again as the two classes' own. */
#include "volume/volume.h"

#include <string.h>

static int64_t volume_of(const int64_t dim[3])
{
    return dim[0] * dim[1] * dim[2];
}

static int64_t half(const ctvk_windows *w, int axis)
{
    return ((int64_t)w->window[axis] + 1) / 2;
}

ctvk_status ctvk_sums_make(const ctvk_host *host, const ctvk_windows *windows, int32_t classes, ctvk_sums *out, ctvk_error *error)
{
    *out = (ctvk_sums){.windows = windows, .classes = classes};
    out->logits = ctvk_calloc(host, (size_t)classes * (size_t)volume_of(windows->dim), sizeof(float));
    out->weight = ctvk_calloc(host, (size_t)(half(windows, 0) * half(windows, 1) * half(windows, 2)), sizeof(float));
    if (out->logits && out->weight)
        return CTVK_OK;
    ctvk_sums_free(host, out);
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "host memory: %.1f MiB of accumulators cannot be had (crop the image)",
                     (double)classes * (double)volume_of(windows->dim) * sizeof(float) / 1048576.0);
}

void ctvk_sums_free(const ctvk_host *host, ctvk_sums *sums)
{
    ctvk_free(host, sums->logits);
    ctvk_free(host, sums->weight);
    *sums = (ctvk_sums){0};
}

/* Planes [first, first + count) of a window's weight, as far as they are kept. */
static void keep_weight(ctvk_sums *sums, int32_t first, int32_t count, const float *tile)
{
    const ctvk_windows *w = sums->windows;
    const int64_t plane = (int64_t)w->window[1] * w->window[2], ny = half(w, 1), nz = half(w, 2);
    for (int64_t x = first; x < first + count && x < half(w, 0); x++)
        for (int64_t y = 0; y < ny; y++)
            memcpy(sums->weight + (x * ny + y) * nz, tile + ((x - first) * (sums->classes + 1) + sums->classes) * plane + y * w->window[2],
                   sizeof(float) * (size_t)nz);
}

void ctvk_sums_add(ctvk_sums *sums, int64_t index, int32_t first, int32_t count, const float *tile)
{
    const ctvk_windows *w = sums->windows;
    const int64_t volume = volume_of(w->dim);
    int64_t in_window[3], in_volume[3], n[3];
    for (int i = 0; i < 3; i++)
        n[i] = ctvk_window_meets(w, ctvk_window_number(w, index, i), i, &in_window[i], &in_volume[i]);
    if (index == 0)
        keep_weight(sums, first, count, tile);
    for (int64_t plane = 0; plane < count; plane++) {
        int64_t x = first + plane - in_window[0];
        if (x < 0 || x >= n[0])
            continue;
        for (int32_t c = 0; c < sums->classes; c++)
            for (int64_t y = 0; y < n[1]; y++) {
                const float *from =
                    tile + ((plane * (sums->classes + 1) + c) * w->window[1] + y + in_window[1]) * w->window[2] + in_window[2];
                float *to = sums->logits + c * volume + ((x + in_volume[0]) * w->dim[1] + y + in_volume[1]) * w->dim[2] + in_volume[2];
                for (int64_t z = 0; z < n[2]; z++)
                    to[z] += from[z];
            }
    }
}

/* Voxels [z, z + n) of a row of the window's weight, added: up to the middle as it lies, then backwards. */
static void add_row(const ctvk_windows *w, const float *row, int64_t z, int64_t n, float *out)
{
    const int64_t last = w->window[2] - 1, middle = half(w, 2);
    int64_t k = 0;
    for (; k < n && z + k < middle; k++)
        out[k] += row[z + k];
    for (; k < n; k++)
        out[k] += row[last - z - k];
}

/* Where voxel `at` of the volume lies in the kept half of the windows of this number along x or y; -1: in none of them. */
static int64_t place_of(const ctvk_windows *w, int64_t number, int axis, int64_t at)
{
    int64_t in_window, in_volume, n = ctvk_window_meets(w, number, axis, &in_window, &in_volume), p = at - in_volume;
    if (p < 0 || p >= n)
        return -1;
    p += in_window;
    return p < half(w, axis) ? p : w->window[axis] - 1 - p;
}

/* A row of the kept weight, added to voxels [z0, z0 + n) of a row of the volume for every window along z. */
static void add_windows(const ctvk_windows *w, const float *row, int64_t z0, int64_t n, float *out)
{
    for (int64_t iz = 0; iz < w->count[2]; iz++) {
        int64_t in_window, in_volume, length = ctvk_window_meets(w, iz, 2, &in_window, &in_volume);
        int64_t begin = in_volume > z0 ? in_volume : z0, end = in_volume + length < z0 + n ? in_volume + length : z0 + n;
        if (begin < end)
            add_row(w, row, begin - in_volume + in_window, end - begin, out + begin - z0);
    }
}

/* Voxels [z0, z0 + n) of the row (x, y) of the volume. Windows in the order in which their logits were added. */
static void weigh_row(const ctvk_sums *sums, int64_t x, int64_t y, int64_t z0, int64_t n, float *out)
{
    const ctvk_windows *w = sums->windows;
    memset(out, 0, sizeof(float) * (size_t)n);
    for (int64_t ix = 0; ix < w->count[0]; ix++) {
        int64_t px = place_of(w, ix, 0, x);
        for (int64_t iy = 0; px >= 0 && iy < w->count[1]; iy++) {
            int64_t py = place_of(w, iy, 1, y);
            if (py >= 0)
                add_windows(w, sums->weight + (px * half(w, 1) + py) * half(w, 2), z0, n, out);
        }
    }
}

void ctvk_sums_weights(const ctvk_sums *sums, uint64_t first, uint32_t count, float *out)
{
    const ctvk_windows *w = sums->windows;
    for (uint32_t done = 0; done < count;) {
        int64_t voxel = (int64_t)(first + done), z = voxel % w->dim[2], row = voxel / w->dim[2];
        int64_t n = w->dim[2] - z < (int64_t)(count - done) ? w->dim[2] - z : (int64_t)(count - done);
        weigh_row(sums, row / w->dim[1], row % w->dim[1], z, n, out + done);
        done += (uint32_t)n;
    }
}
