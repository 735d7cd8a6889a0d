#include "selftest/network.h"

#include "nets/llama.h"
#include "selftest/seeded.h"

#include <math.h>
#include <string.h>

/* The project's promise for embeddings and logits. */
#define LIMIT 1e-4
/* The same where the finest skip connection has 16 bits a number. */
#define HALF_LIMIT 2e-4

enum { ROWS = CTVK_TINY_PROMPTS * CTVK_TINY_TOKENS * CTVK_TINY_TEXT, EMBEDDING = CTVK_TINY_PROMPTS * CTVK_TINY_TEXT };

typedef struct trial {
    ctvk_gpu *gpu;
    const ctvk_host *host;
    ctvk_llmseg_desc desc;
    size_t voxels;
    ctvk_gpu_check_fn check;
    void *user;
    float *sums;    /* [classes + 1][voxels]: logits, then weights that are 1 */
    double *answer; /* [classes][voxels] */
    float *window;  /* [voxels] */
    float text[EMBEDDING];
} trial;

static int32_t on_progress(void *user, double fraction)
{
    trial *t = user;
    return t->check ? t->check(t->user, fraction) : 0;
}

/* A tile's planes lie as [plane][class or weight][y][z]. */
static void on_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    trial *t = user;
    size_t area = (size_t)t->desc.window[1] * (size_t)t->desc.window[2], parts = (size_t)t->desc.out_channels + 1;
    for (size_t plane = 0; plane < (size_t)count; plane++)
        for (size_t part = 0; part < parts; part++)
            memcpy(t->sums + part * t->voxels + ((size_t)first + plane) * area, tile + (plane * parts + part) * area, area * sizeof *tile);
}

static void weights_of(void *user, uint64_t first, uint32_t count, float *out)
{
    const trial *t = user;
    memcpy(out, t->sums + (size_t)t->desc.out_channels * t->voxels + first, count * sizeof *out);
}

static ctvk_trial_result relative(const char *name, const float *got, const double *want, size_t count, double limit)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    return (ctvk_trial_result){name, 1, isfinite(error) && norm > 0 ? sqrt(error / norm) : INFINITY, limit};
}

static ctvk_status judge(const trial *t, const ctvk_trial_result *result, ctvk_error *error)
{
    const ctvk_gpu_info *info = ctvk_gpu_get_info(t->gpu);
    if (result->error <= result->limit)
        return CTVK_OK;
    return ctvk_fail(error, CTVK_ERROR_DEVICE,
                     "device %s: driver %s computes the small network %s wrongly: relative error %.3g where at most %.3g is right (update "
                     "the driver or take another device)",
                     info->name, info->driver, result->name, result->error, result->limit);
}

static ctvk_status run_text(trial *t, const ctvk_gguf *file, const float *rows, double *want, ctvk_network_trial *out, ctvk_error *error)
{
    ctvk_llama *llama = NULL;
    ctvk_llama_desc desc;
    ctvk_status status = ctvk_llama_describe(file, &desc, error);
    if (status == CTVK_OK)
        status = ctvk_llama_create(t->gpu, file, &desc, CTVK_TINY_PROMPTS, CTVK_TINY_TOKENS, 0, &llama, error);
    if (status == CTVK_OK)
        status = ctvk_llama_encode(llama, rows, CTVK_TINY_PROMPTS, CTVK_TINY_TOKENS, t->text, on_progress, t, error);
    ctvk_llama_destroy(&llama);
    if (status == CTVK_OK)
        status = ctvk_answer_text(t->host, file, rows, want, error);
    if (status != CTVK_OK)
        return status;
    out->text = relative("llama", t->text, want, EMBEDDING, LIMIT);
    status = judge(t, &out->text, error);
    for (int i = 0; i < EMBEDDING; i++) /* the right one from here on, so that the two nets are judged apart */
        t->text[i] = (float)want[i];
    return status;
}

static ctvk_status text_side(trial *t, ctvk_network_trial *out, ctvk_error *error)
{
    ctvk_tiny_file made;
    ctvk_gguf *file = NULL;
    float *rows = ctvk_alloc(t->host, ROWS * sizeof *rows);
    double want[EMBEDDING];
    ctvk_status status = ctvk_tiny_llama(t->host, &made, error);
    if (!rows && status == CTVK_OK)
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    for (int i = 0; rows && i < ROWS; i++)
        rows[i] = ctvk_seeded_number(71, (uint64_t)i);
    if (status == CTVK_OK)
        status = ctvk_gguf_parse(t->host, made.bytes, made.size, "self-test", CTVK_ERROR_INTERNAL, &file, error);
    if (status == CTVK_OK)
        status = run_text(t, file, rows, want, out, error);
    ctvk_gguf_close(&file);
    ctvk_free(t->host, made.bytes);
    ctvk_free(t->host, rows);
    return status;
}

/* Logits to t->sums; labels may be NULL. */
static ctvk_status run_window(trial *t, int32_t half, const ctvk_safetensors *weights, uint8_t *labels, ctvk_error *error)
{
    ctvk_llmseg *net = NULL;
    ctvk_llmseg_desc desc = t->desc;
    ctvk_llmseg_run run = {.window = t->window,
                           .text = t->text,
                           .sigma_scale = 0.125,
                           .constant_blend = 1,
                           .unchecked = 1, /* it is judged here */
                           .progress = on_progress,
                           .tile = on_tile,
                           .user = t};
    const ctvk_llmseg_classes classes = {
        .sums = t->sums, .voxels = t->voxels, .weights = weights_of, .logits = t->sums, .labels = labels, .user = t};
    desc.half = half;
    ctvk_status status = ctvk_llmseg_create(t->gpu, &desc, weights, &(ctvk_llmseg_wanted){.logits = 1}, &net, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_window(net, &run, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_classify(net, &classes, error);
    ctvk_llmseg_destroy(&net);
    return status;
}

/* One that is wrong does not keep the other from being tried. */
static ctvk_status run_image(trial *t, const ctvk_safetensors *weights, ctvk_network_trial *out, ctvk_error *error)
{
    size_t count = (size_t)t->desc.out_channels * t->voxels;
    ctvk_error second = {0};
    ctvk_status status = run_window(t, 0, weights, out->labels, error);
    if (status == CTVK_OK)
        status = ctvk_answer_image(t->host, &t->desc, weights, t->window, t->text, t->check, t->user, t->answer, error);
    if (status != CTVK_OK)
        return status;
    out->image = relative("llmseg", t->sums, t->answer, count, LIMIT);
    status = judge(t, &out->image, error);
    ctvk_status half = run_window(t, 1, weights, NULL, status == CTVK_OK ? error : &second);
    if (half != CTVK_OK)
        return half;
    out->half = relative("llmseg f16", t->sums, t->answer, count, HALF_LIMIT);
    half = judge(t, &out->half, status == CTVK_OK ? error : &second);
    return status == CTVK_OK ? half : status;
}

/* Smooth blobs over noise, in [0, 1): something for the network to see. */
static void paint(const trial *t)
{
    const int32_t *dim = t->desc.window;
    size_t at = 0;
    for (int32_t x = 0; x < dim[0]; x++)
        for (int32_t y = 0; y < dim[1]; y++)
            for (int32_t z = 0; z < dim[2]; z++, at++) {
                double wave = sin(0.23 * x) * cos(0.17 * y) * sin(0.31 * z + 1);
                t->window[at] = (float)(0.5 + 0.4 * wave + 0.05 * ctvk_seeded_number(72, at));
            }
}

static ctvk_status image_side(trial *t, ctvk_network_trial *out, ctvk_error *error)
{
    ctvk_tiny_file made;
    ctvk_safetensors *weights = NULL;
    size_t classes = (size_t)t->desc.out_channels;
    t->window = ctvk_alloc(t->host, t->voxels * sizeof *t->window);
    t->sums = ctvk_calloc(t->host, (classes + 1) * t->voxels, sizeof *t->sums);
    t->answer = ctvk_alloc(t->host, classes * t->voxels * sizeof *t->answer);
    out->labels = ctvk_alloc(t->host, t->voxels);
    ctvk_status status = ctvk_tiny_weights(t->host, &t->desc, &made, error);
    if (status == CTVK_OK && (!t->window || !t->sums || !t->answer || !out->labels))
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    if (status == CTVK_OK)
        status = ctvk_safetensors_parse(t->host, made.bytes, made.size, "self-test", CTVK_ERROR_INTERNAL, &weights, error);
    if (status == CTVK_OK) {
        paint(t);
        status = run_image(t, weights, out, error);
    }
    ctvk_safetensors_close(&weights);
    ctvk_free(t->host, made.bytes);
    ctvk_free(t->host, t->window);
    ctvk_free(t->host, t->sums);
    ctvk_free(t->host, t->answer);
    return status;
}

ctvk_status ctvk_network_trial_run(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_network_trial *out, ctvk_error *error)
{
    trial t = {.gpu = gpu, .host = ctvk_gpu_host(gpu), .desc = ctvk_tiny_network(), .check = check, .user = user};
    const int32_t *dim = t.desc.window;
    ctvk_error second = {0};
    *out = (ctvk_network_trial){.dim = {dim[2], dim[1], dim[0]}};
    t.voxels = (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
    ctvk_status status = text_side(&t, out, error);
    if (status != CTVK_OK && !out->text.name) /* not a wrong answer */
        return status;
    ctvk_status image = image_side(&t, out, status == CTVK_OK ? error : &second);
    return status == CTVK_OK || (image != CTVK_OK && !out->half.name) ? image : status;
}
