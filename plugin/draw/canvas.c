#include "canvas.h"

#include <stdlib.h>

int canvas_create(canvas *c, int width, int height, color fill)
{
    *c = (canvas){width, height, malloc((size_t)width * (size_t)height * 3)};
    if (!c->rgb)
        return -1;
    canvas_box(c, 0, 0, width, height, fill);
    return 0;
}

void canvas_destroy(canvas *c)
{
    free(c->rgb);
    c->rgb = NULL;
}

static uint8_t blend(uint8_t under, uint8_t over, double alpha)
{
    return (uint8_t)(under + (over - under) * alpha + 0.5);
}

void canvas_mix(canvas *c, int x, int y, color ink, double alpha)
{
    if (x < 0 || y < 0 || x >= c->width || y >= c->height)
        return;
    uint8_t *p = c->rgb + ((size_t)y * (size_t)c->width + (size_t)x) * 3;
    p[0] = blend(p[0], ink.r, alpha);
    p[1] = blend(p[1], ink.g, alpha);
    p[2] = blend(p[2], ink.b, alpha);
}

void canvas_box(canvas *c, int x, int y, int width, int height, color ink)
{
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++)
            canvas_mix(c, x + i, y + j, ink, 1);
}
