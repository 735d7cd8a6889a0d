/* Places in the patient. An image whose HU is a linear function of the position in RAS millimetres must still be that function after
 * preparation, at the position that the geometry claims for each voxel; and a probability that is one must come back as one. Linear
 * interpolation keeps linear functions exactly, so that any shift of a grid shows, through every orientation, oblique affine and spacing.
 */
#include "support/check.h"
#include "support/prepared.h"
#include "volume/random_volume.h"

typedef struct linear {
    double gradient[3], offset;
} linear;

static double value_at(const linear *f, const double p[3])
{
    return f->gradient[0] * p[0] + f->gradient[1] * p[1] + f->gradient[2] * p[2] + f->offset;
}

/* RAS position of the voxel q of the oriented (and, with the geometry's spacing, resampled) grid: the first oriented voxel's centre stays.
 */
static void position(const ctvk_volume_view *v, const ctvk_geometry *g, const double q[3], const double spacing[3], double p[3])
{
    for (int r = 0; r < 3; r++) {
        p[r] = v->affine[r][3];
        for (int i = 0; i < 3; i++) {
            int a = g->axis[i];
            double first = g->flip[i] ? (double)(v->dim[a] - 1) : 0, millimetres = q[i] * spacing[i] / g->input_spacing[i];
            p[r] += v->affine[r][a] * (first + (g->flip[i] ? -millimetres : millimetres));
        }
    }
}

/* numpy.rot90's own words: once, [x][y] comes from [y][n - 1 - x] of the volume before, n its second size. */
static void unrotate(const ctvk_geometry *g, int64_t at[3])
{
    for (int t = g->rotate90; t > 0; t--) {
        int64_t columns = t % 2 ? g->padded[1] : g->padded[0], x = at[0];
        at[0] = at[1];
        at[1] = columns - 1 - x;
    }
}

static void there_and_back(uint64_t seed)
{
    uint64_t state = seed;
    random_volume v = random_volume_make(&state, 10);
    ctvk_prep_desc desc = random_desc(&state);
    linear f = {.offset = 0};
    const int64_t *d = v.view.dim, voxels = d[0] * d[1] * d[2];
    double *image = malloc(sizeof(double) * (size_t)voxels);
    for (int i = 0; i < 3; i++)
        f.gradient[i] = random_real(&state, -1, 1);
    ctvk_volume_view view = v.view;
    view.data = image, view.type = CTVK_SCALAR_FLOAT64, view.slope = 1, view.intercept = 0;
    for (int64_t n = 0; n < voxels; n++) {
        const int64_t at[3] = {n % d[0], n / d[0] % d[1], n / d[0] / d[1]};
        double p[3];
        for (int r = 0; r < 3; r++)
            p[r] = view.affine[r][0] * (double)at[0] + view.affine[r][1] * (double)at[1] + view.affine[r][2] * (double)at[2] +
                   view.affine[r][3];
        image[n] = value_at(&f, p);
    }
    view.stride[0] = 8, view.stride[1] = 8 * d[0], view.stride[2] = 8 * d[0] * d[1];
    desc.antialias = desc.crop_foreground = desc.clip = 0;
    desc.window_hu[0] = 0, desc.window_hu[1] = 1000; /* value = HU / 1000 */
    prepared p;
    CHECK(prepare(NULL, &view, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    const ctvk_geometry *g = &p.geometry;
    int64_t n = g->dim[0] * g->dim[1] * g->dim[2], compared = 0;
    double worst = 0, worst_back = 0;
    float *linear_volume = malloc(sizeof(float) * (size_t)n), *back = malloc(sizeof(float) * (size_t)voxels);
    for (int64_t k = 0; k < n; k++) {
        int64_t at[3] = {k / g->dim[2] / g->dim[1], k / g->dim[2] % g->dim[1], k % g->dim[2]};
        double q[3], ras[3];
        int inside = 1, before_last = 1;
        unrotate(g, at);
        for (int i = 0; i < 3; i++) {
            q[i] = (double)(at[i] - g->pad_first[i]);
            inside &= q[i] >= 0 && q[i] < (double)g->resampled[i];
            before_last &= q[i] * g->spacing[i] <= (double)(d[g->axis[i]] - 1) * g->input_spacing[i];
        }
        position(&view, g, q, g->spacing, ras);
        linear_volume[k] = (float)(value_at(&f, ras) / 1000);
        if (inside && before_last) {
            worst = fmax(worst, fabs((double)p.data[k] - value_at(&f, ras) / 1000));
            compared++;
        } else if (!inside) {
            CHECK(p.data[k] == 0);
        }
    }
    CHECK(compared > 0);
    /* values of some thousand HU through three roundings to float32 */
    CHECK_MSG(worst <= 2e-6, "seed %llu: %g", (unsigned long long)seed, worst);
    const int64_t wide[3] = {4, 4 * d[0], 4 * d[0] * d[1]};
    CHECK(ctvk_restore_probability(NULL, g, linear_volume, 1, back, wide, NULL) == CTVK_OK);
    for (int64_t k = 0; k < voxels; k++) {
        const int64_t at[3] = {k % d[0], k / d[0] % d[1], k / d[0] / d[1]};
        int before_last = 1;
        for (int i = 0; i < 3; i++) {
            int a = g->axis[i];
            int64_t o = g->flip[i] ? d[a] - 1 - at[a] : at[a];
            before_last &= (double)o * g->input_spacing[i] <= (double)(g->resampled[i] - 1) * g->spacing[i];
        }
        if (before_last)
            worst_back = fmax(worst_back, fabs((double)back[k] - image[k] / 1000));
    }
    CHECK_MSG(worst_back <= 2e-6, "seed %llu: %g on the way back", (unsigned long long)seed, worst_back);
    free(linear_volume);
    free(back);
    free(image);
    prepared_free(NULL, &p);
    free(v.memory);
}

int main(void)
{
    for (uint64_t seed = 5000; seed < 5300; seed++)
        there_and_back(seed);
    return check_done("patient_space");
}
