/* What cannot be prepared is refused with a message that names the cause, nothing is leaked, and a cancel takes effect. */
#include "support/check.h"
#include "support/prepared.h"
#include "volume/geometry.h"
#include "volume/random_volume.h"

static int16_t voxels[4 * 5 * 6];

static ctvk_volume_view good_view(void)
{
    ctvk_volume_view v = {voxels, CTVK_SCALAR_INT16, {4, 5, 6}, {2, 8, 40}, 1, 0, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    return v;
}

static ctvk_prep_desc good_desc(void)
{
    ctvk_prep_desc d = {"RAS", 1, 0, {1, 1, 3}, {-1000, 1000}, {0, 1}, 1, 1, 1, 1, {8, 8, 8}};
    return d;
}

static void refused(const ctvk_volume_view *v, const ctvk_prep_desc *d, ctvk_status status, const char *names)
{
    prepared p;
    ctvk_geometry g;
    ctvk_error error = {0, ""};
    ctvk_status found = prepare(NULL, v, d, NULL, NULL, &p, &error);
    CHECK_MSG(found == status && error.status == status, "%s: %d, %s", names, (int)found, error.message);
    CHECK_MSG(strstr(error.message, names) && strchr(error.message, ':') && strchr(error.message, '('), "%s: %s", names, error.message);
    CHECK(p.data == NULL);
    if (v->data && !strstr(names, "voxel ("))
        CHECK(ctvk_geometry_begin(v, d, &g, &error) == status);
    prepared_free(NULL, &p);
}

static void bad_views(void)
{
    const double cut[] = {0, NAN, INFINITY};
    ctvk_prep_desc d = good_desc();
    for (int i = 0; i < 3; i++) {
        ctvk_volume_view v = good_view();
        v.dim[i] = 0;
        refused(&v, &d, CTVK_ERROR_INPUT, "0 voxels");
        v.dim[i] = -3;
        refused(&v, &d, CTVK_ERROR_INPUT, "-3 voxels");
        v.dim[i] = INT64_MAX;
        refused(&v, &d, CTVK_ERROR_INPUT, "axis");
        v.dim[i] = INT32_MAX;
        refused(&v, &d, CTVK_ERROR_INPUT, "more than a CT");
        v = good_view();
        v.stride[i] = INT64_MAX / 2;
        refused(&v, &d, CTVK_ERROR_INPUT, "stride");
        v.stride[i] = INT64_MIN;
        refused(&v, &d, CTVK_ERROR_INPUT, "stride");
        for (int k = 0; k < 3; k++) {
            v = good_view();
            v.affine[i][i] = cut[k];
            refused(&v, &d, CTVK_ERROR_INPUT, "affine");
        }
        v = good_view();
        v.affine[i][3] = NAN;
        refused(&v, &d, CTVK_ERROR_INPUT, "affine");
        v = good_view();
        v.affine[i][i] = 1e12; /* a spacing no scanner has: the resampled grid would not fit any memory */
        refused(&v, &d, CTVK_ERROR_INPUT, "spacing");
        v.affine[i][i] = 1e300;
        refused(&v, &d, CTVK_ERROR_INPUT, "affine");
    }
    ctvk_volume_view v = good_view();
    v.dim[0] = v.dim[1] = v.dim[2] = (int64_t)1 << 31;
    refused(&v, &d, CTVK_ERROR_INPUT, "voxels");
    v.dim[0] = v.dim[1] = v.dim[2] = 2097151;
    refused(&v, &d, CTVK_ERROR_INPUT, "more than a CT");
    for (int k = 0; k < 3; k++) {
        v = good_view();
        v.slope = cut[k];
        refused(&v, &d, CTVK_ERROR_INPUT, "slope");
    }
    v = good_view();
    v.intercept = NAN;
    refused(&v, &d, CTVK_ERROR_INPUT, "intercept");
    v = good_view();
    v.type = 11;
    refused(&v, &d, CTVK_ERROR_ARGUMENT, "type");
    v = good_view();
    v.data = NULL;
    refused(&v, &d, CTVK_ERROR_ARGUMENT, "NULL");
    v = good_view(); /* two axes in one direction */
    v.affine[0][1] = 1, v.affine[1][1] = 0;
    refused(&v, &d, CTVK_ERROR_INPUT, "singular");
}

static void bad_values(void)
{
    static float values[4 * 5 * 6];
    static double doubles[4 * 5 * 6];
    ctvk_prep_desc d = good_desc();
    ctvk_volume_view v = good_view();
    v.data = values, v.type = CTVK_SCALAR_FLOAT32;
    v.stride[0] = 4, v.stride[1] = 16, v.stride[2] = 80;
    values[3 + 2 * 4 + 5 * 20] = NAN;
    refused(&v, &d, CTVK_ERROR_INPUT, "voxel (3, 2, 5) is NaN");
    v.affine[0][0] = -1; /* read from the other end, named as the host knows it */
    refused(&v, &d, CTVK_ERROR_INPUT, "voxel (3, 2, 5) is NaN");
    values[3 + 2 * 4 + 5 * 20] = -INFINITY;
    refused(&v, &d, CTVK_ERROR_INPUT, "voxel (3, 2, 5) is infinite");
    v.data = doubles, v.type = CTVK_SCALAR_FLOAT64;
    v.stride[0] = 8, v.stride[1] = 32, v.stride[2] = 160;
    doubles[7] = 1e200;
    refused(&v, &d, CTVK_ERROR_INPUT, "voxel (3, 1, 0)");
    v = good_view();
    voxels[9] = 12;
    v.slope = 1e38;
    refused(&v, &d, CTVK_ERROR_INPUT, "voxel (1, 2, 0)");
    voxels[9] = 0;
}

static void bad_bundles(void)
{
    ctvk_volume_view v = good_view();
    ctvk_prep_desc d = good_desc();
    d.window_hu[1] = -1000;
    refused(&v, &d, CTVK_ERROR_BUNDLE, "intensity.window");
    d = good_desc();
    d.range[1] = 0;
    refused(&v, &d, CTVK_ERROR_BUNDLE, "intensity.range");
    d = good_desc();
    d.spacing_mm[2] = 0;
    refused(&v, &d, CTVK_ERROR_BUNDLE, "spacing_mm");
    d = good_desc();
    d.window[1] = 0;
    refused(&v, &d, CTVK_ERROR_BUNDLE, "inference.window");
    d = good_desc();
    d.orientation[1] = 'R';
    refused(&v, &d, CTVK_ERROR_BUNDLE, "orientation");
}

typedef struct budget {
    int left, alive;
} budget;

static void *limited_alloc(void *user, size_t bytes)
{
    budget *b = user;
    if (b->left-- <= 0)
        return NULL;
    b->alive++;
    return malloc(bytes);
}

static void counted_free(void *user, void *memory)
{
    ((budget *)user)->alive--;
    free(memory);
}

/* Every allocation fails once; whatever was there is given back. */
static void memory_failures(void)
{
    ctvk_volume_view v = good_view();
    ctvk_prep_desc d = good_desc();
    const int64_t dim[3] = {20, 20, 20}, stride[3] = {1, 4, 20};
    const int32_t window[3] = {8, 8, 8};
    float *classes = calloc(2 * 8 * 8 * 8, sizeof *classes);
    uint8_t out[4 * 5 * 6];
    for (int allowed = 0, succeeded = 0; succeeded < 3 && allowed < 100; allowed++) {
        budget b = {allowed, 0};
        ctvk_host host = {.alloc = limited_alloc, .free = counted_free, .alloc_user = &b};
        prepared p;
        ctvk_windows w;
        ctvk_error error;
        ctvk_geometry g;
        succeeded = 0;
        ctvk_status status = prepare(&host, &v, &d, NULL, NULL, &p, &error);
        CHECK(status == CTVK_OK || status == CTVK_ERROR_HOST_MEMORY);
        succeeded += status == CTVK_OK;
        prepared_free(&host, &p);
        CHECK(b.alive == 0);
        b.left = allowed;
        status = ctvk_windows_plan(&host, dim, window, 0.5, &w, &error);
        CHECK(status == CTVK_OK || status == CTVK_ERROR_HOST_MEMORY);
        succeeded += status == CTVK_OK;
        ctvk_windows_free(&host, &w);
        CHECK(b.alive == 0);
        b.left = allowed;
        CHECK(ctvk_geometry_begin(&v, &d, &g, &error) == CTVK_OK);
        ctvk_geometry_finish(&d, &g);
        status = ctvk_restore_argmax(&host, &g, classes, 2, out, stride, &error);
        CHECK(status == CTVK_OK || status == CTVK_ERROR_HOST_MEMORY);
        succeeded += status == CTVK_OK;
        CHECK(b.alive == 0);
        CHECK(allowed > 0 || succeeded == 0);
    }
    free(classes);
}

static int32_t stop(void *user, double fraction, const char *stage)
{
    CHECK(fraction >= 0 && fraction <= 1 && stage);
    return ++*(int *)user;
}

static void cancelled(void)
{
    ctvk_volume_view v = good_view();
    ctvk_prep_desc d = good_desc();
    prepared p;
    int calls = 0;
    CHECK(prepare(NULL, &v, &d, stop, &calls, &p, NULL) == CTVK_CANCELLED);
    CHECK(calls == 1 && p.data == NULL);
}

int main(void)
{
    bad_views();
    bad_values();
    bad_bundles();
    memory_failures();
    cancelled();
    return check_done("refusals");
}
