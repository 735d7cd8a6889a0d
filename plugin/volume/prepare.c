/* Steps 1 to 6: planes are gathered in slabs, resampled and mapped; a first pass finds the box of step 4, a second one writes what is in it
 * where it lies after padding and rotation. Memory: the cropped volume, one slab, and the planes under the resampling kernel. The second
 * pass costs little beside the network, a volume of the whole CT as float32 would cost twice the CT. */
#include "volume/geometry.h"
#include "volume/orient.h"
#include "volume/resample.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct slab_source {
    const ctvk_volume_view *in;
    ctvk_oriented view;
    float *planes; /* OWNED */
    int64_t room, first, count;
    ctvk_progress_fn progress;
    void *user;
    double from, span; /* of the progress, this pass */
} slab_source;

static ctvk_status bad_voxel(const ctvk_volume_view *in, ctvk_error *error)
{
    int64_t at[3] = {0, 0, 0};
    double value = NAN;
    ctvk_find_bad(in, at, &value);
    return ctvk_fail(error, CTVK_ERROR_INPUT, "image: voxel (%lld, %lld, %lld) is %s (repair the image or export it again)",
                     (long long)at[0], (long long)at[1], (long long)at[2], isnan(value) ? "NaN" : "infinite or no Hounsfield value at all");
}

static ctvk_status read_plane(void *user, int64_t x, const float **plane, ctvk_error *error)
{
    slab_source *s = user;
    const int64_t *dim = s->view.dim;
    if (x < s->first || x >= s->first + s->count) {
        s->first = x;
        s->count = dim[0] - x < s->room ? dim[0] - x : s->room;
        if (s->progress && s->progress(s->user, s->from + s->span * (double)x / (double)dim[0], "prepare"))
            return ctvk_fail(error, CTVK_CANCELLED, "prepare: cancelled by the host (start again)");
        if (ctvk_gather(s->in, &s->view, s->first, s->count, s->planes))
            return bad_voxel(s->in, error);
    }
    *plane = s->planes + (x - s->first) * dim[1] * dim[2];
    return CTVK_OK;
}

/* Step 3 on one row. Without clipping a value stays a finite float32 all the same. */
static void map_row(const ctvk_prep_desc *desc, const float *in, int64_t n, float *out)
{
    const double low = desc->window_hu[0], scale = desc->window_hu[1] - low, to = desc->range[0], span = desc->range[1] - to;
    const double bottom = desc->clip ? fmin(to, desc->range[1]) : -(double)FLT_MAX,
                 top = desc->clip ? fmax(to, desc->range[1]) : (double)FLT_MAX;
    for (int64_t i = 0; i < n; i++) {
        double v = ((double)in[i] - low) / scale * span + to;
        v = v < bottom ? bottom : v;
        out[i] = (float)(v > top ? top : v);
    }
}

/* The bounding box of values > 0, as [low, high] per axis; low > high while there is none. */
typedef struct bounds {
    int64_t low[3], high[3];
} bounds;

static void bounds_row(bounds *b, int64_t x, int64_t y, const float *row, int64_t n)
{
    int64_t first = 0, last = n - 1;
    while (first < n && !(row[first] > 0))
        first++;
    if (first == n)
        return;
    while (!(row[last] > 0))
        last--;
    const int64_t low[3] = {x, y, first}, high[3] = {x, y, last};
    for (int i = 0; i < 3; i++) {
        b->low[i] = low[i] < b->low[i] ? low[i] : b->low[i];
        b->high[i] = high[i] > b->high[i] ? high[i] : b->high[i];
    }
}

/* Steps 2 and 3 for every row of the resampled grid; `row` has room for one. */
typedef void (*row_visitor)(void *user, int64_t x, int64_t y, const float *row, int64_t n);

static ctvk_status visit_rows(ctvk_resampler *resampler, slab_source *source, const ctvk_prep_desc *desc, const ctvk_geometry *g,
                              float *row, row_visitor visit, void *user, ctvk_error *error)
{
    const int64_t ny = g->resampled[1], nz = g->resampled[2];
    ctvk_resampler_reset(resampler);
    for (int64_t x = 0; x < g->resampled[0]; x++) {
        const float *plane = NULL;
        ctvk_status status = ctvk_resampler_plane(resampler, read_plane, source, x, &plane, error);
        if (status)
            return status;
        for (int64_t y = 0; y < ny; y++) {
            map_row(desc, plane + y * nz, nz, row);
            visit(user, x, y, row, nz);
        }
    }
    return CTVK_OK;
}

static void visit_bounds(void *user, int64_t x, int64_t y, const float *row, int64_t n)
{
    bounds_row(user, x, y, row, n);
}

/* Steps 4 to 6 on one row. */
static void visit_store(void *user, int64_t x, int64_t y, const float *row, int64_t n)
{
    ctvk_prepared *out = user;
    const ctvk_geometry *g = &out->geometry;
    int64_t place = ctvk_row_place(g, x, y);
    (void)n;
    if (place >= 0)
        memcpy(out->data + place, row + g->crop_first[2], (size_t)g->crop_dim[2] * sizeof(float));
}

/* Taps of step 2 along the three oriented axes. */
static ctvk_status make_taps(const ctvk_host *host, const ctvk_geometry *g, int antialias, ctvk_taps taps[3], ctvk_error *error)
{
    for (int i = 0; i < 3; i++) {
        double step = ctvk_geometry_resamples(g, i) ? g->spacing[i] / g->input_spacing[i] : 1;
        ctvk_status status =
            ctvk_taps_make(host, g->input_dim[g->axis[i]], g->resampled[i], step, antialias && step > 1 ? step : 0, &taps[i], error);
        if (status) {
            for (int k = 0; k < i; k++)
                ctvk_taps_free(host, &taps[k]);
            return status;
        }
    }
    return CTVK_OK;
}

static void take_bounds(const bounds *box, ctvk_geometry *g)
{
    for (int i = 0; i < 3; i++) {
        g->crop_first[i] = box->high[i] < 0 ? 0 : box->low[i];
        g->crop_dim[i] = box->high[i] < 0 ? 0 : box->high[i] - box->low[i] + 1;
    }
}

static ctvk_status no_memory(const ctvk_geometry *g, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "prepare: host memory exhausted for %lld x %lld x %lld voxels (free some memory)",
                     (long long)g->resampled[0], (long long)g->resampled[1], (long long)g->resampled[2]);
}

/* The two passes. */
static ctvk_status fill(const ctvk_host *host, ctvk_resampler *resampler, slab_source *source, const ctvk_prep_desc *desc, float *row,
                        ctvk_prepared *out, ctvk_error *error)
{
    ctvk_geometry *g = &out->geometry;
    source->span = 1;
    if (desc->crop_foreground) {
        bounds box = {{INT64_MAX, INT64_MAX, INT64_MAX}, {-1, -1, -1}};
        source->span = 0.5;
        ctvk_status status = visit_rows(resampler, source, desc, g, row, visit_bounds, &box, error);
        if (status)
            return status;
        take_bounds(&box, g);
        source->from = 0.5;
    }
    ctvk_geometry_finish(desc, g);
    out->data = ctvk_calloc(host, (size_t)(g->dim[0] * g->dim[1] * g->dim[2]), sizeof(float));
    if (!out->data)
        return no_memory(g, error);
    return g->empty ? CTVK_OK : visit_rows(resampler, source, desc, g, row, visit_store, out, error);
}

ctvk_status ctvk_prepare(const ctvk_host *host, const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_progress_fn progress,
                         void *user, ctvk_prepared *out, ctvk_error *error)
{
    ctvk_geometry *g = &out->geometry;
    slab_source source = {.in = in, .progress = progress, .user = user};
    ctvk_resampler resampler = {.slots = 0};
    ctvk_taps taps[3];
    memset(out, 0, sizeof *out);
    if (!in->data)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "image: no voxels, data is NULL (pass the volume's memory)");
    ctvk_status status = ctvk_geometry_begin(in, desc, g, error);
    if (!status)
        status = make_taps(host, g, desc->antialias, taps, error);
    if (!status)
        status = ctvk_resampler_make(host, taps, &resampler, error);
    if (status)
        return status;
    source.view = ctvk_oriented_view(g, in->stride);
    source.room = ctvk_slab_planes(source.view.dim, sizeof(float));
    source.planes = ctvk_alloc(host, (size_t)(source.room * source.view.dim[1] * source.view.dim[2]) * sizeof(float));
    float *row = ctvk_alloc(host, (size_t)g->resampled[2] * sizeof(float));
    status = source.planes && row ? fill(host, &resampler, &source, desc, row, out, error) : no_memory(g, error);
    ctvk_free(host, row);
    ctvk_free(host, source.planes);
    ctvk_resampler_free(host, &resampler);
    if (status)
        ctvk_prepared_free(host, out);
    return status;
}

void ctvk_prepared_free(const ctvk_host *host, ctvk_prepared *prepared)
{
    if (!prepared)
        return;
    ctvk_free(host, prepared->data);
    prepared->data = NULL;
}
