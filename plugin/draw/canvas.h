/* draw/canvas.h - a picture in memory: pixels, text in a tiny bitmap font, PNG. */
#ifndef CTVK_DRAW_CANVAS_H
#define CTVK_DRAW_CANVAS_H

#include <stdint.h>

typedef struct canvas {
    int width, height;
    uint8_t *rgb; /* OWNED: rows from the top, three bytes a pixel */
} canvas;

typedef struct color {
    uint8_t r, g, b;
} color;

/* Filled with one colour. 0, or -1 where memory is exhausted. */
int canvas_create(canvas *c, int width, int height, color fill);
void canvas_destroy(canvas *c);

/* alpha in [0, 1]; pixels outside are ignored. */
void canvas_mix(canvas *c, int x, int y, color ink, double alpha);
void canvas_box(canvas *c, int x, int y, int width, int height, color ink);

/* ASCII; other bytes become '?'. (x, y) is the top left corner; a cell is 6 x 8 pixels times scale. Returns the text's width. */
int canvas_text(canvas *c, int x, int y, int scale, color ink, const char *text);
int canvas_text_width(int scale, const char *text);

/* 8-bit RGB PNG through a temporary file in the same folder. 0, or -1 with errno. */
int canvas_write_png(const canvas *c, const char *path);

#endif
