/* The areas follow from one rule instead of a table:
 *
 *   1. More than four of the eight corners in the mask: the boundary is that of the other corners.
 *   2. Corners that are joined along edges of the cell form a part, and every part has a boundary of its own. So of the two ways through a
 *      face with two opposite corners in the mask, they are kept apart.
 *   3. A part's boundary crosses the edges from a corner inside to one outside at their middle; these points form one loop, whose
 *      neighbours share a face of the cell.
 *   4. The loop is filled with a fan of triangles from one of its points: the point for which the fan has the largest area on a cell of
 *      1 x 1 x 1. Only two of the shapes (three corners around a face, and four along a path through all three axes) are not flat and so
 *      depend on the choice; equally large fans are equally large at every spacing.
 *
 * Points are counted in half edges, so that the normals of triangles are whole numbers and the choice in 4 is exact but for the sums of
 * square roots. */
#include "metrics/surface.h"

#include <math.h>
#include <string.h>

enum { CORNERS = 8, MAX_LOOP = 6 }; /* a part of at most four corners is crossed at six edges at most */

typedef struct loop {
    int count;
    int point[MAX_LOOP][3]; /* in half edges: 0, 1 or 2 */
} loop;

static int corner_axis(int corner, int axis)
{
    return corner >> (2 - axis) & 1;
}

static int step_along(int corner, int axis)
{
    return corner ^ 4 >> axis;
}

static int share_face(const int p[3], const int q[3])
{
    for (int axis = 0; axis < 3; axis++)
        if (p[axis] == q[axis] && p[axis] != 1)
            return 1;
    return 0;
}

/* The corners that are joined to `part` along edges inside the code. */
static unsigned grow(unsigned code, unsigned part)
{
    for (unsigned before = 0; before != part;) {
        before = part;
        for (int corner = 0; corner < CORNERS; corner++)
            for (int axis = 0; axis < 3; axis++)
                if (before >> corner & 1)
                    part |= code & 1u << step_along(corner, axis);
    }
    return part;
}

static loop crossings(unsigned part)
{
    loop l = {0};
    for (int corner = 0; corner < CORNERS; corner++)
        for (int axis = 0; axis < 3; axis++)
            if ((part >> corner & 1) && !(part >> step_along(corner, axis) & 1)) {
                for (int i = 0; i < 3; i++)
                    l.point[l.count][i] = i == axis ? 1 : 2 * corner_axis(corner, i);
                l.count++;
            }
    return l;
}

/* Every face of the cell holds no point of a part's loop or two, so that the next point is found by its face. */
static void put_in_order(loop *l)
{
    for (int at = 0; at + 2 < l->count; at++)
        for (int next = at + 1; next < l->count; next++)
            if (share_face(l->point[at], l->point[next])) {
                int kept[3];
                memcpy(kept, l->point[at + 1], sizeof kept);
                memcpy(l->point[at + 1], l->point[next], sizeof kept);
                memcpy(l->point[next], kept, sizeof kept);
                break;
            }
}

/* Half the length of the cross product; scale: spacing of the two other axes multiplied, for every component. */
static double triangle(const int a[3], const int b[3], const int c[3], const double scale[3])
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3, normal = (b[j] - a[j]) * (c[k] - a[k]) - (b[k] - a[k]) * (c[j] - a[j]);
        sum += scale[i] * scale[i] * normal * normal;
    }
    return sqrt(sum) / 8; /* half, of edges counted in halves */
}

static double fan(const loop *l, int from, const double scale[3])
{
    double sum = 0;
    for (int i = 1; i + 1 < l->count; i++)
        sum += triangle(l->point[from], l->point[(from + i) % l->count], l->point[(from + i + 1) % l->count], scale);
    return sum;
}

static double loop_area(const loop *l, const double scale[3])
{
    static const double unit[3] = {1, 1, 1};
    int best = 0;
    for (int from = 1; from < l->count; from++)
        if (fan(l, from, unit) > fan(l, best, unit) + 1e-9)
            best = from;
    return fan(l, best, scale);
}

void ctvk_surface_areas(const double spacing[3], double area[CTVK_SURFACE_CODES])
{
    const double scale[3] = {spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]};
    for (unsigned code = 0; code < CTVK_SURFACE_CODES; code++) {
        unsigned left = __builtin_popcount(code) > CORNERS / 2 ? ~code & 0xff : code;
        area[code] = 0;
        while (left) {
            unsigned part = grow(left, left & -left);
            loop l = crossings(part);
            put_in_order(&l);
            area[code] += loop_area(&l, scale);
            left &= ~part;
        }
    }
}

void ctvk_surface_row(const ctvk_mask_pair *pair, uint8_t bit, int64_t j, int64_t k, uint8_t *codes)
{
    const int64_t row = pair->dim[0], plane = row * pair->dim[1];
    const uint8_t *at = pair->voxels + k * plane + j * row;
    /* The lower four bits belong to the voxel i, the upper four to i + 1. */
    unsigned before = 0;
    for (int64_t i = 0; i < row; i++) {
        unsigned four = (unsigned)!!(at[i] & bit) | (unsigned)!!(at[i + plane] & bit) << 1 | (unsigned)!!(at[i + row] & bit) << 2 |
                        (unsigned)!!(at[i + row + plane] & bit) << 3;
        if (i)
            codes[i - 1] = (uint8_t)(before | four << 4);
        before = four;
    }
}
