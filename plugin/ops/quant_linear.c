/* Products with packed weights on the promised minimum: tiles of decoded weights in shared memory (shaders/quant_linear.comp); the
 * choice of the variant; the checks that all variants share. */
#include "ops/quant_linear.h"
#include "ops/quant_linear_plan.h"
#include "params/quant_linear.h"

enum { TILE_OUTS = 64, TILE_ROWS = 32 };
_Static_assert(sizeof(struct ctvk_quant_linear_params) <= 128, "push constants");

/* Sizes of blocks: ggml-common.h, structures block_q*. */
static const ctvk_quant_type types[] = {{CTVK_QUANT_F32, 1, 4, "quant_linear_f32"},       {CTVK_QUANT_F16, 1, 2, "quant_linear_f16"},
                                        {CTVK_QUANT_BF16, 1, 2, "quant_linear_bf16"},     {CTVK_QUANT_Q4_0, 32, 18, "quant_linear_q4_0"},
                                        {CTVK_QUANT_Q4_1, 32, 20, "quant_linear_q4_1"},   {CTVK_QUANT_Q5_0, 32, 22, "quant_linear_q5_0"},
                                        {CTVK_QUANT_Q5_1, 32, 24, "quant_linear_q5_1"},   {CTVK_QUANT_Q8_0, 32, 34, "quant_linear_q8_0"},
                                        {CTVK_QUANT_Q4_K, 256, 144, "quant_linear_q4_k"}, {CTVK_QUANT_Q5_K, 256, 176, "quant_linear_q5_k"},
                                        {CTVK_QUANT_Q6_K, 256, 210, "quant_linear_q6_k"}};

const ctvk_quant_type *ctvk_quant_type_of(int32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return &types[i];
    return NULL;
}

uint64_t ctvk_quant_linear_row_bytes(const ctvk_quant_linear *op)
{
    const ctvk_quant_type *type = ctvk_quant_type_of(op->type);
    return type && op->width > 0 ? (uint64_t)(op->width / type->block) * (uint64_t)type->bytes : 0;
}

uint64_t ctvk_quant_linear_weight_bytes(const ctvk_quant_linear *op)
{
    return op->outs > 0 ? (ctvk_quant_linear_row_bytes(op) * (uint64_t)op->outs + 15) / 16 * 16 : 0;
}

ctvk_quant_linear_plan ctvk_quant_linear_plan_for(const ctvk_gpu_caps *caps)
{
    /* Byte numbers of a shader are int: no use of bindings above the promised size. */
    uint64_t limit = caps->max_storage_range < 1u << 27 ? caps->max_storage_range : 1u << 27;
    return (ctvk_quant_linear_plan){CTVK_QUANT_LINEAR_PORTABLE, limit, limit};
}

uint64_t ctvk_quant_linear_plan_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows)
{
    (void)plan, (void)op, (void)rows;
    return 0;
}

uint64_t ctvk_quant_linear_scratch_bytes(const ctvk_gpu *gpu, const ctvk_quant_linear *op, int32_t rows)
{
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(gpu));
    return ctvk_quant_linear_plan_scratch_bytes(&plan, op, rows);
}

ctvk_gpu_bind ctvk_quant_linear_weight_bind(const ctvk_quant_linear_job *job, int32_t first, int32_t count, int32_t *at)
{
    uint64_t alignment = ctvk_gpu_get_caps(job->gpu)->storage_alignment, row = ctvk_quant_linear_row_bytes(job->op);
    uint64_t begin = job->weights->offset + (uint64_t)first * row, aligned = begin & ~(alignment - 1);
    /* Whole words: weight_bytes is a multiple of 16. */
    uint64_t bytes = (begin - aligned + (uint64_t)count * row + 3) / 4 * 4;
    *at = (int32_t)(begin - aligned);
    return (ctvk_gpu_bind){job->weights->buffer, aligned, bytes};
}

/* Bytes of `rows` rows of `width` floats. */
static uint64_t rows_bytes(int32_t rows, int32_t stride, int32_t width)
{
    return ((uint64_t)(rows - 1) * (uint64_t)stride + (uint64_t)width) * sizeof(float);
}

/* Token rows [first, first + count), as above. */
static ctvk_gpu_bind row_bind(const ctvk_quant_linear_job *job, const ctvk_span *span, int32_t first, int32_t count, int32_t stride,
                              int32_t width, int32_t *at)
{
    uint64_t alignment = ctvk_gpu_get_caps(job->gpu)->storage_alignment;
    uint64_t begin = span->offset + (uint64_t)first * (uint64_t)stride * sizeof(float), aligned = begin & ~(alignment - 1);
    *at = (int32_t)((begin - aligned) / sizeof(float));
    return (ctvk_gpu_bind){span->buffer, aligned, begin - aligned + rows_bytes(count, stride, width)};
}

static ctvk_status check(const ctvk_quant_linear_job *job, ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    const ctvk_quant_type *type = ctvk_quant_type_of(op->type);
    const char *why = NULL;
    if (!type)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "quantised product: weights of type %d are not read (report this)", op->type);
    if (op->width < 4 || op->width % 4 || op->width % type->block || op->outs < 1)
        why = "the width must be a positive multiple of 4 and of the type's block";
    else if (job->rows < 1 || job->in_stride % 4 || job->out_stride % 4 || job->in_stride < op->width || job->out_stride < op->outs)
        why = "rows must be at least as long as the matrix is wide, their strides multiples of 4";
    else if (job->weights->bytes < ctvk_quant_linear_weight_bytes(op))
        why = "the packed weights are too short";
    else if (job->in->bytes < rows_bytes(job->rows, job->in_stride, op->width) ||
             job->out->bytes < rows_bytes(job->rows, job->out_stride, op->outs))
        why = "the token rows are too short";
    return why ? ctvk_fail(error, CTVK_ERROR_INTERNAL, "quantised product %d to %d, %d rows: %s (report this)", op->width, op->outs,
                           job->rows, why)
               : CTVK_OK;
}

/* How many of `all` one dispatch takes: at most `fit`, about `wanted`, whole tiles where it is less than all; 0: nothing fits. */
static int32_t share(int32_t all, double fit, double wanted, int32_t tile)
{
    if (fit < 1)
        return 0;
    double most = fit < wanted ? fit : wanted < 1 ? 1 : wanted;
    most = most < tile && fit >= tile ? tile : most;
    if (most >= all)
        return all;
    return most >= tile ? (int32_t)most / tile * tile : (int32_t)most;
}

static ctvk_status dispatch_portable(const ctvk_quant_linear_job *job, int32_t out, int32_t outs, int32_t row, int32_t rows, int first,
                                     ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    struct ctvk_quant_linear_params p = {.row_bytes = (int32_t)ctvk_quant_linear_row_bytes(op),
                                         .width = op->width,
                                         .outs = outs,
                                         .rows = rows,
                                         .in_stride = job->in_stride / 4,
                                         .out_stride = job->out_stride,
                                         .accumulate = job->accumulate};
    ctvk_gpu_bind binds[3];
    ctvk_gpu_pipeline *pipeline = NULL;
    binds[0] = ctvk_quant_linear_weight_bind(job, out, outs, &p.weights);
    binds[1] = row_bind(job, job->in, row, rows, job->in_stride, op->width, &p.from);
    binds[2] = row_bind(job, job->out, row, rows, job->out_stride, op->outs, &p.to);
    p.from /= 4;
    p.to += out;
    uint32_t groups[3] = {((uint32_t)outs + TILE_OUTS - 1) / TILE_OUTS, ((uint32_t)rows + TILE_ROWS - 1) / TILE_ROWS, 1};
    double work = (double)op->width * groups[0] * TILE_OUTS * groups[1] * TILE_ROWS;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, ctvk_quant_type_of(op->type)->shader, NULL, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 3, &p, sizeof p, groups, work, first ? 0 : CTVK_GPU_NO_BARRIER, error);
}

static ctvk_status record_portable(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    double alignment = (double)ctvk_gpu_get_caps(job->gpu)->storage_alignment, limit = ctvk_gpu_cmd_work_limit(job->cmd);
    double longest = 4.0 * (job->in_stride > job->out_stride ? job->in_stride : job->out_stride);
    int32_t rows = share(job->rows, ((double)plan->row_bytes - alignment) / longest, limit / ((double)op->width * TILE_OUTS), TILE_ROWS);
    double tile_rows = (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    int32_t outs = rows ? share(op->outs, ((double)plan->weight_bytes - alignment - 4) / (double)ctvk_quant_linear_row_bytes(op),
                                limit / (op->width * tile_rows), TILE_OUTS)
                        : 0;
    if (!outs)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "quantised product %d to %d: one row is larger than the device's buffer binding (use a smaller model)", op->width,
                         op->outs);
    ctvk_status status = CTVK_OK;
    for (int32_t out = 0; out < op->outs; out += outs) {
        for (int32_t row = 0; row < job->rows && !status; row += rows) {
            int32_t some = op->outs - out < outs ? op->outs - out : outs, few = job->rows - row < rows ? job->rows - row : rows;
            status = dispatch_portable(job, out, some, row, few, out == 0 && row == 0, error);
        }
    }
    return status;
}

ctvk_status ctvk_quant_linear_plan_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
{
    ctvk_status status = check(job, error);
    return status ? status : record_portable(plan, job, error);
}

ctvk_status ctvk_quant_linear_record(const ctvk_quant_linear_job *job, ctvk_error *error)
{
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(job->gpu));
    return ctvk_quant_linear_plan_record(&plan, job, error);
}
