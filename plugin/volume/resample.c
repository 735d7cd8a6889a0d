#include "volume/resample.h"

#include "core/checked.h"

#include <math.h>
#include <string.h>

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "resampling: host memory exhausted (close other programs or use a coarser spacing)");
}

static void linear_taps(ctvk_taps *taps, int64_t i, double position)
{
    double last = (double)(taps->n_in - 1), x = position < last ? position : last;
    int64_t below = (int64_t)x;
    double fraction = x - (double)below;
    taps->first[i] = below;
    taps->count[i] = fraction > 0 ? 2 : 1;
    taps->weight[i * taps->width] = 1 - fraction;
    if (fraction > 0)
        taps->weight[i * taps->width + 1] = fraction;
}

static void triangle_taps(ctvk_taps *taps, int64_t i, double position, double radius)
{
    double *weight = taps->weight + i * taps->width, sum = 0;
    double low = ceil(position - radius), high = floor(position + radius);
    int64_t first = low > 0 ? (int64_t)low : 0, last = high < (double)taps->n_in ? (int64_t)high : taps->n_in - 1, count = 0;
    if (first > taps->n_in - 1)
        first = taps->n_in - 1;
    for (int64_t j = first; j <= last && count < taps->width; j++, count++) {
        double w = 1 - fabs((double)j - position) / radius;
        weight[count] = w > 0 ? w : 0;
        sum += weight[count];
    }
    taps->first[i] = first;
    taps->count[i] = count;
    /* No voxel under the kernel: the sample lies beyond the last voxel by more than the kernel reaches. */
    if (!(sum > 0)) {
        linear_taps(taps, i, position);
        return;
    }
    for (int64_t t = 0; t < count; t++)
        weight[t] /= sum;
}

/* Arrays for out->n_out samples of out->width weights. */
static ctvk_status taps_alloc(const ctvk_host *host, ctvk_taps *out, ctvk_error *error)
{
    uint64_t weights;
    if (ctvk_mul_u64((uint64_t)out->n_out, (uint64_t)out->width, &weights))
        return no_memory(error);
    out->first = ctvk_calloc(host, (size_t)out->n_out, sizeof *out->first);
    out->count = ctvk_calloc(host, (size_t)out->n_out, sizeof *out->count);
    out->weight = ctvk_calloc(host, (size_t)weights, sizeof *out->weight);
    if (out->first && out->count && out->weight)
        return CTVK_OK;
    ctvk_taps_free(host, out);
    return no_memory(error);
}

ctvk_status ctvk_taps_make(const ctvk_host *host, int64_t n_in, int64_t n_out, double step, double radius, ctvk_taps *out,
                           ctvk_error *error)
{
    memset(out, 0, sizeof *out);
    out->n_in = n_in;
    out->n_out = n_out;
    out->width = 2;
    if (step == 1 && n_in == n_out && radius == 0) {
        out->identity = 1;
        out->width = 1;
        return CTVK_OK;
    }
    if (radius > 0) {
        double width = 2 * ceil(radius) + 1;
        out->width = width < (double)n_in ? (int64_t)width : n_in;
        out->width = out->width < 2 ? 2 : out->width;
    }
    if (taps_alloc(host, out, error))
        return CTVK_ERROR_HOST_MEMORY;
    for (int64_t i = 0; i < n_out; i++) {
        if (radius > 0)
            triangle_taps(out, i, (double)i * step, radius);
        else
            linear_taps(out, i, (double)i * step);
    }
    return CTVK_OK;
}

ctvk_status ctvk_taps_part(const ctvk_host *host, const ctvk_taps *taps, int64_t first, int64_t count, ctvk_taps *out, int64_t *first_in,
                           ctvk_error *error)
{
    int64_t low = taps->n_in, end = 0;
    *out = (ctvk_taps){.n_in = count, .n_out = count, .identity = taps->identity, .width = taps->width};
    *first_in = first;
    if (taps->identity)
        return CTVK_OK;
    for (int64_t i = first; i < first + count; i++) {
        int64_t after = taps->first[i] + taps->count[i];
        low = taps->first[i] < low ? taps->first[i] : low;
        end = after > end ? after : end;
    }
    ctvk_status status = taps_alloc(host, out, error);
    if (status)
        return status;
    out->n_in = end - low;
    *first_in = low;
    for (int64_t i = 0; i < count; i++) {
        out->first[i] = taps->first[first + i] - low;
        out->count[i] = taps->count[first + i];
    }
    memcpy(out->weight, taps->weight + first * taps->width, (size_t)(count * taps->width) * sizeof *out->weight);
    return CTVK_OK;
}

void ctvk_taps_free(const ctvk_host *host, ctvk_taps *taps)
{
    ctvk_free(host, taps->first);
    ctvk_free(host, taps->count);
    ctvk_free(host, taps->weight);
    memset(taps, 0, sizeof *taps);
}

/* Floats of `planes` planes; the caller's grids are limited so that three factors cannot overflow 64 bits. */
static float *planes_alloc(const ctvk_host *host, int64_t planes, int64_t rows, int64_t columns)
{
    uint64_t elements;
    if (ctvk_mul_u64((uint64_t)planes, (uint64_t)rows, &elements) || ctvk_mul_u64(elements, (uint64_t)columns, &elements) ||
        ctvk_mul_u64(elements, sizeof(float), &elements) || elements > SIZE_MAX)
        return NULL;
    return ctvk_alloc(host, (size_t)elements);
}

ctvk_status ctvk_resampler_make(const ctvk_host *host, const ctvk_taps taps[3], ctvk_resampler *out, ctvk_error *error)
{
    memset(out, 0, sizeof *out);
    memcpy(out->taps, taps, sizeof out->taps);
    out->slots = taps[0].identity ? 1 : taps[0].width;
    out->slot_plane = ctvk_calloc(host, (size_t)out->slots, sizeof *out->slot_plane);
    out->ring = planes_alloc(host, out->slots, taps[1].n_out, taps[2].n_out);
    out->along_z = planes_alloc(host, 1, taps[1].n_in, taps[2].n_out);
    out->plane = planes_alloc(host, 1, taps[1].n_out, taps[2].n_out);
    out->row = ctvk_calloc(host, (size_t)taps[2].n_out, sizeof *out->row);
    if (!out->slot_plane || !out->ring || !out->along_z || !out->plane || !out->row) {
        ctvk_resampler_free(host, out);
        return no_memory(error);
    }
    ctvk_resampler_reset(out);
    return CTVK_OK;
}

void ctvk_resampler_free(const ctvk_host *host, ctvk_resampler *resampler)
{
    for (int i = 0; i < 3; i++)
        ctvk_taps_free(host, &resampler->taps[i]);
    ctvk_free(host, resampler->slot_plane);
    ctvk_free(host, resampler->ring);
    ctvk_free(host, resampler->along_z);
    ctvk_free(host, resampler->plane);
    ctvk_free(host, resampler->row);
    memset(resampler, 0, sizeof *resampler);
}

void ctvk_resampler_reset(ctvk_resampler *resampler)
{
    for (int64_t i = 0; i < resampler->slots; i++)
        resampler->slot_plane[i] = -1;
}

/* out[rows][n_out] from in[rows][n_in]. */
static void along_last(const ctvk_taps *taps, int64_t rows, const float *in, float *out)
{
    for (int64_t r = 0; r < rows; r++, in += taps->n_in, out += taps->n_out)
        for (int64_t i = 0; i < taps->n_out; i++) {
            const double *weight = taps->weight + i * taps->width;
            const float *from = in + taps->first[i];
            double sum = 0;
            for (int64_t t = 0; t < taps->count[i]; t++)
                sum += weight[t] * (double)from[t];
            out[i] = (float)sum;
        }
}

/* One output row of length n: the weighted sum of rows that lie `pitch` floats apart, row t at slot (first + t) % slots. */
static void add_rows(const ctvk_taps *taps, int64_t i, const float *in, int64_t pitch, int64_t slots, int64_t n, double *sum, float *out)
{
    for (int64_t t = 0; t < taps->count[i]; t++) {
        const float *row = in + (taps->first[i] + t) % slots * pitch;
        double w = taps->weight[i * taps->width + t];
        if (t == 0)
            for (int64_t k = 0; k < n; k++)
                sum[k] = w * (double)row[k];
        else
            for (int64_t k = 0; k < n; k++)
                sum[k] += w * (double)row[k];
    }
    for (int64_t k = 0; k < n; k++)
        out[k] = (float)sum[k];
}

/* One input plane to [ny'][nz']. */
static void resample_plane(ctvk_resampler *r, const float *in, float *out)
{
    const ctvk_taps *y = &r->taps[1], *z = &r->taps[2];
    const float *rows = in;
    if (!z->identity) {
        float *target = y->identity ? out : r->along_z;
        along_last(z, y->n_in, in, target);
        rows = target;
    }
    if (!y->identity)
        for (int64_t i = 0; i < y->n_out; i++)
            add_rows(y, i, rows, z->n_out, y->n_in, z->n_out, r->row, out + i * z->n_out);
    else if (z->identity)
        memcpy(out, in, sizeof(float) * (size_t)(y->n_in * z->n_in));
}

ctvk_status ctvk_resampler_plane(ctvk_resampler *r, ctvk_plane_source source, void *user, int64_t x, const float **plane, ctvk_error *error)
{
    const ctvk_taps *taps = &r->taps[0];
    const int64_t size = r->taps[1].n_out * r->taps[2].n_out;
    int64_t first = taps->identity ? x : taps->first[x], count = taps->identity ? 1 : taps->count[x];
    for (int64_t p = first; p < first + count; p++) {
        int64_t slot = p % r->slots;
        const float *in = NULL;
        if (r->slot_plane[slot] == p)
            continue;
        ctvk_status status = source(user, p, &in, error);
        if (status)
            return status;
        if (taps->identity && r->taps[1].identity && r->taps[2].identity) {
            *plane = in;
            return CTVK_OK;
        }
        resample_plane(r, in, r->ring + slot * size);
        r->slot_plane[slot] = p;
    }
    if (count == 1) {
        *plane = r->ring + first % r->slots * size;
        return CTVK_OK;
    }
    for (int64_t i = 0; i < r->taps[1].n_out; i++)
        add_rows(taps, x, r->ring + i * r->taps[2].n_out, size, r->slots, r->taps[2].n_out, r->row, r->plane + i * r->taps[2].n_out);
    *plane = r->plane;
    return CTVK_OK;
}
