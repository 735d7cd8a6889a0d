/* metrics/elements.h - numbers of a list of surface elements, each with a distance and, by its code, an area. */
#ifndef CTVK_METRICS_ELEMENTS_H
#define CTVK_METRICS_ELEMENTS_H

#include <stdint.h>

/* distance: mm, finite, not negative; code: as in metrics/surface.h; area: mm2 by code, above 0 for every code that occurs. All BORROWED.
 */
typedef struct ctvk_elements {
    const float *distance;
    const uint8_t *code;
    const double *area;
    uint64_t count; /* at least 1 */
} ctvk_elements;

typedef struct ctvk_element_sums {
    double area;      /* mm2 */
    double mean, max; /* of the distance, mm; the mean weighted by area */
} ctvk_element_sums;

ctvk_element_sums ctvk_elements_sum(const ctvk_elements *elements);

/* Area in mm2 of the elements no farther than tolerance mm. A millionth of the tolerance is added to it: a NIfTI file keeps its spacing as
 * float32, and ten voxels of 0.3 mm are to be within 3 mm whichever way that was rounded. */
double ctvk_elements_within(const ctvk_elements *elements, double tolerance);

/* The smallest distance in the list such that the elements no farther have at least `share` (0 to 1) of the whole area. Found digit by
 * digit of the float32 numbers, so that nothing is sorted. A share that is reached but for the rounding of sums (1e-12) counts as reached.
 */
double ctvk_elements_percentile(const ctvk_elements *elements, double share);

#endif
