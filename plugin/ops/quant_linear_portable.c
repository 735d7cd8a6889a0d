/* Products with packed weights on the promised minimum: tiles of decoded weights in shared memory (shaders/quant_linear.comp). */
#include "ops/quant_linear_plan.h"
#include "params/quant_linear.h"

#include <stdio.h>

enum { TILE_OUTS = 64, TILE_ROWS = 32 };
_Static_assert(sizeof(struct ctvk_quant_linear_params) <= 128, "push constants");

typedef struct piece {
    int32_t out, outs, row, rows;
} piece;

static ctvk_status dispatch(const ctvk_quant_linear_job *job, const piece *k, ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    struct ctvk_quant_linear_params p = {.row_bytes = (int32_t)ctvk_quant_linear_row_bytes(op),
                                         .width = op->width,
                                         .outs = k->outs,
                                         .rows = k->rows,
                                         .in_stride = job->in_stride / 4,
                                         .out_stride = job->out_stride,
                                         .accumulate = job->accumulate};
    ctvk_gpu_bind binds[3];
    ctvk_gpu_pipeline *pipeline = NULL;
    char shader[32];
    snprintf(shader, sizeof shader, "quant_linear_%s", ctvk_quant_type_of(op->type)->name);
    binds[0] = ctvk_quant_linear_weight_bind(job, k->out, k->outs, &p.weights);
    binds[1] = ctvk_quant_linear_row_bind(job, job->in, k->row, k->rows, &p.from);
    binds[2] = ctvk_quant_linear_row_bind(job, job->out, k->row, k->rows, &p.to);
    p.from /= 4;
    p.to += k->out;
    uint32_t groups[3] = {((uint32_t)k->outs + TILE_OUTS - 1) / TILE_OUTS, ((uint32_t)k->rows + TILE_ROWS - 1) / TILE_ROWS, 1};
    double work = (double)op->width * groups[0] * TILE_OUTS * groups[1] * TILE_ROWS;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, shader, NULL, 0, &pipeline, error);
    /* Pieces write different outputs. */
    uint32_t flags = k->out || k->row ? CTVK_GPU_NO_BARRIER : 0;
    return status ? status : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 3, &p, sizeof p, groups, work, flags, error);
}

ctvk_status ctvk_quant_linear_portable_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    double alignment = (double)ctvk_gpu_get_caps(job->gpu)->storage_alignment, limit = ctvk_gpu_cmd_work_limit(job->cmd);
    double longest = 4.0 * (job->in_stride > job->out_stride ? job->in_stride : job->out_stride);
    int32_t rows = ctvk_quant_linear_share(job->rows, ((double)plan->row_bytes - alignment) / longest,
                                           limit / ((double)op->width * TILE_OUTS), TILE_ROWS);
    double tile_rows = (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    int32_t outs =
        rows ? ctvk_quant_linear_share(op->outs, ((double)plan->weight_bytes - alignment - 16) / (double)ctvk_quant_linear_row_bytes(op),
                                       limit / (op->width * tile_rows), TILE_OUTS)
             : 0;
    if (!outs)
        return ctvk_quant_linear_too_large(op, error);
    ctvk_status status = CTVK_OK;
    for (piece k = {0}; k.out < op->outs && !status; k.out += outs) {
        k.outs = op->outs - k.out < outs ? op->outs - k.out : outs;
        for (k.row = 0; k.row < job->rows && !status; k.row += rows) {
            k.rows = job->rows - k.row < rows ? job->rows - k.row : rows;
            status = dispatch(job, &k, error);
        }
    }
    return status;
}
