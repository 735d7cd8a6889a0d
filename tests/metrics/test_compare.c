/* Scores of random masks against a plain double reference: every element against every element, distances sorted. */
#include "metrics/compare.h"
#include "metrics/elements.h"
#include "metrics/random_masks.h"
#include "metrics/surface.h"
#include "support/check.h"

#include <math.h>

typedef struct element {
    double place[3], area, distance;
} element;

typedef struct surface {
    element *list;
    size_t count;
    double area, mean, max, percentile;
} surface;

static surface find(const ctvk_mask_pair *pair, int bit, const double spacing[3])
{
    double area[CTVK_SURFACE_CODES];
    const int64_t *d = pair->dim;
    surface s = {calloc((size_t)(d[0] * d[1] * d[2]), sizeof *s.list), 0, 0, 0, 0, 0};
    ctvk_surface_areas(spacing, area);
    for (int64_t k = 0; k < d[2] - 1; k++)
        for (int64_t j = 0; j < d[1] - 1; j++)
            for (int64_t i = 0; i < d[0] - 1; i++) {
                int code = 0;
                for (int n = 0; n < 8; n++)
                    code |= !!(pair->voxels[((k + (n & 1)) * d[1] + j + (n >> 1 & 1)) * d[0] + i + (n >> 2 & 1)] & bit) << n;
                if (code && code != 255)
                    s.list[s.count++] =
                        (element){{(double)i * spacing[0], (double)j * spacing[1], (double)k * spacing[2]}, area[code], INFINITY};
            }
    return s;
}

static int by_distance(const void *a, const void *b)
{
    double x = ((const element *)a)->distance, y = ((const element *)b)->distance;
    return (x > y) - (x < y);
}

static void measure(surface *s, const surface *other)
{
    for (size_t n = 0; n < s->count; n++) {
        element *e = &s->list[n];
        for (size_t m = 0; m < other->count; m++) {
            double sum = 0;
            for (int i = 0; i < 3; i++)
                sum += (e->place[i] - other->list[m].place[i]) * (e->place[i] - other->list[m].place[i]);
            e->distance = fmin(e->distance, sqrt(sum));
        }
        s->area += e->area;
        s->mean += e->area * e->distance;
    }
    s->mean /= s->area;
    qsort(s->list, s->count, sizeof *s->list, by_distance);
    s->max = s->list[s->count - 1].distance;
    double sum = 0;
    for (size_t n = 0; n < s->count; n++) {
        sum += s->list[n].area;
        s->percentile = s->list[n].distance;
        if (sum >= 0.95 * s->area * (1 - 1e-12))
            break;
    }
}

static double within(const surface *s, double tolerance)
{
    double sum = 0;
    for (size_t n = 0; n < s->count; n++)
        sum += s->list[n].distance <= tolerance * (1 + 1e-6) ? s->list[n].area : 0;
    return sum;
}

static int near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * (1 + fabs(b)); /* float32 distances: 1e-7 of them */
}

static void random_pairs(void)
{
    uint64_t state = 97;
    const double mm[4] = {0, 0.7, 3, 50};
    const ctvk_tolerances tolerances = {mm, 4};
    const ctvk_tick tick = {NULL, NULL};
    for (int n = 0; n < 200; n++) {
        uint8_t *voxels;
        double spacing[3], nsd[4];
        ctvk_scores got = {.nsd = nsd};
        ctvk_mask_pair pair = random_masks(&state, &voxels);
        for (int i = 0; i < 3; i++)
            spacing[i] = n % 4 ? random_real(&state, 0.3, 5) : 1;
        surface r = find(&pair, CTVK_MASK_REFERENCE, spacing), p = find(&pair, CTVK_MASK_PREDICTION, spacing);
        measure(&r, &p);
        measure(&p, &r);
        CHECK(ctvk_score_surfaces(NULL, &pair, spacing, &tolerances, &tick, &got, NULL) == CTVK_OK);
        CHECK_MSG(near(got.hd, fmax(r.max, p.max)), "hd %.9g, not %.9g", got.hd, fmax(r.max, p.max));
        CHECK_MSG(near(got.hd95, fmax(r.percentile, p.percentile)), "hd95 %.9g, not %.9g", got.hd95, fmax(r.percentile, p.percentile));
        CHECK(near(got.msd, (r.mean + p.mean) / 2));
        for (int t = 0; t < 4; t++) {
            double wanted = (within(&r, mm[t]) + within(&p, mm[t])) / (r.area + p.area);
            CHECK_MSG(near(nsd[t], wanted), "nsd at %g: %.9g, not %.9g", mm[t], nsd[t], wanted);
        }
        free(r.list);
        free(p.list);
        free(voxels);
    }
}

static void overlaps(void)
{
    double nsd[2] = {NAN, NAN};
    ctvk_scores s = {.nsd = nsd};
    CHECK(ctvk_score_overlap(&(ctvk_overlap){40, 60, 20}, 2, &s) == 0 && s.dice == 0.4 && s.iou == 0.25);
    CHECK(ctvk_score_overlap(&(ctvk_overlap){0, 0, 0}, 2, &s) && s.dice == 1 && isnan(s.iou));
    CHECK(s.hd == 0 && s.hd95 == 0 && s.msd == 0 && nsd[0] == 1 && nsd[1] == 1);
    for (uint64_t which = 0; which < 2; which++) {
        CHECK(ctvk_score_overlap(&(ctvk_overlap){5 * which, 5 - 5 * which, 0}, 2, &s) && s.dice == 0 && s.iou == 0);
        CHECK(isnan(s.hd) && isnan(s.hd95) && isnan(s.msd) && nsd[0] == 0 && nsd[1] == 0);
    }
}

/* Lists whose percentile is known: equal areas, one large one, all equal, twenty of which the nineteenth is exactly 95 %. */
static void percentiles(void)
{
    enum { N = 20 };
    float distance[N];
    uint8_t code[N] = {0};
    double area[256] = {0.1, 7};
    ctvk_elements e = {distance, code, area, N};
    for (int i = 0; i < N; i++)
        distance[(i * 7) % N] = (float)i * 0.5f;
    CHECK(ctvk_elements_percentile(&e, 0.95) == 9 && ctvk_elements_percentile(&e, 1) == 9.5 && ctvk_elements_percentile(&e, 0) == 0);
    CHECK(ctvk_elements_sum(&e).max == 9.5 && fabs(ctvk_elements_sum(&e).mean - 4.75) < 1e-12);
    code[(3 * 7) % N] = 1; /* 1.5 mm then has almost all of the area */
    CHECK(ctvk_elements_percentile(&e, 0.5) == 1.5);
    for (int i = 0; i < N; i++)
        distance[i] = 1e30f;
    CHECK(ctvk_elements_percentile(&e, 0.95) == (double)1e30f);
    e.count = 1;
    distance[0] = 0;
    CHECK(ctvk_elements_percentile(&e, 0.95) == 0);
    /* Ten voxels of 0.3 mm as float32 are within 3 mm. */
    distance[0] = 10 * 0.3f;
    CHECK(ctvk_elements_within(&e, 3) > 0 && ctvk_elements_within(&e, 2.9999) == 0);
}

static int32_t at_once(void *user, double fraction)
{
    *(double *)user = fmax(*(double *)user, fraction);
    return 0;
}

static void progress(void)
{
    static const uint8_t voxels[27] = {[13] = CTVK_MASK_BITS};
    const ctvk_mask_pair pair = {{3, 3, 3}, voxels};
    const double spacing[3] = {1, 2, 3}, mm[1] = {0};
    double largest = 0, nsd[1];
    ctvk_scores s = {.nsd = nsd};
    CHECK(ctvk_score_surfaces(NULL, &pair, spacing, &(ctvk_tolerances){mm, 1}, &(ctvk_tick){at_once, &largest}, &s, NULL) == CTVK_OK);
    CHECK(largest > 0.5 && largest <= 1);
    CHECK(s.hd == 0 && s.hd95 == 0 && s.msd == 0 && nsd[0] == 1);
}

int main(void)
{
    random_pairs();
    overlaps();
    percentiles();
    progress();
    return check_done("compare");
}
