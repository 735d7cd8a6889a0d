/* draw/view.h - one panel: a plane through the CT with the contours of label maps, or the patient seen from the front with their outlines,
 * in radiological orientation. */
#ifndef CTVK_DRAW_VIEW_H
#define CTVK_DRAW_VIEW_H

#include "canvas.h"
#include "scan.h"

typedef struct layer {
    const char *text; /* the prompt. BORROWED */
    scan mask;
    color ink;
    double centre[3]; /* mm */
    int64_t voxels;
} layer;

/* PLANE_FRONTAL is no plane: what lies behind each other is added up, as in a radiograph. */
typedef enum plane { PLANE_AXIAL, PLANE_CORONAL, PLANE_SAGITTAL, PLANE_FRONTAL } plane;

typedef struct view {
    plane plane;
    double at; /* mm along the axis that the plane cuts */
    int x, y;  /* top left corner in the picture */
    double pixels_per_mm;
    const char *title;
} view;

/* Pixels that the panel takes. */
void view_size(plane p, const scan *ct, double pixels_per_mm, int *width, int *height);
/* hu: values from hu[0] (black) to hu[1] (white). 0, or -1 where memory is exhausted. */
int view_draw(canvas *c, const view *v, const scan *ct, const layer *layers, int count, const double hu[2]);

#endif
