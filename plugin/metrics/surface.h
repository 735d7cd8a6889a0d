/* metrics/surface.h - the surface of a mask: elements on the dual grid, whose points are the corners between eight voxels, and their areas.
 *
 * A dual point's code says which of its eight voxels are in the mask: the voxel at offset (a, b, c), 0 or 1 along the axes 0, 1, 2, is bit
 * 4a + 2b + c. Codes 0 and 255 are no surface. This is the surface of S. Nikolov et al., "Clinically applicable segmentation of head and
 * neck anatomy for radiotherapy", J Med Internet Res 23(7):e26151 (2021): a triangulated boundary by marching cubes, each dual point with
 * the area of the triangles in its cell. */
#ifndef CTVK_METRICS_SURFACE_H
#define CTVK_METRICS_SURFACE_H

#include "metrics/mask.h"

enum { CTVK_SURFACE_CODES = 256 };

/* area[code] in mm2, for voxels of spacing mm along the axes 0, 1, 2 (finite, above 0). Made anew at every call. [any thread] */
void ctvk_surface_areas(const double spacing[3], double area[CTVK_SURFACE_CODES]);

/* Codes of the row (., j, k) of the dual grid, which has pair->dim - 1 points along each axis: point (i, j, k) lies between the voxels i
 * and i + 1, j and j + 1, k and k + 1. bit: the mask. codes: pair->dim[0] - 1 bytes. [any thread] */
void ctvk_surface_row(const ctvk_mask_pair *pair, uint8_t bit, int64_t j, int64_t k, uint8_t *codes);

static inline int ctvk_surface_is_element(uint8_t code)
{
    return code != 0 && code != CTVK_SURFACE_CODES - 1;
}

#endif
