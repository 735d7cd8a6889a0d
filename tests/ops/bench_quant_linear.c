/* Times all products with packed weights that SmolLM2-135M needs (30 layers, 106 M weights) on the first device of the loader: median
 * and best of some runs after a warming one, GF/s of the useful sums. Not run by ctest. Usage:
 * ops_bench_quant_linear [rows [type [family]]]: 66 rows, type 3 (Q4_1), the family that the device gets. */
#include "ops/quant_linear_plan.h"
#include "support/conv_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LAYERS = 30, MATRICES = 7, RUNS = 15, WIDEST = 1536 };
static const int shapes[MATRICES][2] = {{576, 576}, {576, 192}, {576, 192}, {576, 576}, {576, 1536}, {576, 1536}, {1536, 576}};

static double seconds(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Zeros: no subnormals, no NaN. */
static int zeros(ctvk_gpu *gpu, uint64_t bytes, ctvk_span *span)
{
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = NULL;
    *span = (ctvk_span){NULL, 0, bytes < 256 ? 256 : bytes};
    ctvk_status status = ctvk_gpu_buffer_create(gpu, span->bytes, CTVK_GPU_MEMORY_DEVICE, "bench", &span->buffer, &error);
    status = status ? status : ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, &error);
    status = status ? status : ctvk_gpu_cmd_fill(cmd, span->buffer, 0, span->bytes / 4 * 4, 0, &error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status)
        fprintf(stderr, "%s\n", error.message);
    return status == CTVK_OK;
}

typedef struct bench {
    ctvk_gpu *gpu;
    ctvk_quant_linear_plan plan;
    int type, rows;
    ctvk_span weights, in, out, scratch;
} bench;

static int record_layer(const bench *b, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < MATRICES && !status; i++) {
        ctvk_quant_linear op = {b->type, shapes[i][0], shapes[i][1]};
        ctvk_quant_linear_job job = {cmd, b->gpu, &op, &b->weights, &b->in, &b->out, &b->scratch, b->rows, WIDEST, WIDEST, 0};
        status = ctvk_quant_linear_plan_record(&b->plan, &job, error);
    }
    return status;
}

static double run(const bench *b)
{
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = NULL;
    double start = seconds(CLOCK_MONOTONIC);
    ctvk_status status = ctvk_gpu_cmd_begin(b->gpu, NULL, NULL, &cmd, &error);
    for (int layer = 0; layer < LAYERS && !status; layer++)
        status = record_layer(b, cmd, &error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    return seconds(CLOCK_MONOTONIC) - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const bench *b)
{
    double times[RUNS], weights = 0, first = run(b), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    int runs = 0;
    for (double spent = 0; runs < RUNS && (runs < 3 || spent < 10); runs++) {
        times[runs] = run(b);
        spent += times[runs];
    }
    cpu = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / runs;
    qsort(times, (size_t)runs, sizeof times[0], ascending);
    for (int i = 0; i < MATRICES; i++)
        weights += (double)LAYERS * shapes[i][0] * shapes[i][1];
    double work = 2e-9 * weights * b->rows;
    printf("type %d, family %d, %d rows, %.0f M weights: first %.0f ms, median of %d %.1f ms (%.1f GF/s), best %.1f ms (%.1f GF/s), "
           "%.1f ms of processors\n",
           b->type, b->plan.family, b->rows, weights * 1e-6, first * 1e3, runs, times[runs / 2] * 1e3, work / times[runs / 2],
           times[0] * 1e3, work / times[0], cpu * 1e3);
}

int main(int argc, char **argv)
{
    conv_device device;
    bench b = {.rows = argc > 1 ? atoi(argv[1]) : 66, .type = argc > 2 ? atoi(argv[2]) : CTVK_QUANT_Q4_1};
    uint64_t weight_bytes = 0, scratch_bytes = 0;
    int ok = conv_device_open(&device, 0) && b.rows > 0;
    if (ok) {
        b.gpu = device.gpu;
        b.plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(b.gpu));
        b.plan.family = argc > 3 ? atoi(argv[3]) : b.plan.family;
        for (int i = 0; i < MATRICES; i++) {
            ctvk_quant_linear op = {b.type, shapes[i][0], shapes[i][1]};
            uint64_t bytes = ctvk_quant_linear_weight_bytes(&op), scratch = ctvk_quant_linear_plan_scratch_bytes(&b.plan, &op, b.rows);
            weight_bytes = bytes > weight_bytes ? bytes : weight_bytes;
            scratch_bytes = scratch > scratch_bytes ? scratch : scratch_bytes;
        }
        uint64_t row_bytes = (uint64_t)b.rows * WIDEST * sizeof(float);
        ok = zeros(b.gpu, weight_bytes, &b.weights) && zeros(b.gpu, row_bytes, &b.in) && zeros(b.gpu, row_bytes, &b.out) &&
             zeros(b.gpu, scratch_bytes, &b.scratch);
    }
    if (ok) {
        printf("%s, subgroups of %u\n", ctvk_gpu_get_info(b.gpu)->name, ctvk_gpu_get_caps(b.gpu)->subgroup_size);
        measure(&b);
    }
    ctvk_gpu_buffer_destroy(&b.weights.buffer);
    ctvk_gpu_buffer_destroy(&b.in.buffer);
    ctvk_gpu_buffer_destroy(&b.out.buffer);
    ctvk_gpu_buffer_destroy(&b.scratch.buffer);
    conv_device_close(&device);
    return ok ? 0 : 1;
}
