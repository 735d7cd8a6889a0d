#include "volume/rows.h"

#include "volume/orient.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Planes of one box of the oriented input, read in slabs. */
typedef struct slab {
    const ctvk_volume_view *in;
    ctvk_oriented view; /* of the box */
    float *planes;      /* OWNED */
    int64_t room, first, count;
    ctvk_progress_fn progress;
    void *user;
} slab;

static ctvk_status bad_voxel(const ctvk_volume_view *in, ctvk_error *error)
{
    int64_t at[3] = {0, 0, 0};
    double value = NAN;
    ctvk_find_bad(in, at, &value);
    return ctvk_fail(error, CTVK_ERROR_INPUT, "image: voxel (%lld, %lld, %lld) is %s (repair the image or export it again)",
                     (long long)at[0], (long long)at[1], (long long)at[2], isnan(value) ? "NaN" : "infinite or no Hounsfield value at all");
}

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "prepare: no host memory for a slab of the image (close other programs)");
}

static ctvk_status slab_open(const ctvk_row_source *source, const ctvk_geometry *g, const ctvk_box *box, ctvk_progress_fn progress,
                             void *user, slab *out, ctvk_error *error)
{
    *out = (slab){.in = &source->in, .view = ctvk_oriented_view(g, source->in.stride), .progress = progress, .user = user};
    for (int i = 0; i < 3; i++) {
        out->view.offset += box->first[i] * out->view.stride[i];
        out->view.dim[i] = box->count[i];
    }
    out->room = ctvk_slab_planes(out->view.dim, sizeof(float));
    out->planes = ctvk_alloc(source->host, (size_t)(out->room * out->view.dim[1] * out->view.dim[2]) * sizeof(float));
    return out->planes ? CTVK_OK : no_memory(error);
}

static ctvk_status read_plane(void *user, int64_t x, const float **plane, ctvk_error *error)
{
    slab *s = user;
    const int64_t *dim = s->view.dim;
    if (x < s->first || x >= s->first + s->count) {
        s->first = x;
        s->count = dim[0] - x < s->room ? dim[0] - x : s->room;
        if (s->progress && s->progress(s->user, (double)x / (double)dim[0], "prepare"))
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

static ctvk_status visit_planes(const ctvk_row_source *source, const ctvk_box *box, ctvk_resampler *resampler, slab *input, float *row,
                                ctvk_row_visitor visit, void *user, ctvk_error *error)
{
    const int64_t n = box->count[2];
    for (int64_t x = 0; x < box->count[0]; x++) {
        const float *plane = NULL;
        ctvk_status status = ctvk_resampler_plane(resampler, read_plane, input, x, &plane, error);
        if (status)
            return status;
        for (int64_t y = 0; y < box->count[1]; y++) {
            map_row(&source->desc, plane + y * n, n, row);
            visit(user, box->first[0] + x, box->first[1] + y, row);
        }
    }
    return CTVK_OK;
}

/* The resampler of the box, and the box of the oriented input that it reads. */
static ctvk_status make_resampler(const ctvk_row_source *source, const ctvk_box *box, ctvk_resampler *out, ctvk_box *input,
                                  ctvk_error *error)
{
    ctvk_taps taps[3];
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 3; i++) {
        ctvk_status status =
            ctvk_taps_part(source->host, &source->taps[i], box->first[i], box->count[i], &taps[i], &input->first[i], error);
        if (status) {
            for (int k = 0; k < i; k++)
                ctvk_taps_free(source->host, &taps[k]);
            return status;
        }
        input->count[i] = taps[i].n_in;
    }
    return ctvk_resampler_make(source->host, taps, out, error);
}

ctvk_status ctvk_rows_visit(const ctvk_row_source *source, const ctvk_geometry *g, const ctvk_box *box, ctvk_progress_fn progress,
                            void *progress_user, ctvk_row_visitor visit, void *user, ctvk_error *error)
{
    ctvk_resampler resampler;
    ctvk_box part;
    slab input = {.planes = NULL};
    float *row = NULL;
    ctvk_status status = make_resampler(source, box, &resampler, &part, error);
    if (status)
        return status;
    status = slab_open(source, g, &part, progress, progress_user, &input, error);
    if (status == CTVK_OK) {
        row = ctvk_alloc(source->host, (size_t)box->count[2] * sizeof(float));
        status = row ? visit_planes(source, box, &resampler, &input, row, visit, user, error) : no_memory(error);
    }
    ctvk_free(source->host, row);
    ctvk_free(source->host, input.planes);
    ctvk_resampler_free(source->host, &resampler);
    return status;
}

ctvk_status ctvk_rows_check(const ctvk_row_source *source, const ctvk_geometry *g, ctvk_progress_fn progress, void *progress_user,
                            ctvk_error *error)
{
    ctvk_box whole = {.first = {0}};
    slab input;
    for (int i = 0; i < 3; i++)
        whole.count[i] = source->taps[i].n_in;
    ctvk_status status = slab_open(source, g, &whole, progress, progress_user, &input, error);
    for (int64_t x = 0; status == CTVK_OK && x < whole.count[0]; x++) {
        const float *plane;
        status = read_plane(&input, x, &plane, error);
    }
    ctvk_free(source->host, input.planes);
    return status;
}
