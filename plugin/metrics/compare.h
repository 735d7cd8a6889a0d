/* metrics/compare.h - how well a prediction meets a reference: overlap, surface distances, one label. */
#ifndef CTVK_METRICS_COMPARE_H
#define CTVK_METRICS_COMPARE_H

#include "core/host.h"
#include "metrics/distance.h"
#include "metrics/mask.h"

/* Voxels of a label. */
typedef struct ctvk_overlap {
    uint64_t reference, prediction, both;
} ctvk_overlap;

/* NaN: undefined. */
typedef struct ctvk_scores {
    double dice, iou;
    double hd, hd95, msd; /* mm */
    double *nsd;          /* tolerance_count values, the caller's */
} ctvk_scores;

typedef struct ctvk_tolerances {
    const double *mm; /* finite, not negative */
    uint32_t count;
} ctvk_tolerances;

/* With R and P the voxels, S_R and S_P the surface elements, a(.) their number or area, d(x, S) the distance to the nearest element of S:
 *   dice = 2 a(R & P) / (a(R) + a(P)),   iou = a(R & P) / a(R | P)
 *   hd   = max over both surfaces of the distance to the other one
 *   hd95 = the larger of the two 95th percentiles, of d(x, S_P) over S_R and of d(x, S_R) over S_P, by area
 *   msd  = the mean of the two means by area, of d(x, S_P) over S_R and of d(x, S_R) over S_P: each surface counts by half, whatever its
 * size nsd  = the area on both surfaces that is within the tolerance of the other one, as a share of a(S_R) + a(S_P) As L. Maier-Hein et
 * al., "Metrics reloaded", Nature Methods 21:195-212 (2024) define them (hd95, MASD, NSD), with areas as metrics/surface.h has them. An
 * empty mask is taken as their code takes it: both empty: dice and nsd 1, distances 0, iou undefined; one empty: dice, iou and nsd 0,
 * distances undefined. */

/* Dice and IoU; where a mask is empty everything else too, and returns 1: there are no surfaces to compare. */
int32_t ctvk_score_overlap(const ctvk_overlap *overlap, uint32_t tolerance_count, ctvk_scores *scores);

/* The rest. pair: neither mask is empty; spacing: mm of its axes. Memory: about 4 bytes a voxel of the pair, and 1 more an element.
 * CTVK_ERROR_HOST_MEMORY, CTVK_CANCELLED (without a message). [any thread] */
ctvk_status ctvk_score_surfaces(const ctvk_host *host, const ctvk_mask_pair *pair, const double spacing[3],
                                const ctvk_tolerances *tolerances, const ctvk_tick *tick, ctvk_scores *scores, ctvk_error *error);

#endif
