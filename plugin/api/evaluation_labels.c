#include "api/evaluation.h"

#include "core/scalar.h"

#include <math.h>

/* Scaled integers give whole numbers but for rounding; what is farther from one was interpolated. */
#define MAX_FRACTION 1e-3

/* 0 where the value is no label. */
static int to_label(double value, uint16_t *out)
{
    double up = value + 0.5;
    if (!(up >= 0.5 - MAX_FRACTION && up < CTVK_LABEL_VALUES))
        return 0;
    *out = (uint16_t)up;
    return fabs(value - *out) <= MAX_FRACTION;
}

/* n values along axis 0. Returns the first that is no label, n where all are. */
static int64_t read_row(const ctvk_volume_view *v, int64_t i, int64_t n, int64_t j, int64_t k, uint16_t *out)
{
    enum { AT_ONCE = 128 };
    const unsigned char *at = (const unsigned char *)v->data + i * v->stride[0] + j * v->stride[1] + k * v->stride[2];
    double values[AT_ONCE];
    for (int64_t first = 0; first < n; first += AT_ONCE) {
        int64_t count = n - first < AT_ONCE ? n - first : AT_ONCE;
        ctvk_scalar_read(v->type, at + first * v->stride[0], v->stride[0], count, v->slope, v->intercept, values);
        for (int64_t m = 0; m < count; m++)
            if (!to_label(values[m], &out[first + m]))
                return first + m;
    }
    return n;
}

/* --- finding the labels --- */

typedef struct span {
    int64_t first, count, j, k; /* voxels along axis 0 that hold the same pair of values */
    uint16_t value[2];          /* reference, prediction */
} span;

static void widen(ctvk_seen_label *label, const span *s)
{
    const int64_t first[3] = {s->first, s->j, s->k}, last[3] = {s->first + s->count - 1, s->j, s->k};
    for (int i = 0; i < 3; i++) {
        label->first[i] = first[i] < label->first[i] ? first[i] : label->first[i];
        label->last[i] = last[i] > label->last[i] ? last[i] : label->last[i];
    }
}

static int add_span(ctvk_evaluation *e, const span *s)
{
    for (int m = 0; m < 2; m++) {
        ctvk_seen_label *label = s->value[m] ? ctvk_evaluation_add_label(e, s->value[m]) : NULL;
        if (!s->value[m])
            continue;
        if (!label)
            return -1;
        widen(label, s);
        *(m ? &label->overlap.prediction : &label->overlap.reference) += (uint64_t)s->count;
        if (m && s->value[0] == s->value[1])
            label->overlap.both += (uint64_t)s->count;
    }
    return 0;
}

static ctvk_status add_row(ctvk_evaluation *e, const uint16_t *r, const uint16_t *p, int64_t j, int64_t k, ctvk_error *error)
{
    const int64_t n = e->map[0].view.dim[0];
    for (int64_t i = 0; i < n;) {
        span s = {.first = i, .count = 1, .j = j, .k = k, .value = {r[i], p[i]}};
        while (i + s.count < n && r[i + s.count] == r[i] && p[i + s.count] == p[i])
            s.count++;
        if (add_span(e, &s) != 0)
            return ctvk_fail(error, CTVK_ERROR_INPUT,
                             "%.300s and %.300s: more than %d different values, these are no label maps (give the maps of labels, not "
                             "the images)",
                             e->map[0].name, e->map[1].name, CTVK_MAX_LABELS);
        i += s.count;
    }
    return CTVK_OK;
}

static ctvk_status refuse_voxel(const ctvk_label_map *map, int64_t i, int64_t j, int64_t k, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_INPUT,
                     "%.300s: the value of voxel (%lld, %lld, %lld) is no whole number from 0 to %d, so this is no label map (give a map "
                     "of labels, resampled by nearest neighbour if at all)",
                     map->name, (long long)i, (long long)j, (long long)k, CTVK_LABEL_VALUES - 1);
}

ctvk_status ctvk_scan_labels(ctvk_evaluation *e, const ctvk_tick *tick, ctvk_error *error)
{
    const int64_t *dim = e->map[0].view.dim, n = dim[0];
    ctvk_status status = CTVK_OK;
    uint16_t *rows = ctvk_alloc(&e->context->host, 2 * (size_t)n * sizeof *rows);
    if (!rows)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "evaluation: no host memory (close other programs)");
    for (int64_t k = 0; status == CTVK_OK && k < dim[2]; k++) {
        if (ctvk_tick_report(tick, (double)k / (double)dim[2]))
            status = CTVK_CANCELLED;
        for (int64_t j = 0; status == CTVK_OK && j < dim[1]; j++) {
            for (int m = 0; status == CTVK_OK && m < 2; m++) {
                int64_t good = read_row(&e->map[m].view, 0, n, j, k, rows + m * n);
                if (good < n)
                    status = refuse_voxel(&e->map[m], good, j, k, error);
            }
            if (status == CTVK_OK)
                status = add_row(e, rows, rows + n, j, k, error);
        }
    }
    ctvk_free(&e->context->host, rows);
    return status;
}

/* --- one label --- */

ctvk_status ctvk_cut_label(const ctvk_evaluation *e, const ctvk_seen_label *label, ctvk_mask_pair *pair, uint8_t **voxels,
                           ctvk_error *error)
{
    const ctvk_host *host = &e->context->host;
    int64_t count[3];
    for (int i = 0; i < 3; i++) {
        count[i] = label->last[i] - label->first[i] + 1;
        pair->dim[i] = count[i] + 2;
    }
    uint64_t bytes = (uint64_t)(pair->dim[0] * pair->dim[1] * pair->dim[2]);
    *voxels = NULL;
    /* The masks, the distances, and at worst as many surface elements as voxels. */
    ctvk_status status = ctvk_require_host_memory(host, bytes * (2 + sizeof(float)), "a label of this size", "crop both images", error);
    if (status != CTVK_OK)
        return status;
    uint16_t *rows = ctvk_alloc(host, 2 * (size_t)count[0] * sizeof *rows);
    *voxels = ctvk_calloc(host, bytes, 1);
    if (rows && *voxels) {
        for (int64_t k = 0; k < count[2]; k++)
            for (int64_t j = 0; j < count[1]; j++) {
                uint8_t *out = *voxels + ((k + 1) * pair->dim[1] + j + 1) * pair->dim[0] + 1;
                for (int m = 0; m < 2; m++)
                    read_row(&e->map[m].view, label->first[0], count[0], label->first[1] + j, label->first[2] + k, rows + m * count[0]);
                for (int64_t i = 0; i < count[0]; i++)
                    out[i] = (uint8_t)((rows[i] == label->value ? CTVK_MASK_REFERENCE : 0) |
                                       (rows[count[0] + i] == label->value ? CTVK_MASK_PREDICTION : 0));
            }
    } else {
        status =
            ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "evaluation: no host memory for a box of %lld x %lld x %lld (close other programs)",
                      (long long)count[0], (long long)count[1], (long long)count[2]);
    }
    ctvk_free(host, rows);
    pair->voxels = *voxels;
    return status;
}
