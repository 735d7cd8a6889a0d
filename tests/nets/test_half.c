/* A network whose finest skip connection has 16 bits a number beside the same in float32: bit for bit the same up to the block that reads
 * it, whose numbers are off by that rounding and no more, on every kind of device. */
#include "formats/bundle.h"
#include "nets/llmseg.h"
#include "support/golden.h"
#include "support/ops_case.h"

/* As in golden_run.h. */
#define TOLERANCE 2e-4
enum { MAX_TAPS = 24 };

typedef struct taps {
    int count;
    char name[MAX_TAPS][32];
    float *data[MAX_TAPS];
    size_t floats[MAX_TAPS];
    int32_t tiles;
} taps;

static void on_tap(void *user, const char *name, const int32_t shape[4], const float *data)
{
    taps *t = user;
    size_t count = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
    if (t->count == MAX_TAPS)
        return;
    snprintf(t->name[t->count], sizeof t->name[0], "%s", name);
    t->floats[t->count] = count;
    t->data[t->count] = malloc(count * sizeof *data);
    memcpy(t->data[t->count++], data, count * sizeof *data);
}

static void on_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    taps *t = user;
    (void)first;
    (void)tile;
    t->tiles += count;
}

static void taps_free(taps *t)
{
    while (t->count)
        free(t->data[--t->count]);
}

static ctvk_status run(ctvk_gpu *gpu, ctvk_llmseg_desc desc, const ctvk_safetensors *weights, int32_t half, taps *out, ctvk_error *error)
{
    ctvk_llmseg *net = NULL;
    size_t voxels = (size_t)desc.window[0] * (size_t)desc.window[1] * (size_t)desc.window[2];
    float *window = ops_random(voxels, 1, 1), *text = ops_random((size_t)desc.prompts * (size_t)desc.text_dim, 2, 1);
    desc.half = half;
    *out = (taps){0};
    ctvk_status status = ctvk_llmseg_create(gpu, &desc, weights, &(ctvk_llmseg_wanted){0}, &net, error);
    ctvk_llmseg_run job = {
        .window = window, .text = desc.has_text ? text : NULL, .sigma_scale = 0.125, .tap = on_tap, .tile = on_tile, .user = out};
    if (status == CTVK_OK)
        status = ctvk_llmseg_window(net, &job, error);
    ctvk_llmseg_destroy(&net);
    free(window);
    free(text);
    return status;
}

static double distance(const float *got, const float *want, size_t count)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    return sqrt(error / norm);
}

/* window: the case's own, or another one that its weights take as well. */
static void test_taps(const ctvk_bundle_files *bundle, const int32_t window[3], uint32_t mask)
{
    const ctvk_manifest *m = &bundle->manifest;
    const ctvk_llmseg_desc desc = {
        m->in_channels, m->out_channels, m->feature_size, m->has_text, m->text_dim, m->prompts, {window[0], window[1], window[2]}, 0};
    ctvk_gpu *gpu = ops_open(mask);
    taps single, half;
    ctvk_error error = {0};
    ctvk_status status = run(gpu, desc, bundle->weights, 0, &single, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    status = run(gpu, desc, bundle->weights, 1, &half, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(single.count >= 10 && half.count == single.count && half.tiles == window[0]);
    for (int i = 0; i < single.count && i < half.count; i++) {
        int rounded = strcmp(single.name[i], "decoder1") == 0 || strcmp(single.name[i], "out") == 0;
        CHECK(strcmp(single.name[i], half.name[i]) == 0 && single.floats[i] == half.floats[i]);
        double off = distance(half.data[i], single.data[i], single.floats[i]);
        CHECK_MSG(rounded ? off > 1e-6 && off <= TOLERANCE : memcmp(half.data[i], single.data[i], single.floats[i] * sizeof(float)) == 0,
                  "mask %x, %d x %d x %d, %s: distance %.2e", (unsigned)mask, window[0], window[1], window[2], single.name[i], off);
    }
    taps_free(&single);
    taps_free(&half);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    golden_case cases[32];
    int count = golden_cases(cases, 32), found = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(cases[i].name, "one-window") != 0 && strcmp(cases[i].name, "vision-only") != 0)
            continue;
        ctvk_bundle_files *bundle = NULL;
        ctvk_error error = {0};
        CHECK_MSG(ctvk_bundle_open(NULL, cases[i].bundle, NULL, NULL, &bundle, &error) == CTVK_OK, "%s", error.message);
        if (!bundle)
            continue;
        found++;
        test_taps(bundle, bundle->manifest.window, 0);
        test_taps(bundle, bundle->manifest.window, OPS_AS_GPU);
        /* Many blocks of planes, a few, one. */
        test_taps(bundle, (const int32_t[]){160, 32, 64}, CTVK_GPU_MIN_LIMITS);
        test_taps(bundle, (const int32_t[]){32, 64, 32}, CTVK_GPU_NO_TEXEL);
        ctvk_bundle_close(&bundle);
    }
    CHECK_MSG(found == 2, "%d of the repository's cases one-window and vision-only are here", found);
    return gpu_done("half");
}
