/* Times the passes over all voxels of the finest level of the paper's window, in part or whole, on the first device of the loader: both
 * folded cross-attentions and the norm's statistics. Processor and clock, best of a few runs after a warming one (bench_limits tells what a
 * copy takes). Not run by ctest. Usage: ops_bench_passes [x planes [pairs of a token-to-image workgroup]] */
#include "ops/image_to_token.h"
#include "ops/instance_norm.h"
#include "ops/token_to_image.h"
#include "support/conv_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHANNELS = 48, Y = 192, Z = 64, TOKENS = 2, HEADS = 8, RUNS = 7 };

typedef struct bench {
    ctvk_gpu *gpu;
    ctvk_tensor image;
    ctvk_span rows, partials, folded, stats;
    ctvk_token_to_image_plan plan;
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

static void measure(bench *b, const char *name, ctvk_status (*record)(bench *, ctvk_gpu_cmd *, ctvk_error *), double flop)
{
    double wall = 1e30, cpu = 1e30;
    for (int i = 0; i <= RUNS; i++) {
        ctvk_error error = {0};
        ctvk_gpu_cmd *cmd = NULL;
        double clock = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
        ctvk_status status = ctvk_gpu_cmd_begin(b->gpu, NULL, NULL, &cmd, &error);
        status = status ? status : record(b, cmd, &error);
        status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
        ctvk_gpu_cmd_destroy(&cmd);
        clock = now(CLOCK_MONOTONIC) - clock, busy = now(CLOCK_PROCESS_CPUTIME_ID) - busy;
        if (status) {
            fprintf(stderr, "%s\n", error.message);
            exit(1);
        }
        if (i == 0)
            printf("%-16s first %7.1f ms  ", name, clock * 1e3);
        wall = i && clock < wall ? clock : wall;
        cpu = i && busy < cpu ? busy : cpu;
    }
    printf("best %7.1f ms, of the processor %7.1f ms, %5.1f GF/s, %5.1f GF per CPU second\n", wall * 1e3, cpu * 1e3, flop / wall * 1e-9,
           flop / cpu * 1e-9);
}

int main(int argc, char **argv)
{
    int x = argc > 1 ? atoi(argv[1]) : 192, pairs = HEADS * TOKENS, failed = 1;
    double voxels = (double)x * Y * Z;
    conv_device device;
    if (!conv_device_open(&device, 0)) {
        conv_device_close(&device);
        return 1;
    }
    bench b = {.gpu = device.gpu};
    b.plan = ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(b.gpu), pairs, CHANNELS, x, Y, Z);
    if (argc > 2)
        b.plan.group_pairs = atoi(argv[2]);
    ctvk_span voxel_span = {0};
    if (span(b.gpu, (uint64_t)voxels * CHANNELS * 4, &voxel_span) && span(b.gpu, 1 << 16, &b.rows) && span(b.gpu, 1 << 16, &b.folded) &&
        span(b.gpu, ctvk_instance_norm_scratch_bytes(b.gpu, CHANNELS, x, Y, Z), &b.stats) &&
        span(b.gpu, ctvk_token_to_image_bytes(&b.plan, pairs, CHANNELS, x, Y, Z), &b.partials)) {
        b.image = (ctvk_tensor){voxel_span.buffer, 0, CHANNELS, x, Y, Z, 0};
        printf("%s, %d x %d x %d\n", ctvk_gpu_get_info(b.gpu)->name, x, Y, Z);
        measure(&b, "token_to_image", to_image, (4.0 * CHANNELS + 3) * pairs * voxels);
        measure(&b, "image_to_token", to_token, ((4.0 * CHANNELS + 3) * HEADS * (TOKENS - 1) + 10.0 * CHANNELS) * voxels);
        measure(&b, "norm statistics", statistics, 4.0 * CHANNELS * voxels);
        failed = 0;
    }
    ctvk_gpu_buffer_destroy(&voxel_span.buffer);
    ctvk_gpu_buffer_destroy(&b.rows.buffer);
    ctvk_gpu_buffer_destroy(&b.folded.buffer);
    ctvk_gpu_buffer_destroy(&b.partials.buffer);
    ctvk_gpu_buffer_destroy(&b.stats.buffer);
    conv_device_close(&device);
    return failed;
}
