/* support/gpu_probe.h - the shader of tests/spirv/gpu_probe.comp with buffers for it, and what it must compute. */
#ifndef CTVK_TESTS_GPU_PROBE_H
#define CTVK_TESTS_GPU_PROBE_H

#include "support/gpu_open.h"
#include "gpu_probe.spv.h"

enum { PROBE_COUNT = 1000, PROBE_LOCAL = 64, PROBE_ADD = 5 };

typedef struct probe_push {
    uint32_t count, scale, unused[2];
} probe_push;

typedef struct probe {
    ctvk_gpu *gpu;
    ctvk_gpu_pipeline *pipeline;
    ctvk_gpu_buffer *source, *bias, *table, *target;
    ctvk_gpu_bind binds[4];
    uint32_t in[PROBE_COUNT], bias_words[4];
} probe;

static const ctvk_shader probe_shader = {"gpu_probe", spv_gpu_probe, sizeof spv_gpu_probe};

static inline uint32_t probe_value(const probe *p, uint32_t i, uint32_t source, uint32_t scale)
{
    return source * scale + p->bias_words[i & 3] + (i & 15) * 3 + PROBE_ADD;
}

static inline void probe_close(probe *p)
{
    ctvk_gpu_buffer_destroy(&p->source);
    ctvk_gpu_buffer_destroy(&p->bias);
    ctvk_gpu_buffer_destroy(&p->table);
    ctvk_gpu_buffer_destroy(&p->target);
}

static inline ctvk_status probe_fill(probe *p, ctvk_error *error)
{
    float table[16 * 4];
    for (uint32_t i = 0; i < PROBE_COUNT; i++)
        p->in[i] = i * 7 + 1;
    for (uint32_t i = 0; i < 4; i++)
        p->bias_words[i] = 100 * i;
    for (uint32_t i = 0; i < 64; i++)
        table[i] = i % 4 ? -1.0f : (float)(i / 4 * 3);
    ctvk_status status = ctvk_gpu_upload(p->source, 0, p->in, sizeof p->in, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_upload(p->bias, 0, p->bias_words, sizeof p->bias_words, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_upload(p->table, 0, table, sizeof table, error);
    return status;
}

static inline ctvk_status probe_open(probe *p, ctvk_gpu *gpu, ctvk_error *error)
{
    const uint32_t constants[2] = {PROBE_LOCAL, PROBE_ADD};
    memset(p, 0, sizeof *p);
    p->gpu = gpu;
    ctvk_status status = ctvk_gpu_pipeline_of(gpu, &probe_shader, constants, 2, &p->pipeline, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, sizeof p->in, CTVK_GPU_MEMORY_DEVICE, "source", &p->source, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, 16, CTVK_GPU_MEMORY_UPLOAD, "bias", &p->bias, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, 256, CTVK_GPU_MEMORY_DEVICE, "table", &p->table, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, sizeof p->in, CTVK_GPU_MEMORY_DEVICE, "target", &p->target, error);
    if (status == CTVK_OK)
        status = probe_fill(p, error);
    p->binds[0] = (ctvk_gpu_bind){p->source, 0, sizeof p->in};
    p->binds[1] = (ctvk_gpu_bind){p->bias, 0, 16};
    p->binds[2] = (ctvk_gpu_bind){p->table, 0, 256};
    p->binds[3] = (ctvk_gpu_bind){p->target, 0, sizeof p->in};
    return status;
}

/* Under the operation that was named last. */
static inline ctvk_status probe_dispatch(probe *p, ctvk_gpu_cmd *cmd, uint32_t scale, double work, uint32_t flags, ctvk_error *error)
{
    const probe_push push = {PROBE_COUNT, scale, {0, 0}};
    const uint32_t groups[3] = {(PROBE_COUNT + PROBE_LOCAL - 1) / PROBE_LOCAL, 1, 1};
    return ctvk_gpu_cmd_dispatch(cmd, p->pipeline, p->binds, 4, &push, sizeof push, groups, work, flags, error);
}

static inline ctvk_status probe_run(probe *p, ctvk_gpu_cmd *cmd, uint32_t scale, double work, uint32_t flags, ctvk_error *error)
{
    ctvk_gpu_cmd_operation(cmd, "gpu_probe", 0, 0, "%d", PROBE_COUNT);
    return probe_dispatch(p, cmd, scale, work, flags, error);
}

#endif
