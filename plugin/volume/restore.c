/* Step 9: rotation, padding, crop, resampling and orientation undone, onto the input's own grid. */
#include "volume/geometry.h"
#include "volume/orient.h"
#include "volume/resample.h"

#include <string.h>

#define TILE 32

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ctvk_restore_label(const ctvk_geometry *g, const uint8_t *labels, uint8_t *out, const int64_t stride[3])
{
    const ctvk_oriented view = ctvk_oriented_view(g, stride);
    for (int64_t x0 = 0; x0 < view.dim[0]; x0 += TILE)
        for (int64_t y0 = 0; y0 < view.dim[1]; y0 += TILE)
            for (int64_t z0 = 0; z0 < view.dim[2]; z0 += TILE)
                for (int64_t x = x0; x < min64(x0 + TILE, view.dim[0]); x++)
                    for (int64_t y = y0; y < min64(y0 + TILE, view.dim[1]); y++) {
                        int64_t place = ctvk_row_place(g, x, y);
                        uint8_t *to = out + view.offset + x * view.stride[0] + y * view.stride[1];
                        for (int64_t z = z0; z < min64(z0 + TILE, view.dim[2]); z++) {
                            int64_t k = z - g->crop_first[2];
                            to[z * view.stride[2]] = place >= 0 && k >= 0 && k < g->crop_dim[2] ? labels[place + k] : 0;
                        }
                    }
}

/* One class on the resampled grid, plane by plane: what lies outside the crop is surely background. */
typedef struct class_source {
    const ctvk_geometry *g;
    const float *volume; /* of g->dim */
    float outside;
    float *plane; /* [y][z] of g->resampled, OWNED */
} class_source;

static ctvk_status class_plane(void *user, int64_t x, const float **plane, ctvk_error *error)
{
    class_source *s = user;
    const ctvk_geometry *g = s->g;
    (void)error;
    for (int64_t y = 0; y < g->resampled[1]; y++) {
        float *row = s->plane + y * g->resampled[2];
        int64_t place = ctvk_row_place(g, x, y), z = place < 0 ? g->resampled[2] : g->crop_first[2];
        for (int64_t k = 0; k < z; k++)
            row[k] = s->outside;
        if (place < 0)
            continue;
        memcpy(row + z, s->volume + place, sizeof(float) * (size_t)g->crop_dim[2]);
        for (int64_t k = z + g->crop_dim[2]; k < g->resampled[2]; k++)
            row[k] = s->outside;
    }
    *plane = s->plane;
    return CTVK_OK;
}

/* What both ways back to the input's grid need. */
typedef struct restorer {
    class_source source;
    ctvk_resampler resampler;
    ctvk_oriented view;
    int64_t room, size; /* planes of one slab, voxels of one plane */
    float *slab;        /* [room][y][z] on the input's grid */
} restorer;

static void restorer_end(const ctvk_host *host, restorer *r)
{
    ctvk_resampler_free(host, &r->resampler);
    ctvk_free(host, r->source.plane);
    ctvk_free(host, r->slab);
}

/* Input voxel j lies at position j * s / s' of the resampled grid; always linear: the triangle belongs to the way there. */
static ctvk_status restorer_begin(const ctvk_host *host, const ctvk_geometry *g, const int64_t stride[3], restorer *r, ctvk_error *error)
{
    ctvk_taps taps[3];
    memset(r, 0, sizeof *r);
    for (int i = 0; i < 3; i++) {
        double step = ctvk_geometry_resamples(g, i) ? g->input_spacing[i] / g->spacing[i] : 1;
        ctvk_status status = ctvk_taps_make(host, g->resampled[i], g->input_dim[g->axis[i]], step, 0, &taps[i], error);
        if (status) {
            for (int k = 0; k < i; k++)
                ctvk_taps_free(host, &taps[k]);
            return status;
        }
    }
    ctvk_status status = ctvk_resampler_make(host, taps, &r->resampler, error);
    if (status)
        return status;
    r->source.g = g;
    r->view = ctvk_oriented_view(g, stride);
    r->room = ctvk_slab_planes(r->view.dim, sizeof(float));
    r->size = r->view.dim[1] * r->view.dim[2];
    r->source.plane = ctvk_calloc(host, (size_t)(g->resampled[1] * g->resampled[2]), sizeof(float));
    r->slab = ctvk_calloc(host, (size_t)(r->room * r->size), sizeof(float));
    if (!r->source.plane || !r->slab) {
        restorer_end(host, r);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "restoring: host memory exhausted (free some memory)");
    }
    return CTVK_OK;
}

static void restorer_class(restorer *r, const float *volume, int32_t class_index)
{
    r->source.volume = volume;
    r->source.outside = class_index == 0 ? 1.0f : 0.0f;
    ctvk_resampler_reset(&r->resampler);
}

ctvk_status ctvk_restore_probability(const ctvk_host *host, const ctvk_geometry *g, const float *probability, int32_t class_index,
                                     float *out, const int64_t stride[3], ctvk_error *error)
{
    restorer r;
    ctvk_status status = restorer_begin(host, g, stride, &r, error);
    if (status)
        return status;
    restorer_class(&r, probability, class_index);
    for (int64_t x0 = 0; x0 < r.view.dim[0] && !status; x0 += r.room) {
        int64_t count = min64(r.room, r.view.dim[0] - x0);
        for (int64_t x = 0; x < count && !status; x++) {
            const float *plane = NULL;
            status = ctvk_resampler_plane(&r.resampler, class_plane, &r.source, x0 + x, &plane, error);
            if (!status)
                memcpy(r.slab + x * r.size, plane, sizeof(float) * (size_t)r.size);
        }
        if (!status)
            ctvk_scatter_f32(&r.view, x0, count, r.slab, out);
    }
    restorer_end(host, &r);
    return status;
}

/* Labels of the planes [x0, x0 + count): the slab holds the best probability so far. Class by class over the slab, so that memory does not
 * grow with the classes. */
static ctvk_status slab_argmax(restorer *r, const float *probabilities, int32_t classes, int64_t x0, int64_t count, uint8_t *labels,
                               ctvk_error *error)
{
    const ctvk_geometry *g = r->source.g;
    const int64_t volume = g->dim[0] * g->dim[1] * g->dim[2];
    memset(labels, 0, (size_t)(count * r->size));
    for (int32_t c = 0; c < classes; c++) {
        restorer_class(r, probabilities + c * volume, c);
        for (int64_t x = 0; x < count; x++) {
            const float *plane = NULL;
            float *best = r->slab + x * r->size;
            uint8_t *label = labels + x * r->size;
            ctvk_status status = ctvk_resampler_plane(&r->resampler, class_plane, &r->source, x0 + x, &plane, error);
            if (status)
                return status;
            if (c == 0) {
                memcpy(best, plane, sizeof(float) * (size_t)r->size);
                continue;
            }
            for (int64_t k = 0; k < r->size; k++)
                if (plane[k] > best[k]) {
                    best[k] = plane[k];
                    label[k] = (uint8_t)c;
                }
        }
    }
    return CTVK_OK;
}

ctvk_status ctvk_restore_argmax(const ctvk_host *host, const ctvk_geometry *g, const float *probabilities, int32_t classes, uint8_t *out,
                                const int64_t stride[3], ctvk_error *error)
{
    restorer r;
    if (classes < 1 || classes > 256)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "restoring: %d classes (a label map holds 1 to 256)", (int)classes);
    ctvk_status status = restorer_begin(host, g, stride, &r, error);
    if (status)
        return status;
    uint8_t *labels = ctvk_calloc(host, (size_t)(r.room * r.size), 1);
    if (!labels)
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "restoring: host memory exhausted (free some memory)");
    for (int64_t x0 = 0; x0 < r.view.dim[0] && !status; x0 += r.room) {
        int64_t count = min64(r.room, r.view.dim[0] - x0);
        status = slab_argmax(&r, probabilities, classes, x0, count, labels, error);
        if (!status)
            ctvk_scatter_u8(&r.view, x0, count, labels, out);
    }
    ctvk_free(host, labels);
    restorer_end(host, &r);
    return status;
}
