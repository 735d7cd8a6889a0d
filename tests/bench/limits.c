/* What the first device of the loader can do at most, by shaders of its own (limits.comp): multiply-adds on registers, and a copy within
 * its memory, by the faster of two shaders. A transfer is told too, but is no limit of a shader: a software driver's is the C library's
 * memcpy on one thread. Each is the best of a few runs: a limit is what was once reached. bench_limits prints one line
 * of JSON. Bytes of a copy count twice, read and written. Multiply-adds are also told by seconds of the processor: on a software driver
 * that says more where other programs run. */
#include "gpu/internal.h"

#include "core/clock.h"
#include "limit_copy.spv.h"
#include "limit_copy_texel.spv.h"
#include "limit_fma_2.spv.h"
#include "limit_fma_4.spv.h"
#include "limit_fma_6.spv.h"

#include <stdio.h>
#include <time.h>

#define PIECE ((uint64_t)8 << 20)   /* bytes of one dispatch */
#define WHOLE ((uint64_t)256 << 20) /* far beyond any cache of a CPU */
enum { LOCAL = 64, RUNS = 7, FMA_LANES = 1 << 17, STEPS = 16 };

typedef struct push {
    uint32_t rounds;
    float factor, term;
    uint32_t lanes;
} push;

typedef struct bench {
    ctvk_gpu *gpu;
    ctvk_gpu_buffer *from, *to;
    ctvk_error error;
} bench;

static ctvk_status dispatch(bench *b, ctvk_gpu_cmd *cmd, const ctvk_shader *shader, uint64_t offset, uint64_t bytes, const push *p)
{
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_gpu_bind binds[2] = {{b->from, offset, bytes}, {b->to, offset, bytes}};
    uint32_t groups[3] = {(p->lanes + LOCAL - 1) / LOCAL, 1, 1};
    ctvk_status status = ctvk_gpu_pipeline_of(b->gpu, shader, NULL, 0, &pipeline, &b->error);
    return status ? status : ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 2, p, sizeof *p, groups, 1, CTVK_GPU_NO_BARRIER, &b->error);
}

typedef struct took {
    double wall, cpu; /* seconds; wall 0: failed */
} took;

static took now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (took){ctvk_now(), (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

/* One run: multiply-adds where there is a shader and rounds are given, else a copy. */
static took run(bench *b, const ctvk_shader *shader, uint32_t rounds)
{
    ctvk_gpu_cmd *cmd = NULL;
    push p = {rounds, 0.999f, 0.001f, rounds ? (uint32_t)FMA_LANES : (uint32_t)(PIECE / 16)};
    took begin = now(), end;
    ctvk_status status = ctvk_gpu_cmd_begin(b->gpu, NULL, NULL, &cmd, &b->error);
    if (!status && rounds)
        status = dispatch(b, cmd, shader, 0, PIECE, &p);
    for (uint64_t at = 0; !status && !rounds && at < WHOLE; at += PIECE)
        status = shader ? dispatch(b, cmd, shader, at, PIECE, &p) : ctvk_gpu_cmd_copy(cmd, b->from, at, b->to, at, PIECE, &b->error);
    status = status ? status : ctvk_gpu_cmd_finish(cmd, &b->error);
    ctvk_gpu_cmd_destroy(&cmd);
    end = now();
    return status ? (took){0, 0} : (took){end.wall - begin.wall, end.cpu - begin.cpu};
}

static took best(bench *b, const ctvk_shader *shader, uint32_t rounds)
{
    took least = run(b, shader, rounds); /* compiles, where that has not happened */
    for (int i = 0; i < RUNS && least.wall > 0; i++) {
        took one = run(b, shader, rounds);
        if (one.wall <= 0)
            return one;
        least.wall = i == 0 || one.wall < least.wall ? one.wall : least.wall;
        least.cpu = i == 0 || one.cpu < least.cpu ? one.cpu : least.cpu;
    }
    return least;
}

/* GF/s of a shader with so many sums, of the clock and of the processor: as many rounds as take about a twentieth of a second. */
static took multiply_adds(bench *b, const ctvk_shader *shader, int sums)
{
    uint32_t rounds = 4;
    (void)run(b, shader, rounds); /* compiles */
    took one = run(b, shader, rounds);
    while (one.wall > 0 && one.wall < 0.03 && rounds < 1u << 16) {
        rounds *= 2;
        one = run(b, shader, rounds);
    }
    one = best(b, shader, rounds);
    double gflop = 2.0 * 4 * sums * STEPS * rounds * FMA_LANES * 1e-9;
    return one.wall > 0 ? (took){gflop / one.wall, gflop / one.cpu} : one;
}

static int measure(bench *b)
{
    static const ctvk_shader copy = {"limit_copy", spv_limit_copy, sizeof spv_limit_copy};
    static const ctvk_shader texel = {"limit_copy_texel", spv_limit_copy_texel, sizeof spv_limit_copy_texel};
    static const ctvk_shader shaders[] = {{"limit_fma_2", spv_limit_fma_2, sizeof spv_limit_fma_2},
                                          {"limit_fma_4", spv_limit_fma_4, sizeof spv_limit_fma_4},
                                          {"limit_fma_6", spv_limit_fma_6, sizeof spv_limit_fma_6}};
    double bytes = 2.0 * (double)WHOLE;
    took fma[3], most = {0, 0};
    for (int i = 0; i < 3; i++) {
        fma[i] = multiply_adds(b, &shaders[i], 2 * i + 2);
        most.wall = fma[i].wall > most.wall ? fma[i].wall : most.wall;
        most.cpu = fma[i].cpu > most.cpu ? fma[i].cpu : most.cpu;
    }
    double storage = best(b, &copy, 0).wall, transfer = best(b, NULL, 0).wall, fastest = storage, texels = 0;
    if (ctvk_gpu_get_caps(b->gpu)->max_texel_elements >= PIECE / 16) {
        texels = best(b, &texel, 0).wall;
        fastest = texels < fastest ? texels : fastest;
    }
    if (most.wall <= 0 || fastest <= 0 || transfer <= 0)
        return 1;
    const ctvk_gpu_info *info = ctvk_gpu_get_info(b->gpu);
    printf("{\"device\": \"%s\", \"driver\": \"%s\", \"fma_gflop_per_s\": %.2f, \"fma_gflop_per_cpu_s\": %.2f, ", info->name, info->driver,
           most.wall, most.cpu);
    printf("\"copy_gbyte_per_s\": %.3f, ", bytes / fastest * 1e-9);
    printf(
        "\"fma_by_sums\": {\"2\": %.2f, \"4\": %.2f, \"6\": %.2f}, \"copy\": {\"storage\": %.3f, \"texel\": %.3f, \"transfer\": %.3f}}\n",
        fma[0].wall, fma[1].wall, fma[2].wall, bytes / storage * 1e-9, texels > 0 ? bytes / texels * 1e-9 : 0, bytes / transfer * 1e-9);
    return 0;
}

int main(void)
{
    static const ctvk_host host = {0};
    ctvk_gpu_instance *instance = NULL;
    bench b = {0};
    uint32_t index = 0;
    ctvk_status status = ctvk_gpu_instance_create(&host, 0, &instance, &b.error);
    status = status ? status : ctvk_gpu_select(instance, NULL, &index, &b.error);
    status = status ? status : ctvk_gpu_create(instance, index, NULL, &b.gpu, &b.error);
    status = status ? status : ctvk_gpu_buffer_create(b.gpu, WHOLE, CTVK_GPU_MEMORY_DEVICE, "source", &b.from, &b.error);
    status = status ? status : ctvk_gpu_buffer_create(b.gpu, WHOLE, CTVK_GPU_MEMORY_DEVICE, "target", &b.to, &b.error);
    int failed = status || measure(&b);
    if (failed)
        fprintf(stderr, "bench_limits: %s\n", b.error.message);
    ctvk_gpu_buffer_destroy(&b.from);
    ctvk_gpu_buffer_destroy(&b.to);
    ctvk_gpu_destroy(&b.gpu);
    ctvk_gpu_instance_destroy(&instance);
    return failed;
}
