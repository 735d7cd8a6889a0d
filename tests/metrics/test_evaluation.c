/* "ctvk.evaluation" as a host meets it: layouts and types of volumes, grids, names, warnings, cancelling, exhausted memory. */
#include "ctvk/ctvk.h"
#include "support/check.h"

#include <limits.h>
#include <math.h>

enum { X = 11, Y = 9, Z = 7, N = X * Y * Z };
static const ctvk_context_api *contexts;
static const ctvk_evaluation_api *api;
static ctvk_context *context;

static ctvk_volume volume_of(const void *data, ctvk_scalar type)
{
    ctvk_volume v = CTVK_VOLUME_INIT;
    const double affine[12] = {-1, 0, 0, 5, 0, -1.5, 0, 6, 0, 0, 2, 7};
    v.data = data;
    v.type = type;
    v.convention = CTVK_RAS;
    memcpy(v.affine, affine, sizeof affine);
    v.dim[0] = X, v.dim[1] = Y, v.dim[2] = Z;
    return v;
}

/* A box of 3 x 4 x 2 voxels that begins at (x, 2, 3). */
static void draw(uint8_t *out, int x, uint8_t value)
{
    for (int k = 3; k < 5; k++)
        for (int j = 2; j < 6; j++)
            for (int i = x; i < x + 3; i++)
                out[(k * Y + j) * X + i] = value;
}

static const char *message_of(const ctvk_evaluation *e)
{
    static ctvk_text text;
    if (e)
        api->last_error(e, &text);
    else
        contexts->last_error(context, &text);
    return text.data;
}

static ctvk_label_scores first_label(const ctvk_volume *r, const ctvk_volume *p)
{
    ctvk_evaluation *e = NULL;
    ctvk_label_scores s = CTVK_LABEL_SCORES_INIT;
    CHECK_MSG(api->create(context, r, p, NULL, &e) == CTVK_OK, "%s", message_of(NULL));
    CHECK_MSG(api->run(e) == CTVK_OK, "%s", message_of(e));
    CHECK(api->label(e, 0, &s) == CTVK_OK);
    api->destroy(e);
    s.nsd = NULL;
    return s;
}

/* The same maps in every type, with strides of either sign, in LPS, scaled: the same numbers. A box moved by 2 mm. */
static void layouts(void)
{
    static uint8_t r[N], p[N], reversed[N];
    static double wide[N];
    static int16_t scaled[N];
    draw(r, 2, 3);
    draw(p, 4, 3);
    for (int i = 0; i < N; i++) {
        reversed[N - 1 - i] = p[i];
        wide[i] = p[i] + 1e-6;
        scaled[i] = (int16_t)(p[i] * 10 - 50);
    }
    ctvk_volume a = volume_of(r, CTVK_SCALAR_UINT8), b = volume_of(p, CTVK_SCALAR_UINT8);
    ctvk_label_scores s = first_label(&a, &b), t;
    CHECK(s.value == 3 && s.voxels_reference == 24 && s.voxels_prediction == 24 && s.voxels_both == 8 && s.name.length == 0);
    CHECK(fabs(s.dice - 1. / 3) < 1e-12 && fabs(s.iou - 0.2) < 1e-12 && fabs(s.volume_reference_ml - 0.072) < 1e-12);
    CHECK(s.hd_mm == 2 && s.hd95_mm == 2 && s.msd_mm > 0.2 && s.msd_mm < 2);
    b = volume_of(wide, CTVK_SCALAR_FLOAT64);
    t = first_label(&a, &b);
    CHECK(memcmp(&s.value, &t.value, sizeof s.value) == 0 && s.dice == t.dice && s.msd_mm == t.msd_mm && s.hd_mm == t.hd_mm);
    b = volume_of(scaled, CTVK_SCALAR_INT16);
    b.slope = 0.1;
    b.intercept = 5;
    t = first_label(&a, &b);
    CHECK(s.dice == t.dice && s.msd_mm == t.msd_mm);
    b = volume_of(reversed + N - 1, CTVK_SCALAR_UINT8);
    b.stride[0] = -1, b.stride[1] = -X, b.stride[2] = -X * Y;
    t = first_label(&a, &b);
    CHECK(s.dice == t.dice && s.msd_mm == t.msd_mm);
    b = volume_of(p, CTVK_SCALAR_UINT8);
    b.convention = CTVK_LPS;
    for (int i = 0; i < 8; i++)
        b.affine[i] = -b.affine[i];
    t = first_label(&a, &b);
    CHECK(s.dice == t.dice && s.msd_mm == t.msd_mm);
}

static void refused(const ctvk_volume *r, const ctvk_volume *p, const ctvk_evaluation_options *o, ctvk_status status, const char *text)
{
    ctvk_evaluation *e = (ctvk_evaluation *)&status;
    CHECK(api->create(context, r, p, o, &e) == status && e == NULL);
    CHECK_MSG(strstr(message_of(NULL), text), "%s is not in: %s", text, message_of(NULL));
}

static void refusals(void)
{
    static uint8_t zeros[N];
    const ctvk_volume good = volume_of(zeros, CTVK_SCALAR_UINT8);
    ctvk_volume bad;
    ctvk_evaluation_options o = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_evaluation *e;
    o.reference = (ctvk_text){"r.nii", CTVK_STRLEN};
    o.prediction = (ctvk_text){"p.nii and more", 5};
    bad = good, bad.dim[1]--;
    refused(&good, &bad, &o, CTVK_ERROR_INPUT, "r.nii and p.nii: different grids, 11 x 9 x 7 and 11 x 8 x 7");
    bad = good, bad.affine[3] += 0.02;
    refused(&good, &bad, &o, CTVK_ERROR_INPUT, "r.nii and p.nii: different grids");
    refused(&good, &bad, NULL, CTVK_ERROR_INPUT, "reference and prediction: different grids");
    bad = good, bad.affine[10] *= 1.001;
    refused(&good, &bad, &o, CTVK_ERROR_INPUT, "0.012 mm");
    bad = good, bad.affine[0] = 1;
    refused(&good, &bad, &o, CTVK_ERROR_INPUT, "different grids");
    bad = good, bad.affine[1] = 0.01;
    refused(&bad, &bad, &o, CTVK_ERROR_INPUT, "right angles");
    bad = good, bad.data = NULL;
    refused(&good, &bad, &o, CTVK_ERROR_ARGUMENT, "p.nii: volume: no data");
    bad = good, bad.affine[3] = NAN;
    refused(&bad, &good, &o, CTVK_ERROR_INPUT, "r.nii: volume:");
    refused(NULL, &good, &o, CTVK_ERROR_ARGUMENT, "volume");
    const double wrong[3] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++) {
        o.tolerances_mm = wrong + i;
        o.tolerance_count = 1;
        refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "tolerance");
    }
    o.tolerance_count = 33;
    refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "33 tolerances");
    o.tolerance_count = 0;
    ctvk_label_name names[2] = {{1, 0, {"CTV", 3}}, {1, 0, {"CTV", 3}}};
    o.labels = names;
    o.label_count = 2;
    refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "label 1: named twice");
    names[0].value = 0;
    refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "label 0");
    names[0].value = 65536;
    refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "label 65536");
    o.struct_size = 8;
    refused(&good, &good, &o, CTVK_ERROR_ARGUMENT, "struct_size");
    CHECK(api->create(NULL, &good, &good, NULL, &e) == CTVK_ERROR_ARGUMENT);
    CHECK(api->create(context, &good, &good, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(api->run(NULL) == CTVK_ERROR_ARGUMENT && api->progress(NULL) == 0);
    api->destroy(NULL);
    api->cancel(NULL);
}

/* Values that are no labels: the message names the volume and the voxel. */
static void no_labels(void)
{
    static float values[N];
    static const float wrong[] = {-1, 0.5f, 65536, 1e30f, NAN, INFINITY, -INFINITY};
    static uint8_t zeros[N];
    static uint16_t many[N];
    ctvk_volume r = volume_of(zeros, CTVK_SCALAR_UINT8), p = volume_of(values, CTVK_SCALAR_FLOAT32);
    ctvk_evaluation *e;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        values[(3 * Y + 2) * X + 1] = wrong[i];
        CHECK(api->create(context, &r, &p, NULL, &e) == CTVK_OK);
        CHECK(api->run(e) == CTVK_ERROR_INPUT && api->run(e) == CTVK_ERROR_INPUT);
        CHECK_MSG(strstr(message_of(e), "prediction: the value of voxel (1, 2, 3)"), "%s", message_of(e));
        api->destroy(e);
    }
    for (int i = 0; i < N; i++)
        many[i] = (uint16_t)(i < 256 ? i : 0);
    p = volume_of(many, CTVK_SCALAR_UINT16);
    CHECK(api->create(context, &p, &p, NULL, &e) == CTVK_OK && api->run(e) == CTVK_OK); /* 255 labels and the background */
    api->destroy(e);
    many[300] = 60000;
    CHECK(api->create(context, &p, &r, NULL, &e) == CTVK_OK && api->run(e) == CTVK_ERROR_INPUT);
    CHECK(strstr(message_of(e), "more than 255 different values"));
    api->destroy(e);
}

static void names_and_warnings(void)
{
    static uint8_t r[N], p[N];
    const ctvk_label_name names[3] = {{7, 0, {"nowhere\n\xff", 9}}, {2, 0, {"left", CTVK_STRLEN}}, {1, 0, {"both", 4}}};
    const double tolerances[2] = {0, 2.5};
    ctvk_evaluation_options o = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_evaluation *e;
    ctvk_evaluation_info info = CTVK_EVALUATION_INFO_INIT;
    ctvk_text text;
    draw(r, 1, 1);
    draw(p, 1, 1);
    draw(r, 5, 5);
    draw(p, 5, 2);
    const ctvk_volume a = volume_of(r, CTVK_SCALAR_UINT8), b = volume_of(p, CTVK_SCALAR_UINT8);
    o.labels = names;
    o.label_count = 3;
    o.tolerances_mm = tolerances;
    o.tolerance_count = 2;
    CHECK(api->create(context, &a, &b, &o, &e) == CTVK_OK);
    CHECK(api->info(e, &info) == CTVK_ERROR_ARGUMENT && strstr(message_of(e), "run"));
    CHECK(api->step(e) == CTVK_PENDING && api->run(e) == CTVK_OK && api->step(e) == CTVK_OK && api->progress(e) == 1);
    CHECK(api->info(e, &info) == CTVK_OK && info.label_count == 4 && info.tolerance_count == 2 && info.warning_count == 3);
    CHECK(info.tolerances_mm[1] == 2.5 && info.spacing_mm[1] == 1.5 && fabs(info.voxel_ml - 0.003) < 1e-15);
    const int32_t values[4] = {1, 2, 5, 7};
    const char *const wanted[4] = {"both", "left", "", "nowhere ?"};
    for (uint32_t i = 0; i < 4; i++) {
        ctvk_label_scores s = CTVK_LABEL_SCORES_INIT;
        CHECK(api->label(e, i, &s) == CTVK_OK && s.value == values[i] && strcmp(s.name.data, wanted[i]) == 0);
        CHECK(i == 0 || i == 3 ? s.dice == 1 && s.hd_mm == 0 && s.nsd[0] == 1 : s.dice == 0 && isnan(s.hd_mm) && s.nsd[1] == 0);
        CHECK(i == 3 ? isnan(s.iou) : s.iou == s.dice);
    }
    ctvk_label_scores s = CTVK_LABEL_SCORES_INIT;
    CHECK(api->label(e, 4, &s) == CTVK_ERROR_ARGUMENT && api->label(e, 0, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(api->warning(e, 0, &text) == CTVK_OK && strstr(text.data, "label 2 (left): not in the reference"));
    CHECK(api->warning(e, 1, &text) == CTVK_OK && strstr(text.data, "label 5: not in the prediction"));
    CHECK(api->warning(e, 2, &text) == CTVK_OK && strstr(text.data, "label 7 (nowhere ?): in neither"));
    CHECK(api->warning(e, 3, &text) == CTVK_ERROR_ARGUMENT);
    api->destroy(e);
    static const uint8_t zeros[N];
    const ctvk_volume none = volume_of(zeros, CTVK_SCALAR_UINT8);
    CHECK(api->create(context, &none, &none, NULL, &e) == CTVK_OK && api->run(e) == CTVK_OK);
    CHECK(api->info(e, &info) == CTVK_OK && info.label_count == 0 && info.warning_count == 1);
    CHECK(api->warning(e, 0, &text) == CTVK_OK && strstr(text.data, "nothing to compare"));
    api->destroy(e);
}

static int32_t stop_late(void *user, double fraction, const char *stage)
{
    (void)stage;
    return fraction >= *(const double *)user;
}

static void cancelling(void)
{
    static uint8_t r[N];
    draw(r, 2, 1);
    const ctvk_volume a = volume_of(r, CTVK_SCALAR_UINT8);
    ctvk_evaluation_options o = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_evaluation *e;
    const double when[3] = {0, 0.3, 0.7};
    for (int i = 0; i < 3; i++) {
        o.progress = stop_late;
        o.progress_user = (void *)(uintptr_t)&when[i];
        CHECK(api->create(context, &a, &a, &o, &e) == CTVK_OK && api->run(e) == CTVK_CANCELLED && strstr(message_of(e), "cancelled"));
        CHECK(api->progress(e) >= when[i] && api->progress(e) < 1);
        api->destroy(e);
    }
    CHECK(api->create(context, &a, &a, NULL, &e) == CTVK_OK && api->step(e) == CTVK_PENDING);
    api->cancel(e);
    CHECK(api->step(e) == CTVK_CANCELLED);
    api->destroy(e);
}

static void *counted(void *user, size_t bytes)
{
    return --*(int *)user < 0 ? NULL : malloc(bytes);
}

static void give(void *user, void *memory)
{
    (void)user;
    free(memory);
}

/* The n-th allocation fails, for every n that there is. */
static void memory(void)
{
    static uint8_t r[N], p[N];
    draw(r, 2, 1);
    draw(p, 3, 1);
    draw(p, 7, 2);
    const ctvk_volume a = volume_of(r, CTVK_SCALAR_UINT8), b = volume_of(p, CTVK_SCALAR_UINT8);
    ctvk_context *kept = context;
    int done = 0, n = 0;
    for (; !done && n < 100; n++) {
        int left = INT_MAX;
        ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
        ctvk_evaluation *e = NULL;
        desc.alloc = counted;
        desc.free = give;
        desc.alloc_user = &left;
        CHECK(contexts->create(&desc, &context) == CTVK_OK);
        left = n;
        ctvk_status status = api->create(context, &a, &b, NULL, &e);
        if (status == CTVK_OK)
            status = api->run(e);
        done = status == CTVK_OK;
        CHECK_MSG(done || (status == CTVK_ERROR_HOST_MEMORY && strstr(message_of(e), "memory")), "%d: %s", n, message_of(e));
        api->destroy(e);
        contexts->destroy(context);
    }
    CHECK(done && n > 8);
    context = kept;
}

int main(void)
{
    contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    api = ctvk_interface(CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION);
    if (!contexts || !api || contexts->create(NULL, &context) != CTVK_OK)
        return 1;
    layouts();
    refusals();
    no_labels();
    names_and_warnings();
    cancelling();
    memory();
    contexts->destroy(context);
    return check_done("evaluation");
}
