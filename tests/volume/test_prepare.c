/* Steps 1 to 6 on random volumes against ref/volume.c: every scalar type, layout, orientation, oblique affine, spacing, crop, padding and
 * rotation. Tolerance 1e-6 of the range: values to 1,500 HU pass through at most three roundings to float32 (6e-8 each). */
#include "support/check.h"
#include "support/prepared.h"
#include "ref/volume.h"
#include "volume/random_volume.h"

static int same_geometry(const ctvk_geometry *g, const ref_geometry *r)
{
    int same = g->empty == r->empty && g->rotate90 == r->turns;
    for (int i = 0; i < 3; i++) {
        same &= g->axis[i] == r->axis[i] && g->flip[i] == r->flip[i] && g->resampled[i] == r->resampled[i] && g->dim[i] == r->dim[i];
        if (!g->empty)
            same &= g->crop_first[i] == r->first[i] && g->crop_dim[i] == r->count[i] && g->pad_first[i] == r->before[i];
    }
    return same;
}

/* Any block is, bit for bit, that part of the whole, and nothing beside it is written. */
static void blocks(uint64_t *state, const ctvk_volume_view *in, const ctvk_prep_desc *desc, const prepared *whole)
{
    ctvk_preparer *preparer = NULL;
    const int64_t *dim = whole->geometry.dim;
    CHECK(ctvk_preparer_open(NULL, in, desc, NULL, NULL, &preparer, NULL) == CTVK_OK);
    for (int n = 0; n < 4; n++) {
        int64_t first[3], count[3], wrong = 0;
        for (int i = 0; i < 3; i++) {
            first[i] = random_int(state, 0, dim[i] - 1);
            count[i] = random_int(state, 1, dim[i] - first[i]);
        }
        const int64_t stride[2] = {(count[1] + 1) * (count[2] + 2), count[2] + 2}, size = count[0] * stride[0];
        float *out = malloc(sizeof(float) * (size_t)size);
        for (int64_t i = 0; i < size; i++)
            out[i] = -77;
        CHECK(ctvk_preparer_block(preparer, first, count, stride, out, NULL) == CTVK_OK);
        for (int64_t i = 0; i < size; i++) {
            int64_t x = i / stride[0], y = i % stride[0] / stride[1], z = i % stride[1];
            int inside = y < count[1] && z < count[2];
            wrong += out[i] != (inside ? whole->data[((x + first[0]) * dim[1] + y + first[1]) * dim[2] + z + first[2]] : -77);
        }
        CHECK_MSG(wrong == 0, "block at (%lld, %lld, %lld): %lld of %lld values differ", (long long)first[0], (long long)first[1],
                  (long long)first[2], (long long)wrong, (long long)size);
        free(out);
    }
    ctvk_preparer_close(&preparer);
    CHECK(preparer == NULL);
}

static void compare(uint64_t seed)
{
    uint64_t state = seed;
    random_volume v = random_volume_make(&state, 11);
    ctvk_prep_desc desc = random_desc(&state);
    prepared p;
    ref_geometry r;
    ctvk_error error = {0, ""};
    double *expected = ref_prepare(&v.view, &desc, &r);
    ctvk_status status = prepare(NULL, &v.view, &desc, NULL, NULL, &p, &error);
    CHECK_MSG(status == CTVK_OK, "seed %llu: %s", (unsigned long long)seed, error.message);
    CHECK_MSG(status || same_geometry(&p.geometry, &r), "seed %llu: geometry differs", (unsigned long long)seed);
    double worst = 0;
    for (int64_t n = 0; !status && n < r.dim[0] * r.dim[1] * r.dim[2]; n++) {
        double difference = fabs((double)p.data[n] - expected[n]);
        if (!(difference <= worst))
            worst = difference;
    }
    CHECK_MSG(worst <= 1e-6, "seed %llu: differs by %g", (unsigned long long)seed, worst);
    if (!status)
        blocks(&state, &v.view, &desc, &p);
    prepared_free(NULL, &p);
    CHECK(p.data == NULL);
    free(expected);
    free(v.memory);
}

/* A volume of one HU value per voxel along x only, 1 mm, RAS. */
static ctvk_volume_view line(const float *hu, int64_t n, double spacing)
{
    ctvk_volume_view v = {hu, CTVK_SCALAR_FLOAT32, {n, 1, 1}, {4, 4, 4}, 1, 0, {{spacing, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    return v;
}

static const ctvk_prep_desc plain = {
    .orientation = "RAS", .spacing_mm = {1, 1, 1}, .window_hu = {0, 10}, .range = {0, 1}, .clip = 1, .window = {1, 1, 1}};

/* Numbers worked out by hand. */
static void by_hand(void)
{
    const float hu[4] = {1, 2, 4, 8};
    prepared p;
    ctvk_prep_desc desc = plain;
    ctvk_volume_view v = line(hu, 4, 2);
    desc.has_spacing = 1;
    desc.spacing_mm[0] = 3; /* n' = round(3 * 2 / 3) + 1 = 3: voxels 0, 1.5, 3 */
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(p.geometry.dim[0] == 3 && p.data[0] == 0.1f && fabs(p.data[1] - 0.3) < 1e-7 && p.data[2] == 0.8f);
    prepared_free(NULL, &p);
    desc.antialias = 1; /* radius 1.5 voxels: sample 0 = (1 * 1 + 2 / 3) / (4 / 3); sample 1 = (2 + 4) / 2 */
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(fabs(p.data[0] - 0.125) < 1e-7 && fabs(p.data[1] - 0.3) < 1e-7 && fabs(p.data[2] - 0.7) < 1e-7);
    prepared_free(NULL, &p);
    desc.antialias = 0;
    v = line(hu, 4, 2.5); /* 3 * 2.5 / 3 = 2.5: a half goes to the even number, 2 + 1 voxels at 0, 1.2, 2.4 */
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(p.geometry.dim[0] == 3 && fabs(p.data[1] - 0.24) < 1e-7 && fabs(p.data[2] - 0.56) < 1e-7);
    prepared_free(NULL, &p);
    desc.spacing_mm[0] = 2; /* 3.75 -> 4 + 1 voxels at 0, 0.8, 1.6, 2.4, 3.2: the last voxel is repeated */
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(p.geometry.dim[0] == 5 && p.data[4] == 0.8f);
    prepared_free(NULL, &p);
    /* A float32 affine's idea of the same spacing is not resampled. */
    v = line(hu, 4, (double)(2 * 0.99999994f));
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(!p.geometry.resample && p.geometry.dim[0] == 4 && p.data[2] == 0.4f);
    prepared_free(NULL, &p);
}

/* Zero padding: floor(n / 2) before, the rest after, then numpy.rot90 once. */
static void padding_by_hand(void)
{
    const float hu[3] = {1, 2, 4};
    prepared p;
    ctvk_prep_desc desc = plain;
    ctvk_volume_view v = line(hu, 3, 1);
    desc.pad_to_window = desc.rotate90 = 1;
    desc.window[0] = 6;
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(p.geometry.dim[0] == 1 && p.geometry.dim[1] == 6);
    CHECK(p.data[0] == 0 && p.data[1] == 0.1f && p.data[2] == 0.2f && p.data[3] == 0.4f && p.data[4] == 0 && p.data[5] == 0);
    prepared_free(NULL, &p);
}

/* Nothing above the window's lower end: one window of zeros. */
static void empty(void)
{
    const float hu[3] = {-5, 0, -1};
    prepared p;
    ctvk_prep_desc desc = plain;
    ctvk_volume_view v = line(hu, 3, 1);
    desc.crop_foreground = desc.rotate90 = 1;
    desc.window[0] = 4, desc.window[1] = 2, desc.window[2] = 3;
    CHECK(prepare(NULL, &v, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    CHECK(p.geometry.empty && p.geometry.dim[0] == 4 && p.geometry.dim[1] == 2 && p.geometry.dim[2] == 3);
    for (int i = 0; i < 24; i++)
        CHECK(p.data[i] == 0);
    uint8_t labels[24], out[3] = {9, 9, 9};
    int64_t stride[3] = {1, 1, 1};
    memset(labels, 1, sizeof labels);
    ctvk_restore_label(&p.geometry, labels, out, stride);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
    float probability[3], inner[24] = {0};
    int64_t wide[3] = {4, 4, 4};
    CHECK(ctvk_restore_probability(NULL, &p.geometry, inner, 0, probability, wide, NULL) == CTVK_OK);
    CHECK(probability[0] == 1 && probability[2] == 1);
    prepared_free(NULL, &p);
}

int main(void)
{
    by_hand();
    padding_by_hand();
    empty();
    for (uint64_t seed = 1; seed <= 300; seed++)
        compare(seed);
    return check_done("prepare");
}
