#include "volume/orient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A dimension fits the 32-bit sizes of the formats; a volume of more voxels than this is a damaged header, not a CT. */
#define MAX_DIM INT32_MAX
#define MAX_VOXELS ((int64_t)1 << 33)

static ctvk_status check_dims(const ctvk_volume_view *in, ctvk_error *error)
{
    int64_t voxels = 1, reach = 0;
    for (int i = 0; i < 3; i++) {
        int64_t extent;
        if (in->dim[i] < 1 || in->dim[i] > MAX_DIM)
            return ctvk_fail(error, CTVK_ERROR_INPUT,
                             "image: axis %d has %lld voxels (give a volume of at least one voxel along each axis)", i,
                             (long long)in->dim[i]);
        if (__builtin_mul_overflow(voxels, in->dim[i], &voxels) || voxels > MAX_VOXELS)
            return ctvk_fail(error, CTVK_ERROR_INPUT, "image: %lld x %lld x %lld voxels are more than a CT can have (check its header)",
                             (long long)in->dim[0], (long long)in->dim[1], (long long)in->dim[2]);
        if (in->stride[i] == INT64_MIN || __builtin_mul_overflow(in->dim[i] - 1, llabs(in->stride[i]), &extent) ||
            __builtin_add_overflow(reach, extent, &reach) || reach > INT64_MAX / 4)
            return ctvk_fail(error, CTVK_ERROR_INPUT, "image: stride %lld of axis %d leaves the address space (give strides in bytes)",
                             (long long)in->stride[i], i);
    }
    return CTVK_OK;
}

static double column_length(const double affine[3][4], int column)
{
    return sqrt(affine[0][column] * affine[0][column] + affine[1][column] * affine[1][column] + affine[2][column] * affine[2][column]);
}

/* Unit columns; returns the determinant of the result, NaN or 0 where there is no geometry. */
static double directions(const double affine[3][4], double unit[3][3])
{
    for (int c = 0; c < 3; c++) {
        double length = column_length(affine, c);
        for (int r = 0; r < 3; r++)
            unit[r][c] = affine[r][c] / length;
    }
    return unit[0][0] * (unit[1][1] * unit[2][2] - unit[1][2] * unit[2][1]) -
           unit[0][1] * (unit[1][0] * unit[2][2] - unit[1][2] * unit[2][0]) +
           unit[0][2] * (unit[1][0] * unit[2][1] - unit[1][1] * unit[2][0]);
}

ctvk_status ctvk_view_check(const ctvk_volume_view *in, ctvk_error *error)
{
    ctvk_status status = check_dims(in, error);
    double unit[3][3];
    if (status)
        return status;
    if (!ctvk_scalar_bytes(in->type))
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "image: scalar type %d is unknown (use one of the CTVK_SCALAR values)", (int)in->type);
    if (!isfinite(in->slope) || in->slope == 0 || !isfinite(in->intercept))
        return ctvk_fail(error, CTVK_ERROR_INPUT,
                         "image: rescale slope %g and intercept %g (the slope must be finite and not 0, the intercept finite)", in->slope,
                         in->intercept);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++)
            if (!isfinite(in->affine[r][c]))
                return ctvk_fail(error, CTVK_ERROR_INPUT, "image: affine[%d][%d] is not a finite number (give the image a valid geometry)",
                                 r, c);
    /* The determinant of unit columns is 1 for right angles; an image sheared flat to one part in a million has no inverse worth using. */
    double det = directions(in->affine, unit);
    for (int c = 0; c < 3; c++)
        if (!isfinite(column_length(in->affine, c)))
            det = 0;
    if (!(fabs(det) >= 1e-6))
        return ctvk_fail(error, CTVK_ERROR_INPUT,
                         "image: the affine is singular, its axes do not span space (give the image a valid geometry)");
    return CTVK_OK;
}

/* Patient axis 0, 1, 2 and sense +1, -1 of a letter; 0 if it is none. */
static int letter(char c, int *world)
{
    static const char letters[] = "RASLPI";
    const char *at = c ? strchr(letters, c) : NULL;
    if (!at)
        return 0;
    *world = (int)(at - letters) % 3;
    return at - letters < 3 ? 1 : -1;
}

/* assigned[w] = voxel axis for patient axis w. On a tie the first permutation of the list stays, so that rounding of a 45 degree affine
 * does not choose. */
static void assign_axes(double unit[3][3], int assigned[3])
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double best = -1;
    for (int p = 0; p < 6; p++) {
        double sum = 0, smallest = 1;
        for (int w = 0; w < 3; w++) {
            double cosine = fabs(unit[w][orders[p][w]]);
            sum += cosine;
            smallest = cosine < smallest ? cosine : smallest;
        }
        /* An axis at a right angle to its patient axis would have no sense; a regular affine has a permutation without one. */
        if (smallest > 1e-9 && sum > best + 1e-9) {
            best = sum;
            memcpy(assigned, orders[p], sizeof orders[p]);
        }
    }
}

ctvk_status ctvk_orient(const double affine[3][4], const char code[4], int32_t axis[3], int32_t flip[3], double spacing[3],
                        ctvk_error *error)
{
    int world[3] = {0, 0, 0}, sense[3], assigned[3] = {0, 1, 2}, seen = 0;
    double unit[3][3];
    for (int i = 0; i < 3; i++) {
        sense[i] = letter(code[i], &world[i]);
        if (sense[i])
            seen |= 1 << world[i];
    }
    if (seen != 7 || code[3])
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "preprocess.orientation: \"%.3s\" names no orientation (use one letter each of R/L, A/P and S/I)", code);
    directions(affine, unit);
    assign_axes(unit, assigned);
    for (int i = 0; i < 3; i++) {
        axis[i] = assigned[world[i]];
        flip[i] = (unit[world[i]][axis[i]] > 0) != (sense[i] > 0);
        spacing[i] = column_length(affine, axis[i]);
    }
    return CTVK_OK;
}

ctvk_oriented ctvk_oriented_view(const ctvk_geometry *geometry, const int64_t stride[3])
{
    ctvk_oriented view = {.offset = 0};
    for (int i = 0; i < 3; i++) {
        int32_t a = geometry->axis[i];
        view.dim[i] = geometry->input_dim[a];
        view.stride[i] = geometry->flip[i] ? -stride[a] : stride[a];
        if (geometry->flip[i])
            view.offset += (view.dim[i] - 1) * stride[a];
    }
    return view;
}
