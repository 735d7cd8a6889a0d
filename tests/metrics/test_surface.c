/* Areas of surface elements: symmetries, shapes whose area is known, whole boxes. With three arguments, a spacing, it prints the areas of
 * the 256 codes instead, for the comparison with the published table. */
#include "metrics/surface.h"
#include "support/check.h"

#include <math.h>

static const double spacings[][3] = {{1, 1, 1}, {1, 2, 3.7}, {0.9765625, 0.9765625, 3}, {4.1, 0.3, 1.7}};
enum { SPACINGS = sizeof spacings / sizeof *spacings };

static int close(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

/* The code after the cell's axes were exchanged, axis n becoming order[n], and reversed where flips has a bit. */
static unsigned turned(unsigned code, const int order[3], unsigned flips)
{
    unsigned out = 0;
    for (unsigned corner = 0; corner < 8; corner++) {
        unsigned to = 0;
        for (int axis = 0; axis < 3; axis++)
            to |= ((corner >> (2 - axis) & 1) ^ (flips >> axis & 1)) << (2 - order[axis]);
        out |= (code >> corner & 1) << to;
    }
    return out;
}

/* Of the cell: 48 turns and mirrors, inside and outside exchanged. All 256 codes have an area but the two that are no surface. */
static void symmetries(const double spacing[3])
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double area[CTVK_SURFACE_CODES], other[CTVK_SURFACE_CODES], there[3];
    ctvk_surface_areas(spacing, area);
    for (unsigned code = 0; code < CTVK_SURFACE_CODES; code++) {
        CHECK(close(area[code], area[255 - code]));
        CHECK(ctvk_surface_is_element((uint8_t)code) ? area[code] > 0 : area[code] == 0);
    }
    for (int n = 0; n < 48; n++) {
        const int *order = orders[n % 6];
        for (int axis = 0; axis < 3; axis++)
            there[order[axis]] = spacing[axis];
        ctvk_surface_areas(there, other);
        for (unsigned code = 0; code < CTVK_SURFACE_CODES; code++)
            CHECK_MSG(close(area[code], other[turned(code, order, (unsigned)n / 6)]), "code %u turn %d", code, n);
    }
}

/* Corners as bits 4a + 2b + c. */
static void known(const double s[3])
{
    double area[CTVK_SURFACE_CODES], twice[CTVK_SURFACE_CODES];
    const double doubled[3] = {2 * s[0], 2 * s[1], 2 * s[2]};
    ctvk_surface_areas(s, area);
    ctvk_surface_areas(doubled, twice);
    double corner = sqrt(s[0] * s[0] * s[1] * s[1] + s[0] * s[0] * s[2] * s[2] + s[1] * s[1] * s[2] * s[2]) / 8;
    CHECK(close(area[0x01], corner));
    CHECK(close(area[0x81], 2 * corner)); /* two opposite corners */
    CHECK(close(area[0x69], 4 * corner)); /* no two of them along an edge */
    CHECK(close(area[0x0f], s[1] * s[2]));
    CHECK(close(area[0x33], s[0] * s[2]));
    CHECK(close(area[0x55], s[0] * s[1]));
    CHECK(close(area[0x03], s[2] * hypot(s[0], s[1]) / 2)); /* an edge along axis 2 */
    CHECK(close(area[0xc3], s[2] * hypot(s[0], s[1])));     /* two opposite edges */
    CHECK(close(area[0x17], 6 * corner));                   /* a corner and its three neighbours: a flat hexagon */
    CHECK(close(area[0x07], s[1] * s[2] / 2 + 3 * corner)); /* three corners of the face a = 0: half of it, and three slanted parts */
    CHECK(close(area[0x07 | 0x80], area[0x07] + corner));   /* and one apart */
    for (unsigned code = 0; code < CTVK_SURFACE_CODES; code++)
        CHECK(close(twice[code], 4 * area[code]));
}

/* A box of n voxels: six faces, twelve cut edges, eight cut corners. */
static void boxes(const double s[3])
{
    enum { X = 9, Y = 7, Z = 6 };
    static uint8_t voxels[Z * Y * X];
    const int64_t first[3] = {2, 1, 1}, n[3] = {5, 4, 3};
    ctvk_mask_pair pair = {{X, Y, Z}, voxels};
    double area[CTVK_SURFACE_CODES], sum = 0, other = 0, wanted = 0;
    uint8_t codes[X - 1 + 8];
    ctvk_surface_areas(s, area);
    for (int64_t k = 0; k < n[2]; k++)
        for (int64_t j = 0; j < n[1]; j++)
            for (int64_t i = 0; i < n[0]; i++)
                voxels[((k + first[2]) * Y + j + first[1]) * X + i + first[0]] = CTVK_MASK_PREDICTION;
    for (int64_t k = 0; k < Z - 1; k++)
        for (int64_t j = 0; j < Y - 1; j++) {
            memset(codes, 0xa5, sizeof codes);
            ctvk_surface_row(&pair, CTVK_MASK_PREDICTION, j, k, codes);
            for (int i = X - 1; i < (int)sizeof codes; i++)
                CHECK(codes[i] == 0xa5);
            for (int i = 0; i < X - 1; i++)
                sum += area[codes[i]];
            ctvk_surface_row(&pair, CTVK_MASK_REFERENCE, j, k, codes);
            for (int i = 0; i < X - 1; i++)
                other += codes[i];
        }
    for (int a = 0; a < 3; a++) {
        int b = (a + 1) % 3, c = (a + 2) % 3;
        wanted += 2 * (double)((n[b] - 1) * (n[c] - 1)) * s[b] * s[c] + 4 * (double)(n[a] - 1) * s[a] * hypot(s[b], s[c]) / 2;
    }
    wanted += 8 * area[0x01];
    CHECK_MSG(close(sum, wanted), "%g, not %g", sum, wanted);
    CHECK(other == 0);
}

/* Bits go where the header says: one voxel, seen from the eight dual points around it. */
static void bits(void)
{
    static uint8_t voxels[4 * 4 * 4];
    const ctvk_mask_pair pair = {{4, 4, 4}, voxels};
    uint8_t codes[3];
    voxels[(1 * 4 + 2) * 4 + 1] = CTVK_MASK_BITS;
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 3; j++) {
            ctvk_surface_row(&pair, CTVK_MASK_REFERENCE, j, k, codes);
            for (int i = 0; i < 3; i++) {
                int a = 1 - i, b = 2 - j, c = 1 - k, near = a >= 0 && a < 2 && b >= 0 && b < 2 && c >= 0 && c < 2;
                CHECK(codes[i] == (near ? 1 << (4 * a + 2 * b + c) : 0));
            }
        }
}

static int print_areas(char **spacing)
{
    const double s[3] = {atof(spacing[0]), atof(spacing[1]), atof(spacing[2])};
    double area[CTVK_SURFACE_CODES];
    ctvk_surface_areas(s, area);
    for (int code = 0; code < CTVK_SURFACE_CODES; code++)
        printf("%.17g\n", area[code]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return print_areas(argv + 1);
    for (int i = 0; i < SPACINGS; i++) {
        symmetries(spacings[i]);
        known(spacings[i]);
        boxes(spacings[i]);
    }
    bits();
    return check_done("surface");
}
