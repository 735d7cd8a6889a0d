/* Times the convolutions at the network's real shapes on the first device of the loader: GF/s of the ordinary algorithm, best of a few
 * runs after a warming one, by the clock and by processor seconds (which a busy machine disturbs less), and what the planner's model says.
 * Not run by ctest. Usage: ops_bench_conv3d [part of a row's name [variant or "all" [scratch MiB]]]; without: what the planner takes. */
#include "ops/conv3d_plan.h"
#include "ops/transp_conv3d.h"
#include "support/conv_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct row {
    const char *name;
    ctvk_conv3d conv;
    int x, y, z; /* of the input */
} row;

static const row rows[] = {
    {"48-48-96", {48, 0, 48, 3, 1, 0}, 96, 96, 32},         {"48-48-192", {48, 0, 48, 3, 1, 0}, 192, 192, 64},
    {"96-48-192", {48, 48, 48, 3, 1, 0}, 192, 192, 64},     {"48-48-s2-192", {48, 0, 48, 3, 2, 0}, 192, 192, 64},
    {"1-48-s2-384", {1, 0, 48, 3, 2, 1}, 384, 384, 128},    {"1-48-k1-s2-384", {1, 0, 48, 1, 2, 1}, 384, 384, 128},
    {"96-96-48", {96, 0, 96, 3, 1, 0}, 48, 48, 16},         {"192-96-48", {96, 96, 96, 3, 1, 0}, 48, 48, 16},
    {"192-192-24", {192, 0, 192, 3, 1, 0}, 24, 24, 8},      {"384-384-12", {384, 0, 384, 3, 1, 0}, 12, 12, 4},
    {"384-192-24", {192, 192, 192, 3, 1, 0}, 24, 24, 8},    {"192-384-s2-24", {192, 0, 384, 3, 2, 0}, 24, 24, 8},
    {"192-384-s2-6", {192, 0, 384, 3, 2, 0}, 6, 6, 2},      {"384-384-3", {384, 0, 384, 3, 1, 0}, 3, 3, 1},
    {"192-192-6", {192, 0, 192, 3, 1, 0}, 6, 6, 2},         {"384-192-k1-6", {192, 192, 192, 1, 1, 0}, 6, 6, 2},
    {"48-48-24", {48, 0, 48, 3, 1, 0}, 24, 24, 8},          {"96-96-12", {96, 0, 96, 3, 1, 0}, 12, 12, 4},
    {"96-48-48", {48, 48, 48, 3, 1, 0}, 48, 48, 16},        {"48-96-s2-24", {48, 0, 96, 3, 2, 0}, 24, 24, 8},
    {"48-96-s2-96", {48, 0, 96, 3, 2, 0}, 96, 96, 32},      {"48-96-k1-s2-96", {48, 0, 96, 1, 2, 0}, 96, 96, 32},
    {"96-192-s2-48", {96, 0, 192, 3, 2, 0}, 48, 48, 16},    {"96-192-k1-s2-48", {96, 0, 192, 1, 2, 0}, 48, 48, 16},
    {"384-192-k1-24", {192, 192, 192, 1, 1, 0}, 24, 24, 8}, {"48-48-k1-s2-48", {48, 0, 48, 1, 2, 0}, 48, 48, 16},
    {"16-16-32", {16, 0, 16, 3, 1, 0}, 32, 32, 16},         {"32-16-16", {16, 16, 16, 3, 1, 0}, 16, 16, 8},
    {"32-64-s2-16", {32, 0, 64, 3, 2, 0}, 16, 16, 8},       {"16-16-8", {16, 0, 16, 3, 1, 0}, 8, 8, 4},
    {"48-48-12", {48, 0, 48, 3, 1, 0}, 12, 12, 4},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + t.tv_nsec * 1e-9;
}

/* Buffers are filled with zeros: no denormals, no NaN. */
static int buffer(ctvk_gpu *gpu, uint64_t bytes, ctvk_span *span)
{
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = 0;
    bytes = bytes < 256 ? 256 : bytes;
    *span = (ctvk_span){0, 0, bytes};
    ctvk_status status = ctvk_gpu_buffer_create(gpu, bytes, CTVK_GPU_MEMORY_DEVICE, "bench", &span->buffer, &error);
    status = status ? status : ctvk_gpu_cmd_begin(gpu, 0, 0, &cmd, &error);
    status = status ? status : ctvk_gpu_cmd_fill(cmd, span->buffer, 0, bytes, 0, &error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status) {
        fprintf(stderr, "%s\n", error.message);
    }
    return status == CTVK_OK;
}

static int tensor(ctvk_gpu *gpu, int c, int x, int y, int z, ctvk_tensor *t)
{
    ctvk_span span = {0};
    int ok = buffer(gpu, (uint64_t)c * x * y * z * 4, &span);
    *t = (ctvk_tensor){span.buffer, 0, c, x, y, z, 0};
    return ok;
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double run(ctvk_conv3d_job *job)
{
    ctvk_error error = {0};
    double start = now();
    ctvk_status status = ctvk_gpu_cmd_begin(job->gpu, 0, 0, &job->cmd, &error);
    status = status ? status : ctvk_conv3d_plan_record(job, &error);
    status = status ? status : ctvk_gpu_cmd_finish(job->cmd, &error);
    ctvk_gpu_cmd_destroy(&job->cmd);
    if (status) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    return now() - start;
}

static void measure(ctvk_gpu *gpu, const row *r, ctvk_conv3d_plan plan, int scratch_mib)
{
    const ctvk_conv3d *conv = &r->conv;
    plan.scratch_bytes = scratch_mib ? (uint64_t)scratch_mib << 20 : plan.scratch_bytes;
    int s = conv->stride, x = (r->x + s - 1) / s, y = (r->y + s - 1) / s, z = (r->z + s - 1) / s;
    ctvk_tensor a = {0}, b = {0}, out = {0};
    ctvk_span weights = {0}, scratch = {0};
    int ok = tensor(gpu, conv->in_a, r->x, r->y, r->z, &a) && (!conv->in_b || tensor(gpu, conv->in_b, r->x, r->y, r->z, &b)) &&
             tensor(gpu, conv->out, x, y, z, &out) && buffer(gpu, ctvk_conv3d_plan_weight_bytes(&plan, conv), &weights) &&
             buffer(gpu, ctvk_conv3d_plan_scratch_bytes(&plan, conv, x, y, z), &scratch);
    ctvk_conv3d_job job = {0, gpu, &plan, conv, &a, conv->in_b ? &b : 0, &out, &weights, &scratch, NULL, NULL};
    if (ok) {
        double flop = 2.0 * (conv->in_a + conv->in_b) * conv->out * conv->kernel * conv->kernel * conv->kernel * x * y * z;
        double first = run(&job), best = 1e30, least = 1e30, spent = 0;
        for (int i = 0; i < 5 && (i < 2 || spent < 2); i++) {
            double cpu = cpu_seconds(), seconds = run(&job);
            cpu = cpu_seconds() - cpu;
            least = cpu < least ? cpu : least;
            spent += seconds;
            best = seconds < best ? seconds : best;
        }
        printf("%-16s %3d planes %-8s first %8.1f ms  best %8.2f ms  %7.1f GF/s  %7.1f GF per CPU second, %8.2f ms of it, model %8.2f\n",
               r->name, x, ctvk_conv3d_plan_name(&plan), first * 1e3, best * 1e3, flop / best * 1e-9, flop / least * 1e-9, least * 1e3,
               ctvk_conv3d_cost(&plan, conv, x, y, z));
        fflush(stdout);
    }
    ctvk_gpu_buffer_destroy(&a.buffer);
    ctvk_gpu_buffer_destroy(&b.buffer);
    ctvk_gpu_buffer_destroy(&out.buffer);
    ctvk_gpu_buffer_destroy(&weights.buffer);
    ctvk_gpu_buffer_destroy(&scratch.buffer);
}

/* As much of a grid as is worth the time: Winograd and GEMM share the halo of several planes, the others have none. */
static row some_planes(const row *r, const ctvk_conv3d_plan *plan)
{
    const ctvk_conv3d *conv = &r->conv;
    int s = conv->stride, least = (plan->family >= CTVK_CONV3D_WINOGRAD ? 16 : 2) * s;
    double plane = (double)(conv->in_a + conv->in_b) * conv->out * conv->kernel * conv->kernel * conv->kernel * (r->y / s) * (r->z / s) / s;
    int wanted = (int)(2e9 / plane) / s * s;
    row some = *r;
    wanted = wanted > least ? wanted : least;
    some.x = wanted < r->x ? wanted : r->x;
    return some;
}

/* variant: NULL for the planner's, a name, or "all", of which only some planes are measured; that of GPUs is among them. */
static void measure_row(ctvk_gpu *gpu, const row *r, const char *variant, int scratch_mib)
{
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    ctvk_gpu_caps caps = *ctvk_gpu_get_caps(gpu);
    caps.is_cpu = 0;
    int s = r->conv.stride, count = ctvk_conv3d_candidates(&caps, &r->conv, plans);
    if (!variant)
        measure(gpu, r, ctvk_conv3d_plan_for(gpu, &r->conv, (r->x + s - 1) / s, (r->y + s - 1) / s, (r->z + s - 1) / s), scratch_mib);
    for (int i = 0; variant && i < count; i++)
        if (strcmp(variant, "all") == 0) {
            row some = some_planes(r, &plans[i]);
            measure(gpu, &some, plans[i], scratch_mib);
        } else if (strcmp(variant, ctvk_conv3d_plan_name(&plans[i])) == 0) {
            measure(gpu, r, plans[i], scratch_mib);
        }
}

static void measure_transposed(ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, int x, int y, int z)
{
    ctvk_tensor in = {0}, out = {0};
    ctvk_span weights = {0};
    ctvk_error error = {0};
    int ok = tensor(gpu, conv->in, x, y, z, &in) && tensor(gpu, conv->out, 2 * x, 2 * y, 2 * z, &out) &&
             buffer(gpu, ctvk_transp_conv3d_weight_bytes(gpu, conv), &weights);
    double best = 1e30;
    for (int i = 0; i < 3 && ok; i++) {
        ctvk_gpu_cmd *cmd = 0;
        double start = now();
        ctvk_status status = ctvk_gpu_cmd_begin(gpu, 0, 0, &cmd, &error);
        const ctvk_transp_conv3d_job job = {.cmd = cmd, .gpu = gpu, .conv = conv, .in = &in, .weights = &weights, .out = &out, .count = x};
        status = status ? status : ctvk_transp_conv3d_record(&job, &error);
        status = status ? status : ctvk_gpu_cmd_finish(cmd, &error);
        ctvk_gpu_cmd_destroy(&cmd);
        ok = status == CTVK_OK;
        best = now() - start < best ? now() - start : best;
    }
    printf("transposed %d -> %d%s from %d x %d x %d: %.1f ms, %.1f GF/s %s\n", conv->in, conv->out, conv->planar ? " planar" : "", x, y, z,
           best * 1e3, 16.0 * conv->in * conv->out * x * y * z / best * 1e-9, ok ? "" : error.message);
    ctvk_gpu_buffer_destroy(&in.buffer);
    ctvk_gpu_buffer_destroy(&out.buffer);
    ctvk_gpu_buffer_destroy(&weights.buffer);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    const char *variant = argc > 2 ? argv[2] : NULL;
    int scratch = argc > 3 ? atoi(argv[3]) : 0;
    conv_device device;
    if (!conv_device_open(&device, 0)) {
        conv_device_close(&device);
        return 1;
    }
    printf("%s, subgroups of %u\n", ctvk_gpu_get_info(device.gpu)->name, ctvk_gpu_get_caps(device.gpu)->subgroup_size);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(rows[i].name, part)) {
            measure_row(device.gpu, &rows[i], variant, scratch);
        }
    }
    if (strstr("transposed", part)) {
        static const ctvk_transp_conv3d to_logits = {48, 2, 1}, up = {48, 48, 0}, deep = {384, 192, 0};
        measure_transposed(device.gpu, &to_logits, 192, 192, 64);
        measure_transposed(device.gpu, &up, 96, 96, 32);
        measure_transposed(device.gpu, &deep, 12, 12, 4);
    }
    conv_device_close(&device);
    return 0;
}
