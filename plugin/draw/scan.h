/* draw/scan.h - a volume of a NIfTI file, read through the library, sampled at patient coordinates. */
#ifndef CTVK_DRAW_SCAN_H
#define CTVK_DRAW_SCAN_H

#include "ctvk/ctvk.h"

typedef struct scan {
    int64_t dim[3];
    float *value;           /* OWNED: i fastest; HU, or the label's value */
    double to_mm[12];       /* 3 x 4: voxel -> RAS millimetres */
    double to_voxel[12];    /* its inverse */
    double low[3], high[3]; /* box around the volume, voxel edges included, mm */
} scan;

/* message: where the reason goes on failure. CTVK_OK or the library's status. */
ctvk_status scan_open(ctvk_context *context, const char *path, scan *out, char *message, size_t size);
void scan_close(scan *s);

/* Trilinear between voxel centres; `outside` beyond the outermost half voxels. */
double scan_at(const scan *s, const double mm[3], double outside);

/* Labels become 0 and 1. Returns how many are set; centre: their mean position in mm where any is. */
int64_t scan_to_mask(scan *s, double centre[3]);
double scan_voxel_ml(const scan *s);

/* Same grid to within a hundredth of a voxel. */
int scan_same_grid(const scan *a, const scan *b);

#endif
