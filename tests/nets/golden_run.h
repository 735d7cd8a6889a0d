/* nets/golden_run.h - one golden case on one device: every tap of the first window, the blended logits of all windows, the label map on the
 * image's grid, all windows twice, bit for bit, and one window by itself. */
#ifndef CTVK_TESTS_GOLDEN_RUN_H
#define CTVK_TESTS_GOLDEN_RUN_H

#include "formats/bundle.h"
#include "nets/golden_window.h"

#include <math.h>

/* Relative L2 error of the logits that the project promises. Taps get the same bound: an error made in one layer shows there first. */
#define GOLDEN_TOLERANCE 1e-4
/* The same of logits and of the last block where the skip connection that it reads has 16 bits a number. All before is float32 as ever. */
#define GOLDEN_HALF_TOLERANCE 2e-4

typedef struct golden_state {
    const ctvk_safetensors *expected;
    uint64_t tap_step; /* taps hold every n-th voxel along each axis */
    const ctvk_windows *windows;
    int64_t index;
    int32_t taps;
    ctvk_sums *sums;
    const char *name;
    double tolerance;
} golden_state;

static inline double relative_l2(const float *a, const float *b, uint64_t n)
{
    double error = 0, norm = 0;
    for (uint64_t i = 0; i < n; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(error / (norm > 0 ? norm : 1));
}

/* Every step-th voxel of data, [c][x][y][z], along each axis. out has room for want's count. */
static inline void pick(const float *data, const uint64_t dim[3], uint64_t step, const ctvk_st_tensor *want, float *out)
{
    for (uint64_t c = 0; c < want->shape[0]; c++)
        for (uint64_t x = 0; x < want->shape[1]; x++)
            for (uint64_t y = 0; y < want->shape[2]; y++)
                for (uint64_t z = 0; z < want->shape[3]; z++)
                    *out++ = data[((c * dim[0] + x * step) * dim[1] + y * step) * dim[2] + z * step];
}

/* Taps that the case holds. */
static inline int taps_of(const ctvk_safetensors *expected)
{
    int taps = 0;
    for (uint64_t i = 0; i < ctvk_safetensors_count(expected); i++)
        taps += strncmp(ctvk_safetensors_at(expected, i)->name, "first_window.", 13) == 0;
    return taps;
}

/* The step with which `want` was cut from a volume of this size; 0: none gives its shape. */
static inline uint64_t step_of(const ctvk_st_tensor *want, const uint64_t dim[3])
{
    for (uint64_t step = 1; step <= 8; step++) {
        int fits = want->rank == 4;
        for (int i = 0; i < 3; i++)
            fits = fits && (dim[i] + step - 1) / step == want->shape[i + 1];
        if (fits)
            return step;
    }
    return 0;
}

static inline void on_tap(void *user, const char *name, const int32_t shape[4], const float *data)
{
    golden_state *s = user;
    char full[64];
    snprintf(full, sizeof full, "first_window.%s", name);
    const ctvk_st_tensor *want = ctvk_safetensors_find(s->expected, full);
    if (!want)
        return;
    uint64_t dim[3] = {(uint64_t)shape[1], (uint64_t)shape[2], (uint64_t)shape[3]}, step = s->tap_step;
    int fits = want->rank == 4 && want->shape[0] == (uint64_t)shape[0];
    for (int i = 0; i < 3; i++)
        fits = fits && (dim[i] + step - 1) / step == want->shape[i + 1];
    CHECK_MSG(fits, "%s %s: shape", s->name, name);
    if (!fits)
        return;
    float *a = malloc(want->count * sizeof *a), *b = malloc(want->count * sizeof *b);
    ctvk_st_to_f32(want, 0, want->count, b);
    pick(data, dim, step, want, a);
    double error = relative_l2(a, b, want->count);
    int rounded = strcmp(name, "decoder1") == 0 || strcmp(name, "out") == 0;
    CHECK_MSG(error <= (rounded ? s->tolerance : GOLDEN_TOLERANCE), "%s %s: relative L2 error %.2e", s->name, name, error);
    s->taps++;
    free(a);
    free(b);
}

static inline void on_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    golden_state *s = user;
    ctvk_sums_add(s->sums, s->index, first, count, tile);
}

/* What is left of the last window's logits on the device, where there is no tile. */
typedef enum golden_left { GOLDEN_LOGITS, GOLDEN_LABELS, GOLDEN_PROBABILITIES } golden_left;

static inline void run_windows(ctvk_llmseg *net, const ctvk_manifest *m, golden_state *s, const float *volume, const float *text, int taps,
                               ctvk_llmseg_tile_fn tile, golden_left left)
{
    ctvk_error error = {0};
    float *window = malloc((size_t)m->window[0] * (size_t)m->window[1] * (size_t)m->window[2] * sizeof *window);
    ctvk_preparer *preparer = NULL;
    CHECK_MSG(prepare_nothing(volume, s->windows->dim, &preparer, &error) == CTVK_OK, "%s: %s", s->name, error.message);
    int64_t total = !preparer ? 0 : s->windows->count[0] * s->windows->count[1] * s->windows->count[2];
    for (s->index = 0; s->index < total; s->index++) {
        CHECK(ctvk_window_read(s->windows, s->index, preparer, 0, m->window[0], window, &error) == CTVK_OK);
        ctvk_llmseg_run run = {.window = window,
                               .text = text,
                               .sigma_scale = m->sigma_scale,
                               .constant_blend = !m->gaussian,
                               .tile = tile,
                               .labels = left == GOLDEN_LABELS,
                               .probabilities = left == GOLDEN_PROBABILITIES,
                               .user = s};
        if (taps && s->index == 0)
            run.tap = on_tap;
        ctvk_status status = ctvk_llmseg_window(net, &run, &error);
        CHECK_MSG(status == CTVK_OK, "%s: %s", s->name, error.message);
    }
    ctvk_preparer_close(&preparer);
    free(window);
}

/* What a case gave: the logits' error and every sum of the windows (OWNED: free). */
typedef struct golden_outcome {
    double error;
    float *sums;
    uint64_t count;
} golden_outcome;

/* out: NULL where the checks and the printed line are all that is wanted; else the windows are run once. */
static inline void golden_run(ctvk_gpu *gpu, const golden_case *c, int32_t half, golden_outcome *out)
{
    const double tolerance = half ? GOLDEN_HALF_TOLERANCE : GOLDEN_TOLERANCE;
    ctvk_error error = {0};
    ctvk_bundle_files *bundle = NULL;
    ctvk_safetensors *expected = NULL, *embedding = NULL;
    ctvk_llmseg *net = NULL;
    ctvk_windows windows = {0};
    char path[1024];
    CHECK_MSG(ctvk_bundle_open(NULL, c->bundle, NULL, NULL, &bundle, &error) == CTVK_OK, "%s: %s", c->name, error.message);
    snprintf(path, sizeof path, "%s/expected.safetensors", c->folder);
    CHECK_MSG(ctvk_safetensors_open(NULL, path, CTVK_ERROR_INPUT, &expected, &error) == CTVK_OK, "%s: %s", c->name, error.message);
    if (!bundle || !expected)
        goto done;
    const ctvk_manifest *m = &bundle->manifest;
    ctvk_llmseg_desc desc = {m->in_channels,
                             m->out_channels,
                             m->feature_size,
                             m->has_text,
                             m->text_dim,
                             m->prompts,
                             {m->window[0], m->window[1], m->window[2]},
                             half};
    float *text = NULL;
    if (m->has_text) {
        snprintf(path, sizeof path, "%s/text_embedding.safetensors", c->folder);
        CHECK_MSG(ctvk_safetensors_open(NULL, path, CTVK_ERROR_INPUT, &embedding, &error) == CTVK_OK, "%s: %s", c->name, error.message);
        const ctvk_st_tensor *t = embedding ? ctvk_safetensors_find(embedding, "text_embedding") : NULL;
        CHECK(t && t->count == (uint64_t)m->prompts * (uint64_t)m->text_dim);
        if (!t)
            goto done;
        text = malloc(t->count * sizeof *text);
        ctvk_st_to_f32(t, 0, t->count, text);
    }
    const ctvk_st_tensor *input = ctvk_safetensors_find(expected, "input"), *logits = ctvk_safetensors_find(expected, "logits");
    CHECK(input && logits);
    ctvk_status status = ctvk_llmseg_create(gpu, &desc, bundle->weights, &(ctvk_llmseg_wanted){0}, &net, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", c->name, error.message);
    if (input && logits && net) {
        int64_t dim[3] = {(int64_t)input->shape[1], (int64_t)input->shape[2], (int64_t)input->shape[3]};
        uint64_t voxels = input->count;
        float *volume = malloc(voxels * sizeof *volume), *want = malloc(logits->count * sizeof *want);
        float *got = malloc((size_t)m->out_channels * voxels * sizeof *got);
        ctvk_st_to_f32(input, 0, voxels, volume);
        ctvk_st_to_f32(logits, 0, logits->count, want);
        ctvk_sums sums, again;
        CHECK(ctvk_windows_plan(NULL, dim, m->window, m->overlap, &windows, &error) == CTVK_OK);
        CHECK(ctvk_sums_make(NULL, &windows, m->out_channels, &sums, &error) == CTVK_OK &&
              ctvk_sums_make(NULL, &windows, m->out_channels, &again, &error) == CTVK_OK);
        /* The network's output has the window's size: the step of the taps follows from it (at a small level it would not be unique). */
        const ctvk_st_tensor *last = ctvk_safetensors_find(expected, "first_window.out");
        const uint64_t window_dim[3] = {(uint64_t)m->window[0], (uint64_t)m->window[1], (uint64_t)m->window[2]};
        golden_state s = {expected, last ? step_of(last, window_dim) : 0, &windows, 0, 0, &sums, c->name, tolerance};
        run_windows(net, m, &s, volume, text, s.tap_step != 0, on_tile, GOLDEN_LOGITS);
        CHECK_MSG(s.taps == taps_of(expected) && (!last || s.taps >= 10), "%s: %d taps of %d", c->name, s.taps, taps_of(expected));
        s.sums = &again;
        if (!out)
            run_windows(net, m, &s, volume, text, 0, on_tile, GOLDEN_LOGITS);
        CHECK_MSG(out || memcmp(sums.logits, again.logits, (size_t)m->out_channels * voxels * sizeof(float)) == 0, "%s: two runs differ",
                  c->name);
        ctvk_llmseg_classes wanted = {.sums = sums.logits, .voxels = voxels, .weights = golden_weights, .logits = got, .user = &sums};
        status = ctvk_llmseg_classify(net, &wanted, &error);
        CHECK_MSG(status == CTVK_OK, "%s: %s", c->name, error.message);
        const uint64_t full[3] = {input->shape[1], input->shape[2], input->shape[3]};
        uint64_t step = step_of(logits, full);
        CHECK_MSG(step && logits->shape[0] == (uint64_t)m->out_channels, "%s logits: shape", c->name);
        if (step)
            pick(got, full, step, logits, got);
        double e = step ? relative_l2(got, want, logits->count) : INFINITY;
        CHECK_MSG(e <= tolerance, "%s logits: relative L2 error %.2e", c->name, e);
        printf("%-24s taps %2d, logits relative L2 error %.2e", c->name, s.taps, e);
        if (windows.count[0] * windows.count[1] * windows.count[2] == 1) {
            run_windows(net, m, &s, volume, text, 0, NULL, GOLDEN_LOGITS);
            golden_classes alone = golden_window_check(c->name, net, &sums);
            run_windows(net, m, &s, volume, text, 0, NULL, GOLDEN_LABELS);
            golden_labels_check(c->name, net, &alone);
            run_windows(net, m, &s, volume, text, 0, NULL, GOLDEN_PROBABILITIES);
            golden_probabilities_check(c->name, net, &alone);
            golden_classes_free(&alone);
        }
        golden_label_check(c, m, net, &sums, voxels, half ? GOLDEN_HALF_LABELS_DIFFER : GOLDEN_LABELS_DIFFER);
        printf("\n");
        if (out) {
            *out = (golden_outcome){e, sums.logits, (uint64_t)m->out_channels * voxels};
            sums.logits = NULL;
        }
        free(volume);
        free(want);
        ctvk_sums_free(NULL, &sums);
        ctvk_sums_free(NULL, &again);
        free(got);
    }
    free(text);
done:
    ctvk_windows_free(NULL, &windows);
    ctvk_llmseg_destroy(&net);
    ctvk_safetensors_close(&embedding);
    ctvk_safetensors_close(&expected);
    ctvk_bundle_close(&bundle);
}

#endif
