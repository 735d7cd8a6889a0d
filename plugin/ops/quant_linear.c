/* Products with packed weights: the door, and the checks that all variants share. */
#include "ops/quant_linear.h"
#include "ops/quant_linear_plan.h"

uint64_t ctvk_quant_linear_weight_bytes(const ctvk_quant_linear *op)
{
    return op->outs > 0 ? (ctvk_quant_linear_row_bytes(op) * (uint64_t)op->outs + 15) / 16 * 16 : 0;
}

uint64_t ctvk_quant_linear_plan_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows)
{
    return plan->family == CTVK_QUANT_LINEAR_PORTABLE ? 0 : ctvk_quant_linear_straight_scratch_bytes(plan, op, rows);
}

uint64_t ctvk_quant_linear_scratch_bytes(const ctvk_gpu *gpu, const ctvk_quant_linear *op, int32_t rows)
{
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(gpu));
    return ctvk_quant_linear_plan_scratch_bytes(&plan, op, rows);
}

static ctvk_status check(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
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
    else if (job->in->bytes < ctvk_quant_linear_rows_bytes(job->rows, job->in_stride, op->width) ||
             job->out->bytes < ctvk_quant_linear_rows_bytes(job->rows, job->out_stride, op->outs))
        why = "the token rows are too short";
    else if (plan->family != CTVK_QUANT_LINEAR_PORTABLE &&
             (!job->scratch || job->scratch->bytes < ctvk_quant_linear_plan_scratch_bytes(plan, op, job->rows)))
        why = "the scratch is too small";
    return why ? ctvk_fail(error, CTVK_ERROR_INTERNAL, "quantised product %d to %d, %d rows: %s (report this)", op->width, op->outs,
                           job->rows, why)
               : CTVK_OK;
}

ctvk_status ctvk_quant_linear_plan_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
{
    ctvk_status status = check(plan, job, error);
    if (status)
        return status;
    const ctvk_quant_linear *op = job->op;
    ctvk_gpu_cmd_operation(job->cmd, "quant_linear", 2.0 * job->rows * op->width * op->outs,
                           4.0 * job->rows * (op->width + op->outs) + (double)ctvk_quant_linear_weight_bytes(op), "%d x %d -> %d, type %d",
                           job->rows, op->width, op->outs, op->type);
    return plan->family == CTVK_QUANT_LINEAR_PORTABLE ? ctvk_quant_linear_portable_record(plan, job, error)
                                                      : ctvk_quant_linear_straight_record(plan, job, error);
}

ctvk_status ctvk_quant_linear_record(const ctvk_quant_linear_job *job, ctvk_error *error)
{
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(job->gpu));
    return ctvk_quant_linear_plan_record(&plan, job, error);
}
