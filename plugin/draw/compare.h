/* draw/compare.h - a column for each label map: what it is called, its volume, the patient from the front with the contour's outline, axial
 * planes. The planes are the same in every column, so that what differs is the contour. */
#ifndef CTVK_DRAW_COMPARE_H
#define CTVK_DRAW_COMPARE_H

#include "view.h"

enum { COMPARE_ROWS = 3 };

typedef struct comparison {
    const scan *ct;      /* BORROWED */
    const layer *layers; /* BORROWED */
    int count;
    double hu[2];
    view rows[COMPARE_ROWS]; /* of one column, from its top left corner */
    int row_count, column, width, height, header;
} comparison;

/* Chooses the planes and finds the size: width, height in pixels. margin: between columns and rows. */
void compare_lay_out(comparison *c, const scan *ct, const layer *layers, int count, double pixels_per_mm, int margin);
/* Into a canvas that holds it, its top left corner at (x, y). 0, or -1 where memory is exhausted. */
int compare_draw(canvas *to, const comparison *c, int x, int y);

#endif
