/* Steps 1 to 6. A first pass over the image finds the box of step 4; after it any block of the final volume is made from the image where it
 * lies, by the same rows. No volume is kept: a block that windows share is made once for each, which costs little beside the network, a
 * float32 volume of the whole CT would cost twice the CT. */
#include "volume/geometry.h"
#include "volume/rows.h"

#include <string.h>

struct ctvk_preparer {
    ctvk_row_source source;
    ctvk_geometry geometry;
};

/* The bounding box of values > 0, as [low, high] per axis; low > high while there is none. */
typedef struct bounds {
    int64_t low[3], high[3], n;
} bounds;

static void visit_bounds(void *user, int64_t x, int64_t y, const float *row)
{
    bounds *b = user;
    int64_t first = 0, last = b->n - 1;
    while (first < b->n && !(row[first] > 0))
        first++;
    if (first == b->n)
        return;
    while (!(row[last] > 0))
        last--;
    const int64_t low[3] = {x, y, first}, high[3] = {x, y, last};
    for (int i = 0; i < 3; i++) {
        b->low[i] = low[i] < b->low[i] ? low[i] : b->low[i];
        b->high[i] = high[i] > b->high[i] ? high[i] : b->high[i];
    }
}

static ctvk_status find_foreground(ctvk_preparer *p, ctvk_progress_fn progress, void *user, ctvk_error *error)
{
    ctvk_geometry *g = &p->geometry;
    bounds box = {{INT64_MAX, INT64_MAX, INT64_MAX}, {-1, -1, -1}, g->resampled[2]};
    ctvk_box whole = {.first = {0}};
    memcpy(whole.count, g->resampled, sizeof whole.count);
    ctvk_status status = ctvk_rows_visit(&p->source, g, &whole, progress, user, visit_bounds, &box, error);
    for (int i = 0; i < 3; i++) {
        g->crop_first[i] = box.high[i] < 0 ? 0 : box.low[i];
        g->crop_dim[i] = box.high[i] < 0 ? 0 : box.high[i] - box.low[i] + 1;
    }
    return status;
}

/* Taps of step 2 along the three oriented axes. */
static ctvk_status make_taps(ctvk_preparer *p, ctvk_error *error)
{
    const ctvk_geometry *g = &p->geometry;
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < 3 && status == CTVK_OK; i++) {
        double step = ctvk_geometry_resamples(g, i) ? g->spacing[i] / g->input_spacing[i] : 1;
        status = ctvk_taps_make(p->source.host, g->input_dim[g->axis[i]], g->resampled[i], step,
                                p->source.desc.antialias && step > 1 ? step : 0, &p->source.taps[i], error);
    }
    return status;
}

ctvk_status ctvk_preparer_open(const ctvk_host *host, const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_progress_fn progress,
                               void *user, ctvk_preparer **out, ctvk_error *error)
{
    ctvk_geometry geometry;
    *out = NULL;
    if (!in->data)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "image: no voxels, data is NULL (pass the volume's memory)");
    ctvk_status status = ctvk_geometry_begin(in, desc, &geometry, error);
    if (status)
        return status;
    ctvk_preparer *p = ctvk_calloc(host, 1, sizeof *p);
    if (!p)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "prepare: no host memory (close other programs)");
    p->source.host = host;
    p->source.in = *in;
    p->source.desc = *desc;
    p->geometry = geometry;
    status = make_taps(p, error);
    if (!status)
        status = desc->crop_foreground ? find_foreground(p, progress, user, error)
                                       : ctvk_rows_check(&p->source, &geometry, progress, user, error);
    ctvk_geometry_finish(desc, &p->geometry);
    if (status)
        ctvk_preparer_close(&p);
    *out = p;
    return status;
}

const ctvk_geometry *ctvk_preparer_geometry(const ctvk_preparer *preparer)
{
    return &preparer->geometry;
}

/* Where a block of the final volume goes. */
typedef struct target {
    const ctvk_geometry *geometry;
    const int64_t *first, *stride;
    int64_t z, n; /* of the block's row: place of its first voxel, voxels */
    float *out;
} target;

static void visit_store(void *user, int64_t x, int64_t y, const float *row)
{
    const target *t = user;
    const ctvk_geometry *g = t->geometry;
    int64_t to[2];
    ctvk_rotate_row(g->padded, g->rotate90, x - g->crop_first[0] + g->pad_first[0], y - g->crop_first[1] + g->pad_first[1], &to[0], &to[1]);
    memcpy(t->out + (to[0] - t->first[0]) * t->stride[0] + (to[1] - t->first[1]) * t->stride[1] + t->z, row, sizeof(float) * (size_t)t->n);
}

/* The box of the resampled grid that fills the block: rotation and padding undone, cut to the crop. 0: the block lies in the padding. */
static int box_of_block(const ctvk_geometry *g, const int64_t first[3], const int64_t count[3], ctvk_box *box)
{
    int64_t a[3] = {0, 0, first[2]}, b[3] = {0, 0, first[2] + count[2] - 1};
    ctvk_rotate_row(g->dim, 4 - g->rotate90, first[0], first[1], &a[0], &a[1]);
    ctvk_rotate_row(g->dim, 4 - g->rotate90, first[0] + count[0] - 1, first[1] + count[1] - 1, &b[0], &b[1]);
    for (int i = 0; i < 3; i++) {
        int64_t low = (a[i] < b[i] ? a[i] : b[i]) - g->pad_first[i], high = (a[i] < b[i] ? b[i] : a[i]) - g->pad_first[i];
        low = low < 0 ? 0 : low;
        high = high < g->crop_dim[i] ? high : g->crop_dim[i] - 1;
        box->first[i] = low + g->crop_first[i];
        box->count[i] = high - low + 1;
        if (box->count[i] < 1)
            return 0;
    }
    return 1;
}

ctvk_status ctvk_preparer_block(const ctvk_preparer *p, const int64_t first[3], const int64_t count[3], const int64_t stride[2], float *out,
                                ctvk_error *error)
{
    const ctvk_geometry *g = &p->geometry;
    ctvk_box box;
    for (int64_t x = 0; x < count[0]; x++)
        for (int64_t y = 0; y < count[1]; y++)
            memset(out + x * stride[0] + y * stride[1], 0, sizeof(float) * (size_t)count[2]);
    if (g->empty || !box_of_block(g, first, count, &box))
        return CTVK_OK;
    target t = {g, first, stride, box.first[2] - g->crop_first[2] + g->pad_first[2] - first[2], box.count[2], out};
    return ctvk_rows_visit(&p->source, g, &box, NULL, NULL, visit_store, &t, error);
}

void ctvk_preparer_close(ctvk_preparer **preparer)
{
    ctvk_preparer *p = *preparer;
    if (!p)
        return;
    for (int i = 0; i < 3; i++)
        ctvk_taps_free(p->source.host, &p->source.taps[i]);
    ctvk_free(p->source.host, p);
    *preparer = NULL;
}
