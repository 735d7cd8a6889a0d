/* metrics/distance.h - exact Euclidean distance transform on a grid with its own spacing along every axis. */
#ifndef CTVK_METRICS_DISTANCE_H
#define CTVK_METRICS_DISTANCE_H

#include "core/host.h"

/* Where the sites are. row: dim[0] bytes of the row (., j, k), non-zero: a site. */
typedef struct ctvk_sites {
    void (*row)(const void *user, int64_t j, int64_t k, uint8_t *row);
    const void *user;
} ctvk_sites;

/* Non-zero return cancels. */
typedef struct ctvk_tick {
    int32_t (*report)(void *user, double fraction); /* NULL: none */
    void *user;
} ctvk_tick;

static inline int32_t ctvk_tick_report(const ctvk_tick *tick, double fraction)
{
    return tick->report ? tick->report(tick->user, fraction) : 0;
}

/* squared[(k * dim[1] + j) * dim[0] + i] = square of the distance in mm from the point (i, j, k) to the nearest site; INFINITY everywhere
 * where there is none. P. F. Felzenszwalb, D. P. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8 (2012):
 * along axis 0 by counting, along the others by the lower envelope of parabolas, in double. Nothing is approximated; what is stored between
 * the axes and at the end is rounded to float32, which is 1e-7 of the distance. dim: at least 1 each; spacing: mm, finite, above 0.
 * Memory beyond `squared`: one plane. CTVK_ERROR_HOST_MEMORY, CTVK_CANCELLED (without a message). [any thread] */
ctvk_status ctvk_squared_distances(const ctvk_host *host, const int64_t dim[3], const double spacing[3], const ctvk_sites *sites,
                                   const ctvk_tick *tick, float *squared, ctvk_error *error);

#endif
