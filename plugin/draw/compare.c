#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 22, HEADER_LINES = 4, SQUARE = 14 };

static const color ink = {235, 235, 235};
/* Levels that some contours reach and others do not are shown where they differ by at least this, mm. */
static const double apart = 12;

/* Height of the highest marked voxel, mm. */
static double top_of(const scan *mask)
{
    const float *v = mask->value;
    double top = -INFINITY;
    for (int64_t k = 0; k < mask->dim[2]; k++)
        for (int64_t j = 0; j < mask->dim[1]; j++)
            for (int64_t i = 0; i < mask->dim[0]; i++, v++)
                if (*v != 0)
                    top =
                        fmax(top, mask->to_mm[8] * (double)i + mask->to_mm[9] * (double)j + mask->to_mm[10] * (double)k + mask->to_mm[11]);
    return top;
}

/* The mean of the centres, and a level that only some contours reach: there lie the nodes that one prompt asks for and another does not. */
static void choose_planes(comparison *c, double pixels_per_mm)
{
    double centre = 0, lowest = INFINITY, highest = -INFINITY;
    int filled = 0;
    for (int i = 0; i < c->count; i++)
        if (c->layers[i].voxels) {
            double top = top_of(&c->layers[i].mask);
            centre += c->layers[i].centre[2];
            lowest = fmin(lowest, top);
            highest = fmax(highest, top);
            filled++;
        }
    centre = filled ? centre / filled : (c->ct->low[2] + c->ct->high[2]) / 2;
    c->rows[0] = (view){.plane = PLANE_FRONTAL, .pixels_per_mm = pixels_per_mm};
    c->row_count = 1;
    if (filled && highest - lowest >= apart)
        c->rows[c->row_count++] =
            (view){.plane = PLANE_AXIAL, .at = (lowest + highest) / 2, .pixels_per_mm = pixels_per_mm, .title = "upper level"};
    c->rows[c->row_count++] = (view){.plane = PLANE_AXIAL, .at = centre, .pixels_per_mm = pixels_per_mm};
}

void compare_lay_out(comparison *c, const scan *ct, const layer *layers, int count, double pixels_per_mm, int margin)
{
    c->ct = ct;
    c->layers = layers;
    c->count = count;
    choose_planes(c, pixels_per_mm);
    c->header = HEADER_LINES * LINE;
    c->column = 0;
    int y = c->header;
    for (int i = 0; i < c->row_count; i++) {
        int width, height;
        view_size(c->rows[i].plane, ct, pixels_per_mm, &width, &height);
        c->rows[i].y = y;
        y += height + margin;
        c->column = width > c->column ? width : c->column;
    }
    c->height = y - margin;
    c->column += margin;
    c->width = count * c->column - margin;
}

/* How many bytes of the text fit into a line: up to a space, where there is one. */
static size_t line_length(const char *text, size_t room)
{
    size_t length = strlen(text);
    if (length <= room)
        return length;
    for (size_t at = room + 1; at-- > 1;)
        if (text[at] == ' ')
            return at;
    return room;
}

/* The text on all lines but the last, which is the volume's. What does not fit ends with dots. */
static void write_header(canvas *to, const comparison *c, const layer *l, int x, int y, int width)
{
    const char *text = l->text;
    char line[256];
    size_t room = width > SQUARE + 40 ? (size_t)((width - SQUARE - 10) / canvas_text_width(2, "x")) : 1;
    if (room >= sizeof line)
        room = sizeof line - 1;
    canvas_box(to, x, y, SQUARE, SQUARE, l->ink);
    for (int i = 0; i < HEADER_LINES - 1 && *text; i++) {
        size_t length = line_length(text, room);
        memcpy(line, text, length);
        line[length] = 0;
        text += length + strspn(text + length, " ");
        if (i == HEADER_LINES - 2 && *text && length > 3)
            memcpy(line + length - 3, "...", 4);
        canvas_text(to, x + SQUARE + 10, y + i * LINE, 2, ink, line);
    }
    snprintf(line, sizeof line, "%.0f ml", (double)l->voxels * scan_voxel_ml(c->ct));
    canvas_text(to, x + SQUARE + 10, y + (HEADER_LINES - 1) * LINE, 2, l->ink, line);
}

int compare_draw(canvas *to, const comparison *c, int x, int y)
{
    for (int i = 0; i < c->count; i++) {
        int left = x + i * c->column, width = c->width - (c->count - 1) * c->column;
        write_header(to, c, &c->layers[i], left, y, width);
        for (int row = 0; row < c->row_count; row++) {
            view v = c->rows[row];
            v.x = left;
            v.y += y;
            if (view_draw(to, &v, c->ct, &c->layers[i], 1, c->hu) != 0)
                return -1;
        }
    }
    return 0;
}
