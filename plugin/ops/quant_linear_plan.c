/* Products with packed weights: the choice of the variant, sizes of types, bindings. */
#include "ops/quant_linear_plan.h"

/* Sizes of blocks: ggml-common.h, structures block_q*. */
static const ctvk_quant_type types[] = {
    {CTVK_QUANT_F32, 1, 4, "f32"},       {CTVK_QUANT_F16, 1, 2, "f16"},      {CTVK_QUANT_BF16, 1, 2, "bf16"},
    {CTVK_QUANT_Q4_0, 32, 18, "q4_0"},   {CTVK_QUANT_Q4_1, 32, 20, "q4_1"},  {CTVK_QUANT_Q5_0, 32, 22, "q5_0"},
    {CTVK_QUANT_Q5_1, 32, 24, "q5_1"},   {CTVK_QUANT_Q8_0, 32, 34, "q8_0"},  {CTVK_QUANT_Q4_K, 256, 144, "q4_k"},
    {CTVK_QUANT_Q5_K, 256, 176, "q5_k"}, {CTVK_QUANT_Q6_K, 256, 210, "q6_k"}};

const ctvk_quant_type *ctvk_quant_type_of(int32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return &types[i];
    return NULL;
}

ctvk_quant_linear_plan ctvk_quant_linear_plan_for(const ctvk_gpu_caps *caps)
{
    /* Places in shaders are int: no use of bindings above the promised size. */
    uint64_t limit = caps->max_storage_range < 1u << 27 ? caps->max_storage_range : 1u << 27;
    ctvk_quant_linear_plan plan = {CTVK_QUANT_LINEAR_PORTABLE, limit, limit, 8u << 20};
    /* Software drivers keep sums in registers only in straight-line code (on lavapipe shared tiles take 27 times its time). */
    if (caps->is_cpu && caps->buffer_address && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22) {
        uint64_t texel = caps->max_texel_elements * 16;
        plan.family = CTVK_QUANT_LINEAR_ADDRESS;
        plan.weight_bytes = plan.row_bytes = texel < limit ? texel : limit;
    } else if (caps->is_cpu) {
        plan.family = CTVK_QUANT_LINEAR_UNIFORM;
    }
    return plan;
}

uint64_t ctvk_quant_linear_row_bytes(const ctvk_quant_linear *op)
{
    const ctvk_quant_type *type = ctvk_quant_type_of(op->type);
    return type && op->width > 0 ? (uint64_t)(op->width / type->block) * (uint64_t)type->bytes : 0;
}

uint64_t ctvk_quant_linear_rows_bytes(int32_t rows, int32_t stride, int32_t width)
{
    return ((uint64_t)(rows - 1) * (uint64_t)stride + (uint64_t)width) * sizeof(float);
}

ctvk_gpu_bind ctvk_quant_linear_weight_bind(const ctvk_quant_linear_job *job, int32_t first, int32_t count, int32_t *at)
{
    uint64_t alignment = ctvk_gpu_get_caps(job->gpu)->storage_alignment, row = ctvk_quant_linear_row_bytes(job->op);
    uint64_t begin = job->weights->offset + (uint64_t)first * row, aligned = begin / alignment * alignment;
    *at = (int32_t)(begin - aligned);
    /* Still inside the span: its offset is a multiple of 256 and its size, weight_bytes, of 16. */
    return (ctvk_gpu_bind){job->weights->buffer, aligned, (begin - aligned + (uint64_t)count * row + 15) / 16 * 16};
}

ctvk_gpu_bind ctvk_quant_linear_row_bind(const ctvk_quant_linear_job *job, const ctvk_span *span, int32_t first, int32_t count, int32_t *at)
{
    int32_t stride = span == job->in ? job->in_stride : job->out_stride, width = span == job->in ? job->op->width : job->op->outs;
    uint64_t alignment = ctvk_gpu_get_caps(job->gpu)->storage_alignment;
    uint64_t begin = span->offset + (uint64_t)first * (uint64_t)stride * sizeof(float), aligned = begin / alignment * alignment;
    *at = (int32_t)((begin - aligned) / sizeof(float));
    return (ctvk_gpu_bind){span->buffer, aligned, begin - aligned + ctvk_quant_linear_rows_bytes(count, stride, width)};
}

int32_t ctvk_quant_linear_share(int32_t all, double fit, double wanted, int32_t tile)
{
    if (fit < 1)
        return 0;
    double most = wanted < tile ? tile : wanted;
    most = most < fit ? most : fit;
    if (most >= all)
        return all;
    return most >= tile ? (int32_t)most / tile * tile : (int32_t)most;
}

ctvk_status ctvk_quant_linear_too_large(const ctvk_quant_linear *op, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                     "quantised product %d to %d: four rows are larger than the device's buffer binding (use a smaller model)", op->width,
                     op->outs);
}
