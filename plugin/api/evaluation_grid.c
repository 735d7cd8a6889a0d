#include "api/evaluation.h"

#include <math.h>

/* Forms that different programs write for one grid differ by the rounding of float32, 0.0001 mm at the far corner of a CT. A hundredth of a
 * voxel is far above that and far below what a contour can show. */
#define MAX_SHIFT 0.01
/* The cosine of 89.9 degrees: distances along axes taken as square are then wrong by less than a thousandth. */
#define MAX_COSINE 1.7e-3

static double cosine(const ctvk_volume_view *view, const double spacing[3], int a, int b)
{
    double sum = 0;
    for (int row = 0; row < 3; row++)
        sum += view->affine[row][a] * view->affine[row][b];
    return sum / (spacing[a] * spacing[b]);
}

/* The largest distance between the two places of a corner of the grid, mm: no voxel is farther apart than the corners are. */
static double shift(const ctvk_volume_view *a, const ctvk_volume_view *b)
{
    double largest = 0;
    for (int corner = 0; corner < 8; corner++) {
        double sum = 0;
        for (int row = 0; row < 3; row++) {
            double apart = a->affine[row][3] - b->affine[row][3];
            for (int axis = 0; axis < 3; axis++)
                if (corner >> axis & 1)
                    apart += (a->affine[row][axis] - b->affine[row][axis]) * (double)(a->dim[axis] - 1);
            sum += apart * apart;
        }
        largest = fmax(largest, sqrt(sum));
    }
    return largest;
}

ctvk_status ctvk_check_label_grids(const ctvk_label_map map[2], double spacing[3], ctvk_error *error)
{
    const ctvk_volume_view *r = &map[0].view, *p = &map[1].view;
    for (int i = 0; i < 3; i++)
        if (r->dim[i] != p->dim[i])
            return ctvk_fail(
                error, CTVK_ERROR_INPUT,
                "%.300s and %.300s: different grids, %lld x %lld x %lld and %lld x %lld x %lld voxels (resample one of them onto "
                "the other's grid)",
                map[0].name, map[1].name, (long long)r->dim[0], (long long)r->dim[1], (long long)r->dim[2], (long long)p->dim[0],
                (long long)p->dim[1], (long long)p->dim[2]);
    ctvk_view_spacing(r, spacing);
    double apart = shift(r, p), shortest = fmin(spacing[0], fmin(spacing[1], spacing[2]));
    if (!(apart <= MAX_SHIFT * shortest))
        return ctvk_fail(error, CTVK_ERROR_INPUT,
                         "%.300s and %.300s: different grids, their voxels lie up to %.3g mm apart (resample one of them onto the other's "
                         "grid)",
                         map[0].name, map[1].name, apart);
    double largest = fmax(fabs(cosine(r, spacing, 0, 1)), fmax(fabs(cosine(r, spacing, 0, 2)), fabs(cosine(r, spacing, 1, 2))));
    if (!(largest <= MAX_COSINE))
        return ctvk_fail(
            error, CTVK_ERROR_INPUT,
            "%.300s and %.300s: their axes are not at right angles, so that distances are not known (resample both onto a grid "
            "without a tilt)",
            map[0].name, map[1].name);
    return CTVK_OK;
}
