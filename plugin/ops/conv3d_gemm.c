/* Ordinary convolutions on software drivers as products over the whole grid: block of output planes by block, padded copy of the input
 * -> products of all runs and channels -> sum of the runs (shaders/conv3d_pad, _product, _sum.comp). A kernel of 1 reads where the input
 * lies. */
#include "ops/conv3d_plan.h"
#include "params/conv3d.h"

#include <string.h>

enum { LOCAL = 16, MAX_GROUPS = 65535, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS, RUN3 = 36, RUN1 = 12 };
_Static_assert(sizeof(struct ctvk_conv3d_pad_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_conv3d_sum_params) <= 128, "push constants");
/* Cost of one copied or added vec4 in multiply-adds of the product: about what lavapipe takes. */
static const double VEC4_WORK = 96;

static int32_t run_length(const ctvk_conv3d *conv)
{
    return conv->kernel == 3 ? RUN3 : RUN1;
}

/* Runs of all inputs: 4 channel groups and one tap along x, or 12 channel groups. */
static int32_t runs_of(const ctvk_conv3d *conv)
{
    return conv->kernel == 3 ? ctvk_conv3d_in_units(conv) / 4 * 3 : ctvk_conv3d_in_units(conv) / RUN1;
}

int ctvk_conv3d_gemm_fits(const ctvk_conv3d *conv)
{
    int32_t whole = conv->kernel == 3 ? 16 : 4 * RUN1;
    return !conv->planar && conv->in_a % whole == 0 && conv->in_b % whole == 0;
}

uint64_t ctvk_conv3d_gemm_weight_bytes(const ctvk_conv3d *conv)
{
    return (uint64_t)ctvk_conv3d_out_chunks(conv) * runs_of(conv) * run_length(conv) * 4 * OUT_CHANNELS * sizeof(float);
}

void ctvk_conv3d_gemm_pack(const ctvk_conv3d *conv, const float *weights, float *packed)
{
    int32_t in = conv->in_a + conv->in_b, taps = conv->kernel * conv->kernel * conv->kernel, runs = runs_of(conv);
    memset(packed, 0, ctvk_conv3d_gemm_weight_bytes(conv));
    for (int32_t o = 0; o < conv->out; o++) {
        for (int32_t i = 0; i < in; i++) {
            for (int32_t tap = 0; tap < taps; tap++) {
                int32_t unit = i / 4, run = unit / RUN1, at = unit % RUN1;
                if (conv->kernel == 3) {
                    run = unit / 4 * 3 + tap / 9;
                    at = unit % 4 * 9 + tap % 9;
                }
                uint64_t vec4 = ((uint64_t)(o / OUT_CHANNELS) * runs + run) * run_length(conv) + at;
                packed[(vec4 * 4 + i % 4) * OUT_CHANNELS + o % OUT_CHANNELS] = weights[((uint64_t)o * in + i) * taps + tap];
            }
        }
    }
}

/* A block of output planes: the padded input that they need, and the products of some runs. */
typedef struct block {
    int32_t planes, runs; /* runs: of one round, a multiple of three */
    int32_t first, in_planes, rows, columns;
    uint64_t out_at; /* bytes of the scratch where the products begin */
} block;

static uint64_t round256(uint64_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static void size_block(const ctvk_conv3d *conv, int32_t y, int32_t z, block *k)
{
    k->in_planes = (k->planes - 1) * conv->stride + 3;
    k->rows = (y - 1) * conv->stride + 3;
    k->columns = (z - 1) * conv->stride + 3;
    k->out_at = conv->kernel == 3 ? round256((uint64_t)ctvk_conv3d_in_units(conv) * k->in_planes * k->rows * k->columns * 16) : 0;
}

static uint64_t run_bytes(const ctvk_conv3d *conv, const block *k, int32_t y, int32_t z)
{
    return (uint64_t)(conv->out / 4) * k->planes * y * z * 16;
}

static uint64_t binding(const ctvk_conv3d_plan *plan)
{
    return plan->source_bytes < plan->target_bytes ? plan->source_bytes : plan->target_bytes;
}

static int fits(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, const block *k, int32_t y, int32_t z)
{
    uint64_t out = 3 * run_bytes(conv, k, y, z), most = binding(plan);
    return k->out_at + out <= plan->scratch_bytes && k->out_at <= most && out <= most;
}

/* As many planes as the scratch allows for three runs, in even shares; then as many runs as still fit. One plane at least. */
static block choose(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    block k = {.planes = x, .runs = 3};
    for (size_block(conv, y, z, &k); k.planes > 1 && !fits(plan, conv, &k, y, z); size_block(conv, y, z, &k)) {
        k.planes--;
    }
    int32_t blocks = (x + k.planes - 1) / k.planes;
    k.planes = (x + blocks - 1) / blocks;
    size_block(conv, y, z, &k);
    uint64_t one = run_bytes(conv, &k, y, z);
    while (k.runs < runs_of(conv) && k.out_at + (k.runs + 3) * one <= plan->scratch_bytes && (k.runs + 3) * one <= binding(plan)) {
        k.runs += 3;
    }
    return k;
}

uint64_t ctvk_conv3d_gemm_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    block k = choose(plan, conv, x, y, z);
    return k.out_at + k.runs * run_bytes(conv, &k, y, z);
}

static ctvk_gpu_bind scratch_bind(const ctvk_conv3d_job *job, uint64_t at, uint64_t bytes)
{
    return (ctvk_gpu_bind){job->scratch->buffer, job->scratch->offset + at, bytes};
}

static ctvk_status dispatch(const ctvk_conv3d_job *job, const char *shader, const ctvk_gpu_bind *binds, uint32_t count, const void *push,
                            uint32_t bytes, const uint32_t groups[3], uint32_t flags, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, shader, 0, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, count, push, bytes, groups,
                                          VEC4_WORK * LOCAL * groups[0] * groups[1] * groups[2], flags, error);
}

/* All channels of one source, from unit `to` of the scratch on. */
static ctvk_status pad(const ctvk_conv3d_job *job, const block *k, const ctvk_tensor *source, int32_t to, ctvk_error *error)
{
    int32_t first = k->first * job->conv->stride - 1, last = first + k->in_planes - 1;
    struct ctvk_conv3d_pad_params p = {.bound_first = first < 0 ? 0 : first,
                                       .bound_last = last < source->x ? last : source->x - 1,
                                       .x = source->x,
                                       .y = source->y,
                                       .z = source->z,
                                       .plane = source->c / 4 * source->y * source->z,
                                       .first = first,
                                       .rows = k->rows,
                                       .columns = k->columns,
                                       .to = to * k->in_planes * k->rows * k->columns};
    uint32_t base = 0, groups[3] = {(uint32_t)(k->rows * k->columns + LOCAL - 1) / LOCAL, (uint32_t)k->in_planes, (uint32_t)source->c / 4};
    ctvk_gpu_bind binds[3] = {ctvk_tensor_bind(source, p.bound_first, p.bound_last - p.bound_first + 1, 16, &base),
                              scratch_bind(job, 0, k->out_at)};
    if (source->half)
        binds[2] = ctvk_conv3d_norm_bind(job);
    p.base = (int32_t)base;
    return dispatch(job, source->half ? "conv3d_pad_half" : "conv3d_pad", binds, source->half ? 3 : 2, &p, sizeof p, groups,
                    (to ? CTVK_GPU_NO_BARRIER : 0) | ctvk_tensor_texels(source), error);
}

static struct ctvk_conv3d_product_params params_for(const ctvk_conv3d_job *job, const block *k)
{
    const ctvk_tensor *out = job->out;
    int32_t lanes = k->planes * out->y * out->z, stride = job->conv->stride;
    uint64_t run = (uint64_t)run_length(job->conv) * 4 * OUT_CHANNELS * sizeof(float);
    return (struct ctvk_conv3d_product_params){.area = out->y * out->z,
                                               .line = out->z,
                                               .inverse_area = 1.0f / (float)(out->y * out->z),
                                               .inverse_line = 1.0f / (float)out->z,
                                               .step_z = stride,
                                               .out_run = out->c / 4 * lanes,
                                               .out_group = lanes,
                                               .out_groups = out->c / 4,
                                               .lanes = lanes,
                                               .weights_chunk = (int32_t)(uint32_t)(run * runs_of(job->conv)),
                                               .weights_run = (int32_t)(uint32_t)run};
}

/* Runs [run, run + runs) of the padded input. run: a multiple of three. */
static ctvk_status products3(const ctvk_conv3d_job *job, const block *k, int32_t run, int32_t runs, ctvk_error *error)
{
    struct ctvk_conv3d_product_params p = params_for(job, k);
    int32_t plane = k->rows * k->columns, unit = k->in_planes * plane;
    p.in_base = run / 3 * 4 * unit;
    p.in_third = 4 * unit;
    p.in_run = plane;
    p.in_unit = unit;
    p.in_row = k->columns;
    p.in_column = 1;
    p.step_x = job->conv->stride * plane;
    p.step_y = job->conv->stride * k->columns;
    ctvk_conv3d_product product = {.shader = "conv3d_product12",
                                   .in = scratch_bind(job, 0, k->out_at),
                                   .out = scratch_bind(job, k->out_at, (uint64_t)runs * (uint32_t)p.out_run * 16),
                                   .at = (uint64_t)run * (uint32_t)p.weights_run,
                                   .runs = runs,
                                   .vec4 = RUN3};
    return ctvk_conv3d_product_record(job, &product, &p, error);
}

/* The runs of one source, which begin at `first` of all, as far as they lie in [run, run + runs). */
static ctvk_status products1(const ctvk_conv3d_job *job, const block *k, const ctvk_tensor *source, int32_t first, int32_t run,
                             int32_t runs, ctvk_error *error)
{
    int32_t begin = first > run ? first : run, end = first + source->c / 4 / RUN1, area = source->y * source->z;
    end = end < run + runs ? end : run + runs;
    if (begin >= end) {
        return CTVK_OK;
    }
    struct ctvk_conv3d_product_params p = params_for(job, k);
    int32_t stride = job->conv->stride, from = k->first * stride, planes = (k->planes - 1) * stride + 1;
    uint32_t base = 0;
    ctvk_conv3d_product product = {.shader = "conv3d_product4",
                                   .in = ctvk_tensor_bind(source, from, planes, 16, &base),
                                   .out = scratch_bind(job, k->out_at, (uint64_t)runs * (uint32_t)p.out_run * 16),
                                   .at = (uint64_t)begin * (uint32_t)p.weights_run,
                                   .runs = end - begin,
                                   .vec4 = RUN1,
                                   .flags = begin > run ? CTVK_GPU_NO_BARRIER : 0};
    p.in_base = (int32_t)base + (begin - first) * RUN1 * area;
    p.in_third = 3 * RUN1 * area;
    p.in_run = RUN1 * area;
    p.in_unit = 3 * area;
    p.in_column = area;
    p.step_x = stride * (source->c / 4) * area;
    p.step_y = stride * source->z;
    p.out_base = (begin - run) * p.out_run;
    return ctvk_conv3d_product_record(job, &product, &p, error);
}

/* Runs [run, run + runs) into the output. */
static ctvk_status sum(const ctvk_conv3d_job *job, const block *k, int32_t run, int32_t runs, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    uint32_t base = 0;
    struct ctvk_conv3d_sum_params p = {.plane = out->c / 4 * out->y * out->z,
                                       .area = out->y * out->z,
                                       .lanes = k->planes * out->y * out->z,
                                       .run = out->c / 4 * k->planes * out->y * out->z,
                                       .runs = runs,
                                       .accumulate = run > 0};
    ctvk_gpu_bind binds[2] = {scratch_bind(job, k->out_at, (uint64_t)(uint32_t)p.runs * (uint32_t)p.run * 16),
                              ctvk_tensor_bind(out, k->first, k->planes, 16, &base)};
    uint32_t groups[3] = {((uint32_t)p.lanes + LOCAL - 1) / LOCAL, (uint32_t)out->c / 4, 1};
    p.base = (int32_t)base;
    return dispatch(job, "conv3d_sum", binds, 2, &p, sizeof p, groups, 0, error);
}

static ctvk_status record_block(const ctvk_conv3d_job *job, const block *k, ctvk_error *error)
{
    const ctvk_conv3d *conv = job->conv;
    ctvk_status status = CTVK_OK;
    if (conv->kernel == 3) {
        status = pad(job, k, job->a, 0, error);
        status = status || !conv->in_b ? status : pad(job, k, job->b, conv->in_a / 4, error);
    }
    for (int32_t run = 0, runs; run < runs_of(conv) && !status; run += runs) {
        int32_t left = runs_of(conv) - run;
        runs = left < k->runs ? left : k->runs;
        if (conv->kernel == 3) {
            status = products3(job, k, run, runs, error);
        } else {
            status = products1(job, k, job->a, 0, run, runs, error);
            status = status || !conv->in_b ? status : products1(job, k, job->b, conv->in_a / 4 / RUN1, run, runs, error);
        }
        status = status ? status : sum(job, k, run, runs, error);
    }
    return status;
}

/* The most output planes of one block: bindings of sources and output, work of one round, workgroups. */
static int32_t most_planes(const ctvk_conv3d_job *job)
{
    const ctvk_tensor *out = job->out;
    int32_t most = ctvk_conv3d_block_planes(job), stride = job->conv->stride;
    double lanes = (double)out->y * out->z,
           fit = ctvk_gpu_cmd_work_limit(job->cmd) / (3 * lanes * run_length(job->conv) * 4 * OUT_CHANNELS);
    double groups = (double)LOCAL * MAX_GROUPS / (lanes * stride * stride);
    fit = fit < groups ? fit : groups;
    return fit < 1 && most > 0 ? 1 : fit < most ? (int32_t)fit : most;
}

ctvk_status ctvk_conv3d_gemm_record(const ctvk_conv3d_job *job, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    block k = choose(job->plan, job->conv, out->x, out->y, out->z);
    int32_t most = most_planes(job), planes = k.planes < most ? k.planes : most;
    uint64_t out_bytes = 3 * run_bytes(job->conv, &k, out->y, out->z);
    if (most < 1 || k.out_at > job->plan->target_bytes || k.out_at > job->plan->source_bytes || out_bytes > job->plan->target_bytes ||
        out_bytes > job->plan->source_bytes) {
        return ctvk_conv3d_refuse_plane(job, error);
    }
    ctvk_status status = CTVK_OK;
    for (k.first = 0; k.first < out->x && !status; k.first += planes) {
        k.planes = out->x - k.first < planes ? out->x - k.first : planes;
        size_block(job->conv, out->y, out->z, &k);
        status = record_block(job, &k, error);
    }
    return status;
}
