#include "metrics/distance.h"

#include <math.h>
#include <string.h>

/* Columns along the last axis that are moved together: what they lie in is a cache line. */
enum { TILE = 16 };

/* The parabolas of one column that are lowest somewhere, from left to right. */
typedef struct envelope {
    double *place, *height; /* of the parabola's vertex: mm along the axis, mm2 */
    double *from;           /* mm: the parabola is the lowest from here to the next one's `from` */
    int64_t count;
} envelope;

static void add_parabola(envelope *e, double place, double height)
{
    double from = -INFINITY;
    while (e->count) {
        int64_t top = e->count - 1;
        double apart = place - e->place[top];
        from = ((height - e->height[top]) / apart + place + e->place[top]) / 2;
        if (from > e->from[top])
            break;
        e->count--;
        from = -INFINITY;
    }
    e->place[e->count] = place;
    e->height[e->count] = height;
    e->from[e->count++] = from;
}

/* out[i * stride], i < n: the envelope, of at least one parabola, at i * step mm. */
static void write_column(const envelope *e, int64_t n, double step, float *out, int64_t stride)
{
    int64_t lowest = 0;
    for (int64_t i = 0; i < n; i++) {
        double at = (double)i * step;
        while (lowest + 1 < e->count && e->from[lowest + 1] <= at)
            lowest++;
        double apart = at - e->place[lowest];
        out[i * stride] = (float)(apart * apart + e->height[lowest]);
    }
}

/* Points from each point of a row to its nearest site in the row; -1: the row has none. Returns whether it has one. */
static int count_row(const uint8_t *site, int64_t n, int32_t *away)
{
    int64_t last = -1;
    for (int64_t i = 0; i < n; i++) {
        last = site[i] ? i : last;
        away[i] = last < 0 ? -1 : (int32_t)(i - last);
    }
    if (last < 0)
        return 0;
    for (int64_t i = last; i >= 0; i--) {
        last = site[i] ? i : last;
        if (away[i] < 0 || last - i < away[i])
            away[i] = (int32_t)(last - i);
    }
    return 1;
}

typedef struct transform {
    const int64_t *dim;
    const double *spacing;
    const ctvk_sites *sites;
    float *squared;
    uint8_t *row;
    int32_t *away; /* one plane */
    float *tile;   /* TILE columns */
    envelope e;
} transform;

/* Axes 0 and 1 of the plane k. */
static void do_plane(transform *t, int64_t k)
{
    const int64_t nx = t->dim[0], ny = t->dim[1];
    float *plane = t->squared + k * nx * ny;
    int any = 0;
    for (int64_t j = 0; j < ny; j++) {
        t->sites->row(t->sites->user, j, k, t->row);
        any |= count_row(t->row, nx, t->away + j * nx);
    }
    for (int64_t n = 0; !any && n < nx * ny; n++)
        plane[n] = INFINITY;
    for (int64_t i = 0; any && i < nx; i++) {
        t->e.count = 0;
        for (int64_t j = 0; j < ny; j++) {
            double apart = t->away[j * nx + i] * t->spacing[0];
            if (apart >= 0)
                add_parabola(&t->e, (double)j * t->spacing[1], apart * apart);
        }
        write_column(&t->e, ny, t->spacing[1], plane + i, nx);
    }
}

/* Axis 2 of the row j of all planes. */
static void do_columns(transform *t, int64_t j)
{
    const int64_t nx = t->dim[0], nz = t->dim[2], plane = nx * t->dim[1];
    for (int64_t i = 0; i < nx; i += TILE) {
        int64_t width = nx - i < TILE ? nx - i : TILE;
        float *first = t->squared + j * nx + i;
        for (int64_t k = 0; k < nz; k++)
            memcpy(t->tile + k * TILE, first + k * plane, (size_t)width * sizeof *first);
        for (int64_t column = 0; column < width; column++) {
            t->e.count = 0;
            for (int64_t k = 0; k < nz; k++)
                if (t->tile[k * TILE + column] < INFINITY)
                    add_parabola(&t->e, (double)k * t->spacing[2], t->tile[k * TILE + column]);
            if (t->e.count)
                write_column(&t->e, nz, t->spacing[2], t->tile + column, TILE);
        }
        for (int64_t k = 0; k < nz; k++)
            memcpy(first + k * plane, t->tile + k * TILE, (size_t)width * sizeof *first);
    }
}

static ctvk_status run(transform *t, const ctvk_tick *tick)
{
    const int64_t ny = t->dim[1], nz = t->dim[2];
    for (int64_t k = 0; k < nz; k++) {
        if (ctvk_tick_report(tick, 0.5 * (double)k / (double)nz))
            return CTVK_CANCELLED;
        do_plane(t, k);
    }
    for (int64_t j = 0; j < ny; j++) {
        if (ctvk_tick_report(tick, 0.5 + 0.5 * (double)j / (double)ny))
            return CTVK_CANCELLED;
        do_columns(t, j);
    }
    return CTVK_OK;
}

ctvk_status ctvk_squared_distances(const ctvk_host *host, const int64_t dim[3], const double spacing[3], const ctvk_sites *sites,
                                   const ctvk_tick *tick, float *squared, ctvk_error *error)
{
    const size_t plane = (size_t)(dim[0] * dim[1]), longest = (size_t)(dim[1] > dim[2] ? dim[1] : dim[2]);
    transform t = {.dim = dim, .spacing = spacing, .sites = sites, .squared = squared};
    t.row = ctvk_alloc(host, (size_t)dim[0]);
    t.away = ctvk_alloc(host, plane * sizeof *t.away);
    t.tile = ctvk_alloc(host, TILE * (size_t)dim[2] * sizeof *t.tile);
    t.e.place = ctvk_alloc(host, 3 * longest * sizeof *t.e.place);
    ctvk_status status;
    if (t.row && t.away && t.tile && t.e.place) {
        t.e.height = t.e.place + longest;
        t.e.from = t.e.height + longest;
        status = run(&t, tick);
    } else {
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "distances: no host memory for a plane of %lld x %lld (close other programs)",
                           (long long)dim[0], (long long)dim[1]);
    }
    ctvk_free(host, t.e.place);
    ctvk_free(host, t.tile);
    ctvk_free(host, t.away);
    ctvk_free(host, t.row);
    return status;
}
