/* The distance transform against every site tried in double, on small grids of odd sizes with spacings of their own. */
#include "metrics/distance.h"
#include "metrics/random_masks.h"
#include "support/check.h"

#include <math.h>

typedef struct grid {
    int64_t dim[3];
    const uint8_t *site;
} grid;

static void grid_row(const void *user, int64_t j, int64_t k, uint8_t *row)
{
    const grid *g = user;
    memcpy(row, g->site + (k * g->dim[1] + j) * g->dim[0], (size_t)g->dim[0]);
}

static double nearest(const grid *g, const double spacing[3], int64_t i, int64_t j, int64_t k)
{
    double best = INFINITY;
    for (int64_t z = 0; z < g->dim[2]; z++)
        for (int64_t y = 0; y < g->dim[1]; y++)
            for (int64_t x = 0; x < g->dim[0]; x++)
                if (g->site[(z * g->dim[1] + y) * g->dim[0] + x]) {
                    double u = (double)(x - i) * spacing[0], v = (double)(y - j) * spacing[1], w = (double)(z - k) * spacing[2];
                    best = fmin(best, u * u + v * v + w * w);
                }
    return best;
}

static void compare(const grid *g, const double spacing[3])
{
    enum { GUARD = 16 };
    const ctvk_sites sites = {grid_row, g};
    const ctvk_tick tick = {NULL, NULL};
    size_t count = (size_t)(g->dim[0] * g->dim[1] * g->dim[2]), at = 0;
    float *squared = malloc((count + GUARD) * sizeof *squared);
    for (size_t i = 0; i < count + GUARD; i++)
        squared[i] = NAN;
    CHECK(ctvk_squared_distances(NULL, g->dim, spacing, &sites, &tick, squared, NULL) == CTVK_OK);
    for (int64_t k = 0; k < g->dim[2]; k++)
        for (int64_t j = 0; j < g->dim[1]; j++)
            for (int64_t i = 0; i < g->dim[0]; i++, at++) {
                double wanted = nearest(g, spacing, i, j, k), got = (double)squared[at];
                /* Stored twice as float32, 2^-24 of the value each. */
                CHECK_MSG(isinf(wanted) ? isinf(got) : fabs(got - wanted) <= 2e-7 * wanted, "(%lld, %lld, %lld): %.9g, not %.9g",
                          (long long)i, (long long)j, (long long)k, got, wanted);
            }
    for (size_t i = count; i < count + GUARD; i++)
        CHECK(isnan(squared[i]));
    free(squared);
}

static void random_grids(void)
{
    uint64_t state = 41;
    for (int n = 0; n < 150; n++) {
        grid g;
        double spacing[3], share = n % 3 == 0 ? 0.002 : n % 3 == 1 ? 0.05 : 0.6;
        for (int i = 0; i < 3; i++) {
            /* Around the tile of 16 columns, and down to one point. */
            g.dim[i] = random_int(&state, 0, 4) ? random_int(&state, 1, 19) : 1;
            spacing[i] = n % 4 ? random_real(&state, 0.2, 6) : (double)random_int(&state, 1, 3);
        }
        size_t count = (size_t)(g.dim[0] * g.dim[1] * g.dim[2]);
        uint8_t *site = calloc(count, 1);
        for (size_t i = 0; i < count; i++)
            site[i] = random_real(&state, 0, 1) < share ? (uint8_t)random_int(&state, 1, 255) : 0;
        if (n % 5)
            site[random_int(&state, 0, (int64_t)count - 1)] = 1;
        g.site = site;
        compare(&g, spacing);
        free(site);
    }
}

/* 1 mm2 more than another parabola's, at places where the envelope changes hands: whole numbers have no rounding, so the numbers are exact.
 */
static void whole_numbers(void)
{
    enum { N = 33 };
    static uint8_t site[N * N];
    static float squared[N * N];
    const grid g = {{N, N, 1}, site};
    const ctvk_sites sites = {grid_row, &g};
    const ctvk_tick tick = {NULL, NULL};
    const double spacing[3] = {3, 1, 5};
    uint64_t state = 3;
    for (int n = 0; n < 12; n++)
        site[random_int(&state, 0, N * N - 1)] = 1;
    CHECK(ctvk_squared_distances(NULL, g.dim, spacing, &sites, &tick, squared, NULL) == CTVK_OK);
    for (int64_t j = 0; j < N; j++)
        for (int64_t i = 0; i < N; i++)
            CHECK((double)squared[j * N + i] == nearest(&g, spacing, i, j, 0));
}

static int32_t at_third(void *user, double fraction)
{
    CHECK(fraction >= 0 && fraction <= 1);
    return ++*(int *)user == 3;
}

static void *no_memory(void *user, size_t bytes)
{
    (void)bytes;
    return --*(int *)user < 0 ? NULL : malloc(bytes);
}

static void give(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static void stopped(void)
{
    enum { N = 5 };
    static const uint8_t site[N * N * N] = {1};
    float squared[N * N * N];
    const grid g = {{N, N, N}, site};
    const ctvk_sites sites = {grid_row, &g};
    const double spacing[3] = {1, 1, 1};
    int calls = 0;
    const ctvk_tick tick = {at_third, &calls}, none = {NULL, NULL};
    ctvk_error error = {0};
    CHECK(ctvk_squared_distances(NULL, g.dim, spacing, &sites, &tick, squared, &error) == CTVK_CANCELLED && calls == 3);
    for (int n = 0; n < 4; n++) {
        int left = n;
        const ctvk_host host = {.alloc = no_memory, .free = give, .alloc_user = &left};
        CHECK(ctvk_squared_distances(&host, g.dim, spacing, &sites, &none, squared, &error) == CTVK_ERROR_HOST_MEMORY);
        CHECK(strstr(error.message, "host memory"));
    }
}

int main(void)
{
    random_grids();
    whole_numbers();
    stopped();
    return check_done("distance");
}
