#include "view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Patient axis (0 R, 1 A, 2 S) that runs to the left and up in each plane, and the one that is cut. Left is the patient's right, as
 * radiologists look: from the feet, from the front; sagittal planes with the front to the left. */
static const struct {
    int left, up, cut;
    const char *letters; /* left, right, top, bottom */
    const char *name;
} planes[] = {{0, 1, 2, "RLAP", "axial"}, {0, 2, 1, "RLSI", "coronal"}, {1, 2, 0, "APSI", "sagittal"}, {0, 2, 1, "RLSI", "from the front"}};
/* Steps of a ray from front to back, mm. */
static const double ray_step = 2;
/* Bone counts this many times in a projection: it is what a reader knows the levels by. */
static const double bone_weight = 3;

static const color white = {235, 235, 235}, black = {0, 0, 0};

void view_size(plane p, const scan *ct, double pixels_per_mm, int *width, int *height)
{
    int left = planes[p].left, up = planes[p].up;
    *width = (int)ceil((ct->high[left] - ct->low[left]) * pixels_per_mm);
    *height = (int)ceil((ct->high[up] - ct->low[up]) * pixels_per_mm);
}

static void pixel_mm(const view *v, const scan *ct, int x, int y, double mm[3])
{
    int left = planes[v->plane].left, up = planes[v->plane].up;
    mm[left] = ct->high[left] - (x + 0.5) / v->pixels_per_mm;
    mm[up] = ct->high[up] - (y + 0.5) / v->pixels_per_mm;
    mm[planes[v->plane].cut] = v->at;
}

static int ray_steps(const view *v, const scan *ct)
{
    int cut = planes[v->plane].cut;
    return (int)((ct->high[cut] - ct->low[cut]) / ray_step);
}

/* Along a ray, bone more than tissue, air not at all. */
static double ray_through(const view *v, const scan *ct, int x, int y)
{
    double mm[3], sum = 0;
    int cut = planes[v->plane].cut;
    pixel_mm(v, ct, x, y, mm);
    for (int i = 0, steps = ray_steps(v, ct); i < steps; i++) {
        mm[cut] = ct->low[cut] + (i + 0.5) * ray_step;
        double hu = scan_at(ct, mm, -1000);
        sum += fmax(hu + 1000, 0) + (bone_weight - 1) * fmax(hu - 150, 0);
    }
    return sum;
}

/* Black where nothing is, white where the most is. 0, or -1 where memory is exhausted. */
static int draw_projection(canvas *c, const view *v, const scan *ct, int width, int height)
{
    double *sum = calloc((size_t)width * (size_t)height, sizeof *sum), most = 1;
    if (!sum)
        return -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double *at = &sum[(size_t)y * (size_t)width + (size_t)x];
            *at = ray_through(v, ct, x, y);
            most = fmax(most, *at);
        }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t level = (uint8_t)(255 * sum[(size_t)y * (size_t)width + (size_t)x] / most + 0.5);
            canvas_mix(c, v->x + x, v->y + y, (color){level, level, level}, 1);
        }
    free(sum);
    return 0;
}

static void draw_ct(canvas *c, const view *v, const scan *ct, int width, int height, const double hu[2])
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double mm[3];
            pixel_mm(v, ct, x, y, mm);
            double gray = (scan_at(ct, mm, hu[0]) - hu[0]) / (hu[1] - hu[0]);
            uint8_t level = (uint8_t)(255 * fmin(fmax(gray, 0), 1) + 0.5);
            canvas_mix(c, v->x + x, v->y + y, (color){level, level, level}, 1);
        }
}

/* The line where the interpolated mask is one half: distance to it in pixels = (m - 1/2) / gradient, so it comes out smooth. */
static void draw_contour(canvas *c, const view *v, const layer *l, const float *m, int width, int height)
{
    for (int y = 1; y < height - 1; y++)
        for (int x = 1; x < width - 1; x++) {
            const float *p = m + (size_t)y * (size_t)width + x;
            double gx = (p[1] - p[-1]) / 2.0, gy = (p[width] - p[-width]) / 2.0, slope = hypot(gx, gy);
            double distance = slope > 0 ? fabs(*p - 0.5) / slope : INFINITY;
            double line = fmin(fmax(1.8 - distance, 0), 1), fill = *p >= 0.5f ? 0.15 : 0;
            if (line > 0 || fill > 0)
                canvas_mix(c, v->x + x, v->y + y, l->ink, fmax(line, fill));
        }
}

/* The most of the mask along a ray: its outline is the mask's silhouette. */
static double deepest(const view *v, const scan *ct, const scan *mask, int x, int y)
{
    double mm[3], most = 0;
    int cut = planes[v->plane].cut;
    pixel_mm(v, ct, x, y, mm);
    for (int i = 0, steps = ray_steps(v, ct); i < steps && most < 1; i++) {
        mm[cut] = ct->low[cut] + (i + 0.5) * ray_step;
        most = fmax(most, scan_at(mask, mm, 0));
    }
    return most;
}

static int draw_layer(canvas *c, const view *v, const scan *ct, const layer *l, int width, int height)
{
    float *m = calloc((size_t)width * (size_t)height, sizeof *m);
    if (!m)
        return -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double mm[3];
            pixel_mm(v, ct, x, y, mm);
            m[(size_t)y * (size_t)width + (size_t)x] =
                v->plane == PLANE_FRONTAL ? (float)deepest(v, ct, &l->mask, x, y) : (float)scan_at(&l->mask, mm, 0);
        }
    draw_contour(c, v, l, m, width, height);
    free(m);
    return 0;
}

/* White on black, readable on any gray. */
static void caption(canvas *c, int x, int y, const char *text)
{
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            canvas_text(c, x + dx, y + dy, 2, black, text);
    canvas_text(c, x, y, 2, white, text);
}

/* title_width: of the title at the top left, which a letter must not cover. */
static void draw_letters(canvas *c, const view *v, int width, int height, int title_width)
{
    for (int side = 0; side < 4; side++) {
        char letter[2] = {planes[v->plane].letters[side], 0};
        int x = side == 0 ? 6 : side == 1 ? width - 16 : width / 2 - 5;
        int y = side == 2 ? (8 + title_width < x - 6 ? 6 : 28) : side == 3 ? height - 20 : height / 2 - 7;
        caption(c, v->x + x, v->y + y, letter);
    }
}

/* Cut to what the view's width holds. */
static void write_title(const view *v, int width, char *title, size_t size)
{
    snprintf(title, size, "%s%s%.100s", planes[v->plane].name, v->title ? ", " : "", v->title ? v->title : "");
    size_t room = width > 16 + canvas_text_width(2, "...") ? (size_t)((width - 16) / canvas_text_width(2, "x")) : 3;
    if (strlen(title) > room)
        memcpy(title + room - 3, "...", 4);
}

static void draw_ruler(canvas *c, const view *v, int width, int height)
{
    int length = (int)(50 * v->pixels_per_mm + 0.5);
    if (length + 24 > width)
        return;
    int x = v->x + width - length - 12, y = v->y + height - 12;
    canvas_box(c, x - 1, y - 1, length + 2, 5, black);
    canvas_box(c, x, y, length, 3, white);
    caption(c, x + (length - canvas_text_width(2, "5 cm")) / 2, y - 20, "5 cm");
}

int view_draw(canvas *c, const view *v, const scan *ct, const layer *layers, int count, const double hu[2])
{
    int width, height;
    char title[160];
    view_size(v->plane, ct, v->pixels_per_mm, &width, &height);
    if (v->plane != PLANE_FRONTAL)
        draw_ct(c, v, ct, width, height, hu);
    else if (draw_projection(c, v, ct, width, height) != 0)
        return -1;
    for (int i = 0; i < count; i++)
        if (draw_layer(c, v, ct, &layers[i], width, height) != 0)
            return -1;
    write_title(v, width, title, sizeof title);
    draw_letters(c, v, width, height, canvas_text_width(2, title));
    draw_ruler(c, v, width, height);
    caption(c, v->x + 8, v->y + 8, title);
    return 0;
}
