/* Times the passes over all voxels of the finest level of the paper's window, in part or whole, on the first device of the loader: both
 * folded cross-attentions, the norm's statistics, and the last layer with what becomes of its logits, by itself and in one. Processor and
 * clock, medians of rounds in turns after a warming one (bench_limits tells what a copy takes). Not run by ctest. Usage: ops_bench_passes
 * [x planes [pairs of a token-to-image workgroup]] */
#include "ops/classify.h"
#include "ops/image_to_token.h"
#include "ops/instance_norm.h"
#include "ops/token_to_image.h"
#include "ops/transp_conv3d.h"
#include "support/conv_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHANNELS = 48, Y = 192, Z = 64, TOKENS = 2, HEADS = 8, CLASSES = 2, ROUNDS = 9 };
static const ctvk_transp_conv3d last = {CHANNELS, CLASSES, 1};

typedef struct bench {
    ctvk_gpu *gpu;
    ctvk_tensor image;
    ctvk_span rows, partials, folded, stats;
    ctvk_token_to_image_plan plan;
    ctvk_tensor logits, soft;
    ctvk_span weights, words, labels, not_finite;
} bench;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Filled with one bit pattern: no denormals, no NaN. */
static int span(ctvk_gpu *gpu, uint64_t bytes, ctvk_span *out)
{
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = NULL;
    *out = (ctvk_span){0, 0, bytes};
    ctvk_status status = ctvk_gpu_buffer_create(gpu, bytes, CTVK_GPU_MEMORY_DEVICE, "bench", &out->buffer, &error);
    status = status ? status : ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, &error);
    status = status ? status : ctvk_gpu_cmd_fill(cmd, out->buffer, 0, bytes, 0x3c000000u, &error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status)
        fprintf(stderr, "%s\n", error.message);
    return status == CTVK_OK;
}

static ctvk_status to_image(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    const ctvk_tokens tokens = {cmd, b->gpu, b->rows};
    return ctvk_token_to_image_record(&tokens, &b->plan, &b->image, HEADS * TOKENS, 0, HEADS * TOKENS * CHANNELS, &b->partials, error);
}

static ctvk_status to_token(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    int32_t variant = ctvk_image_to_token_variant(ctvk_gpu_get_caps(b->gpu), TOKENS - 1, CHANNELS);
    return ctvk_image_to_token_record(cmd, b->gpu, variant, &b->image, TOKENS - 1, &b->folded, error);
}

static ctvk_status statistics(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    return ctvk_instance_norm_stats(cmd, b->gpu, &b->image, &b->stats, error);
}

static ctvk_status record_last(bench *b, ctvk_gpu_cmd *cmd, const ctvk_tensor *out, const ctvk_span *words, ctvk_error *error)
{
    const ctvk_span *norm = ctvk_transp_conv3d_normalises(b->gpu, &last) ? &b->stats : NULL;
    const ctvk_transp_conv3d_job job = {.cmd = cmd,
                                        .gpu = b->gpu,
                                        .conv = &last,
                                        .in = &b->image,
                                        .norm = norm,
                                        .weights = &b->weights,
                                        .out = out,
                                        .words = words,
                                        .count = b->image.x};
    return ctvk_transp_conv3d_record(&job, error);
}

static ctvk_status to_logits(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    return record_last(b, cmd, &b->logits, NULL, error);
}

static ctvk_status to_softmax(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    const ctvk_classify op = {CLASSES, 0, CTVK_CLASSIFY_PROBABILITIES};
    return ctvk_classify_record(cmd, b->gpu, &op, &b->logits, 0, b->logits.x, &b->labels, &b->soft, &b->not_finite, error);
}

static ctvk_status to_probabilities(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    return record_last(b, cmd, &b->soft, &b->words, error);
}

static ctvk_status to_labels(bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    return record_last(b, cmd, NULL, &b->words, error);
}

typedef struct pass {
    const char *name;
    ctvk_status (*record)(bench *, ctvk_gpu_cmd *, ctvk_error *);
    double flop; /* of a voxel of the image */
    double first, wall[ROUNDS], cpu[ROUNDS];
} pass;

/* round -1: the warming one. */
static void run_pass(bench *b, pass *p, int round)
{
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = NULL;
    double clock = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
    ctvk_status status = ctvk_gpu_cmd_begin(b->gpu, NULL, NULL, &cmd, &error);
    status = status ? status : p->record(b, cmd, &error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
    ctvk_gpu_cmd_destroy(&cmd);
    clock = now(CLOCK_MONOTONIC) - clock, busy = now(CLOCK_PROCESS_CPUTIME_ID) - busy;
    if (status) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    if (round < 0)
        p->first = clock;
    else
        p->wall[round] = clock, p->cpu[round] = busy;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void measure(bench *b, double voxels)
{
    pass passes[] = {{.name = "token_to_image", .record = to_image, .flop = (4.0 * CHANNELS + 3) * HEADS * TOKENS},
                     {.name = "image_to_token", .record = to_token, .flop = (4.0 * CHANNELS + 3) * HEADS * (TOKENS - 1) + 10.0 * CHANNELS},
                     {.name = "norm statistics", .record = statistics, .flop = 4.0 * CHANNELS},
                     {.name = "logits", .record = to_logits, .flop = 16.0 * CHANNELS * CLASSES},
                     {.name = "their softmax", .record = to_softmax, .flop = 8.0 * 5 * CLASSES},
                     {.name = "probabilities", .record = to_probabilities, .flop = 16.0 * CHANNELS * CLASSES + 8.0 * 4 * CLASSES},
                     {.name = "labels", .record = to_labels, .flop = 16.0 * CHANNELS * CLASSES}};
    const int count = sizeof passes / sizeof *passes;
    for (int round = -1; round < ROUNDS; round++)
        for (int i = 0; i < count; i++)
            run_pass(b, &passes[i], round);
    for (int i = 0; i < count; i++) {
        pass *p = &passes[i];
        qsort(p->wall, ROUNDS, sizeof *p->wall, by_size);
        qsort(p->cpu, ROUNDS, sizeof *p->cpu, by_size);
        const double wall = p->wall[ROUNDS / 2], cpu = p->cpu[ROUNDS / 2], flop = p->flop * voxels;
        printf("%-16s first %7.1f ms, then %7.1f ms, of the processor %7.1f ms, %5.1f GF/s, %5.1f GF per CPU second\n", p->name,
               p->first * 1e3, wall * 1e3, cpu * 1e3, flop / wall * 1e-9, flop / cpu * 1e-9);
    }
}

/* What the last layer reads and writes. */
static int make_last(bench *b, int x, double voxels)
{
    const uint64_t bytes = (uint64_t)voxels * 8 * CLASSES * sizeof(float);
    ctvk_span logits, soft;
    if (!span(b->gpu, bytes, &logits) || !span(b->gpu, bytes, &soft))
        return 0;
    b->logits = (ctvk_tensor){logits.buffer, 0, CLASSES, 2 * x, 2 * Y, 2 * Z, 0};
    b->soft = b->logits;
    b->soft.buffer = soft.buffer;
    return span(b->gpu, ctvk_transp_conv3d_weight_bytes(b->gpu, &last), &b->weights) &&
           span(b->gpu, (uint64_t)voxels * sizeof(uint32_t), &b->words) && span(b->gpu, (uint64_t)voxels * 8, &b->labels) &&
           span(b->gpu, 256, &b->not_finite);
}

static void destroy(bench *b)
{
    ctvk_gpu_buffer **const all[] = {&b->image.buffer, &b->rows.buffer,   &b->partials.buffer,  &b->folded.buffer,
                                     &b->stats.buffer, &b->logits.buffer, &b->soft.buffer,      &b->weights.buffer,
                                     &b->words.buffer, &b->labels.buffer, &b->not_finite.buffer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ctvk_gpu_buffer_destroy(all[i]);
}

int main(int argc, char **argv)
{
    int x = argc > 1 ? atoi(argv[1]) : 192;
    double voxels = (double)x * Y * Z;
    conv_device device;
    if (!conv_device_open(&device, 0)) {
        conv_device_close(&device);
        return 1;
    }
    bench b = {.gpu = device.gpu};
    b.plan = ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(b.gpu), HEADS * TOKENS, CHANNELS, x, Y, Z);
    if (argc > 2)
        b.plan.group_pairs = atoi(argv[2]);
    ctvk_span image = {0};
    int made = span(b.gpu, (uint64_t)voxels * CHANNELS * 4, &image) && span(b.gpu, 1 << 16, &b.rows) && span(b.gpu, 1 << 16, &b.folded) &&
               span(b.gpu, ctvk_instance_norm_scratch_bytes(b.gpu, CHANNELS, x, Y, Z), &b.stats) &&
               span(b.gpu, ctvk_token_to_image_bytes(&b.plan, HEADS * TOKENS, CHANNELS, x, Y, Z), &b.partials);
    b.image = (ctvk_tensor){image.buffer, 0, CHANNELS, x, Y, Z, 0};
    made = made && make_last(&b, x, voxels);
    if (made) {
        printf("%s, %d x %d x %d\n", ctvk_gpu_get_info(b.gpu)->name, x, Y, Z);
        measure(&b, voxels);
    }
    destroy(&b);
    conv_device_close(&device);
    return !made;
}
