#include "metrics/compare.h"

#include "metrics/elements.h"
#include "metrics/surface.h"

#include <math.h>

int32_t ctvk_score_overlap(const ctvk_overlap *o, uint32_t tolerance_count, ctvk_scores *scores)
{
    uint64_t sum = o->reference + o->prediction;
    int32_t empty = !o->reference || !o->prediction;
    scores->dice = sum ? 2 * (double)o->both / (double)sum : 1;
    scores->iou = sum ? (double)o->both / (double)(sum - o->both) : NAN;
    scores->hd = scores->hd95 = scores->msd = sum ? NAN : 0;
    for (uint32_t i = 0; i < tolerance_count; i++)
        scores->nsd[i] = sum ? 0 : 1;
    return empty;
}

/* --- one way: from the elements of one surface to the other surface --- */

typedef struct way {
    const ctvk_host *host;
    const ctvk_mask_pair *pair;
    const double *area;
    int64_t dim[3];           /* of the dual grid */
    float *map;               /* of the dual grid */
    uint8_t from, to;         /* masks */
    const ctvk_tick *outside; /* of both ways together */
    double begin;
} way;

typedef struct found {
    double area, mean, max, percentile;
} found;

static void site_row(const void *user, int64_t j, int64_t k, uint8_t *row)
{
    const way *w = user;
    ctvk_surface_row(w->pair, w->to, j, k, row);
    for (int64_t i = 0; i < w->dim[0]; i++)
        row[i] = (uint8_t)ctvk_surface_is_element(row[i]);
}

static int32_t way_report(void *user, double fraction)
{
    const way *w = user;
    return ctvk_tick_report(w->outside, w->begin + 0.5 * fraction);
}

static uint64_t count_elements(const way *w, uint8_t *row)
{
    uint64_t count = 0;
    for (int64_t k = 0; k < w->dim[2]; k++)
        for (int64_t j = 0; j < w->dim[1]; j++) {
            ctvk_surface_row(w->pair, w->from, j, k, row);
            for (int64_t i = 0; i < w->dim[0]; i++)
                count += (uint64_t)ctvk_surface_is_element(row[i]);
        }
    return count;
}

/* Distances of the elements move to the front of the map: an element's place in the list is never behind its place in the grid. */
static void collect(const way *w, uint8_t *row, uint8_t *code)
{
    const float *at = w->map;
    uint64_t n = 0;
    for (int64_t k = 0; k < w->dim[2]; k++)
        for (int64_t j = 0; j < w->dim[1]; j++, at += w->dim[0]) {
            ctvk_surface_row(w->pair, w->from, j, k, row);
            for (int64_t i = 0; i < w->dim[0]; i++)
                if (ctvk_surface_is_element(row[i])) {
                    w->map[n] = sqrtf(at[i]);
                    code[n++] = row[i];
                }
        }
}

/* within: area by tolerance, added to. */
static ctvk_status go(way *w, const double spacing[3], const ctvk_tolerances *tolerances, double *within, found *out, ctvk_error *error)
{
    const ctvk_sites sites = {site_row, w};
    const ctvk_tick tick = {way_report, w};
    ctvk_status status = ctvk_squared_distances(w->host, w->dim, spacing, &sites, &tick, w->map, error);
    if (status != CTVK_OK)
        return status;
    uint8_t *row = ctvk_alloc(w->host, (size_t)w->dim[0]);
    uint64_t count = row ? count_elements(w, row) : 0;
    uint8_t *code = row ? ctvk_alloc(w->host, count) : NULL;
    if (code) {
        collect(w, row, code);
        const ctvk_elements elements = {w->map, code, w->area, count};
        ctvk_element_sums sums = ctvk_elements_sum(&elements);
        *out = (found){sums.area, sums.mean, sums.max, ctvk_elements_percentile(&elements, 0.95)};
        for (uint32_t i = 0; i < tolerances->count; i++)
            within[i] += ctvk_elements_within(&elements, tolerances->mm[i]);
    } else {
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "distances: no host memory for %llu surface elements (close other programs)",
                           (unsigned long long)count);
    }
    ctvk_free(w->host, code);
    ctvk_free(w->host, row);
    return status;
}

ctvk_status ctvk_score_surfaces(const ctvk_host *host, const ctvk_mask_pair *pair, const double spacing[3],
                                const ctvk_tolerances *tolerances, const ctvk_tick *tick, ctvk_scores *scores, ctvk_error *error)
{
    double area[CTVK_SURFACE_CODES];
    found there, back;
    ctvk_surface_areas(spacing, area);
    way w = {.host = host, .pair = pair, .area = area, .from = CTVK_MASK_REFERENCE, .to = CTVK_MASK_PREDICTION, .outside = tick};
    for (int i = 0; i < 3; i++)
        w.dim[i] = pair->dim[i] - 1;
    for (uint32_t i = 0; i < tolerances->count; i++)
        scores->nsd[i] = 0;
    uint64_t points = (uint64_t)(w.dim[0] * w.dim[1] * w.dim[2]);
    w.map = ctvk_calloc(host, points, sizeof *w.map);
    if (!w.map)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "distances: no host memory for %llu points (close other programs)",
                         (unsigned long long)points);
    ctvk_status status = go(&w, spacing, tolerances, scores->nsd, &there, error);
    if (status == CTVK_OK) {
        w.from = CTVK_MASK_PREDICTION;
        w.to = CTVK_MASK_REFERENCE;
        w.begin = 0.5;
        status = go(&w, spacing, tolerances, scores->nsd, &back, error);
    }
    ctvk_free(host, w.map);
    if (status != CTVK_OK)
        return status;
    for (uint32_t i = 0; i < tolerances->count; i++)
        scores->nsd[i] /= there.area + back.area;
    scores->hd = fmax(there.max, back.max);
    scores->hd95 = fmax(there.percentile, back.percentile);
    scores->msd = (there.mean + back.mean) / 2;
    return CTVK_OK;
}
