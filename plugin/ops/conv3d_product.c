/* Products of the convolutions on software drivers (shaders/conv3d_product.comp). */
#include "ops/conv3d_plan.h"
#include "params/conv3d.h"

enum { LOCAL = 16, DIGITS = 8, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS };
_Static_assert(sizeof(struct ctvk_conv3d_product_params) <= 128, "push constants");

/* Runs [run, run + runs) of chunks [chunk, chunk + chunks). */
typedef struct piece {
    int32_t chunk, chunks, run, runs;
} piece;

static ctvk_status dispatch(const ctvk_conv3d_job *job, const ctvk_conv3d_product *product, const struct ctvk_conv3d_product_params *params,
                            const piece *k, double one, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, product->shader, 0, 0, &pipeline, error);
    struct ctvk_conv3d_product_params p = *params;
    int32_t groups = k->chunk * CTVK_CONV3D_OUT_GROUPS;
    uint64_t address = job->weights->buffer->address + job->weights->offset + product->at + (uint64_t)k->chunk * (uint32_t)p.weights_chunk +
                       (uint64_t)k->run * (uint32_t)p.weights_run;
    for (int32_t i = 0; i < DIGITS; i++)
        p.digits[i] = i;
    p.in_base += k->run / 3 * p.in_third + k->run % 3 * p.in_run;
    p.out_base += k->run * p.out_run + groups * p.out_group;
    p.out_groups -= groups;
    p.address_low = (int32_t)(uint32_t)address;
    p.address_high = (int32_t)(uint32_t)(address >> 32);
    ctvk_gpu_bind binds[2] = {product->in, product->out};
    uint32_t grid[3] = {((uint32_t)p.lanes + LOCAL - 1) / LOCAL, (uint32_t)k->chunks, (uint32_t)k->runs};
    return status ? status
                  : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 2, &p, sizeof p, grid, one * k->chunks * k->runs,
                                          k->run || k->chunk ? CTVK_GPU_NO_BARRIER : product->flags, error);
}

static int32_t within(double value, int32_t most)
{
    return value < 1 ? 1 : value < most ? (int32_t)value : most;
}

ctvk_status ctvk_conv3d_product_record(const ctvk_conv3d_job *job, const ctvk_conv3d_product *product,
                                       const struct ctvk_conv3d_product_params *params, ctvk_error *error)
{
    /* One chunk of one run; chunks and runs are numbered with two and three digits. */
    double one = (double)params->lanes * product->vec4 * 4 * OUT_CHANNELS, fit = ctvk_gpu_cmd_work_limit(job->cmd) / one;
    int32_t all = ctvk_conv3d_out_chunks(job->conv), chunks, runs;
    chunks = within(fit / 3, all < DIGITS * DIGITS ? all : DIGITS * DIGITS);
    runs = within(fit / chunks / 3, (DIGITS * DIGITS * DIGITS - 1) / 3) * 3;
    ctvk_status status = CTVK_OK;
    for (piece k = {0}; k.chunk < all && !status; k.chunk += chunks) {
        k.chunks = all - k.chunk < chunks ? all - k.chunk : chunks;
        for (k.run = 0; k.run < product->runs && !status; k.run += runs) {
            k.runs = product->runs - k.run < runs ? product->runs - k.run : runs;
            status = dispatch(job, product, params, &k, one, error);
        }
    }
    return status;
}
