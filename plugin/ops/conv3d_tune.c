/* What a variant takes on this device: the tuning pass of the planner. */
#include "core/clock.h"
#include "ops/conv3d_plan.h"

#include <string.h>

/* Multiply-adds that are enough to be timed, and the most runs and seconds of it. */
static const double ENOUGH = 1e9, SECONDS = 0.5;
enum { RUNS = 5, PLANES = 16 };

static int32_t smaller(int32_t a, double b)
{
    return b < a ? (int32_t)b : a;
}

/* Output planes to measure. On a software driver direct kernels cost the same in every plane; Winograd and GEMM share the halo of a block's
 * planes, of which few would cost too much each; and a GPU is not filled by one plane. */
static int32_t planes_for(int32_t is_cpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    double plane = (double)(conv->in_a + conv->in_b) * conv->out * conv->kernel * conv->kernel * conv->kernel * y * z;
    int32_t alone = is_cpu && (plan->family == CTVK_CONV3D_PORTABLE || plan->family == CTVK_CONV3D_ADDRESS);
    int32_t least = alone ? 1 : PLANES, planes = smaller(x, ENOUGH / plane + 1);
    return planes > least ? planes : least < x ? least : x;
}

/* One job and its buffers: a, b, out, weights, scratch. */
typedef struct measured {
    ctvk_conv3d_job job;
    ctvk_tensor a, b, out;
    ctvk_span weights, scratch;
    ctvk_gpu_check_fn check;
    void *user;
} measured;

static ctvk_status make_span(ctvk_gpu *gpu, uint64_t bytes, ctvk_span *span, ctvk_error *error)
{
    span->bytes = bytes < 256 ? 256 : bytes;
    return ctvk_gpu_buffer_create(gpu, span->bytes, CTVK_GPU_MEMORY_DEVICE, "tuning", &span->buffer, error);
}

static ctvk_status make_tensor(ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z, ctvk_tensor *tensor, ctvk_error *error)
{
    ctvk_span span = {0};
    *tensor = (ctvk_tensor){.c = c, .x = x, .y = y, .z = z};
    ctvk_status status = make_span(gpu, ctvk_tensor_bytes(tensor), &span, error);
    tensor->buffer = span.buffer;
    return status;
}

static ctvk_status make(measured *m, int32_t x, int32_t y, int32_t z, ctvk_error *error)
{
    const ctvk_conv3d *conv = m->job.conv;
    ctvk_gpu *gpu = m->job.gpu;
    int32_t s = conv->stride;
    ctvk_status status = make_tensor(gpu, conv->in_a, x * s, y * s, z * s, &m->a, error);
    if (status == CTVK_OK && conv->in_b)
        status = make_tensor(gpu, conv->in_b, x * s, y * s, z * s, &m->b, error);
    if (status == CTVK_OK)
        status = make_tensor(gpu, conv->out, x, y, z, &m->out, error);
    if (status == CTVK_OK)
        status = make_span(gpu, ctvk_conv3d_plan_weight_bytes(m->job.plan, conv), &m->weights, error);
    if (status == CTVK_OK)
        status = make_span(gpu, ctvk_conv3d_plan_scratch_bytes(m->job.plan, conv, x, y, z), &m->scratch, error);
    m->job.a = &m->a;
    m->job.b = conv->in_b ? &m->b : NULL;
    m->job.out = &m->out;
    m->job.weights = &m->weights;
    m->job.scratch = &m->scratch;
    return status;
}

static void release(measured *m)
{
    ctvk_gpu_buffer_destroy(&m->a.buffer);
    ctvk_gpu_buffer_destroy(&m->b.buffer);
    ctvk_gpu_buffer_destroy(&m->out.buffer);
    ctvk_gpu_buffer_destroy(&m->weights.buffer);
    ctvk_gpu_buffer_destroy(&m->scratch.buffer);
}

/* Zeros: neither subnormal numbers nor NaN, which some devices take their time for. */
static ctvk_status fill(measured *m, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_gpu_buffer *const all[] = {m->a.buffer, m->b.buffer, m->out.buffer, m->weights.buffer, m->scratch.buffer};
    ctvk_status status = CTVK_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && status == CTVK_OK; i++)
        if (all[i])
            status = ctvk_gpu_cmd_fill(cmd, all[i], 0, all[i]->bytes, 0, error);
    return status;
}

static ctvk_status run(measured *m, int zeros, double *seconds, ctvk_error *error)
{
    double begin = ctvk_now();
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(m->job.gpu, m->check, m->user, &cmd, error);
    if (status == CTVK_OK && zeros)
        status = fill(m, cmd, error);
    m->job.cmd = cmd;
    if (status == CTVK_OK)
        status = ctvk_conv3d_plan_record(&m->job, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    *seconds = ctvk_now() - begin;
    return status;
}

ctvk_status ctvk_conv3d_measure(ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z,
                                ctvk_gpu_check_fn check, void *user, double *milliseconds, ctvk_error *error)
{
    measured m = {.job = {.gpu = gpu, .plan = plan, .conv = conv}, .check = check, .user = user};
    int32_t planes = planes_for(ctvk_gpu_get_caps(gpu)->is_cpu, plan, conv, x, y, z);
    double seconds = 0, spent = 0, best = 0;
    ctvk_status status = make(&m, planes, y, z, error);
    if (status == CTVK_OK)
        status = run(&m, 1, &seconds, error); /* drivers compile and touch memory now */
    for (int i = 0; i < RUNS && (i < 2 || spent < SECONDS) && spent < 2 * SECONDS && status == CTVK_OK; i++) {
        status = run(&m, 0, &seconds, error);
        spent += seconds;
        best = i && best < seconds ? best : seconds;
    }
    release(&m);
    *milliseconds = best * 1e3 * x / planes;
    return status;
}
