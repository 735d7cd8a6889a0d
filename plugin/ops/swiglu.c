#include "ops/swiglu.h"

#include "params/swiglu.h"

_Static_assert(sizeof(struct ctvk_swiglu_params) <= 128, "push constants");

enum { LANES = 64 };

ctvk_status ctvk_swiglu_record(const ctvk_swiglu_job *job, ctvk_error *error)
{
    uint64_t bytes = (uint64_t)job->rows * (uint64_t)job->width * sizeof(float);
    if (job->rows < 1 || job->width < 4 || job->width % 4 || job->gate->bytes < bytes || job->up->bytes < bytes)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "gated activation: %d rows of %d do not fit their spans (report this)", job->rows,
                         job->width);
    struct ctvk_swiglu_params p = {job->width / 4};
    uint32_t groups[3] = {(uint32_t)(p.width + LANES - 1) / LANES, (uint32_t)job->rows, 1};
    ctvk_gpu_bind binds[2] = {ctvk_span_bind(job->gate), ctvk_span_bind(job->up)};
    ctvk_gpu_pipeline *pipeline = NULL;
    /* Sign, exponential, sum, quotient, product. */
    ctvk_gpu_cmd_operation(job->cmd, "swiglu", 5.0 * job->rows * job->width, 3.0 * (double)bytes, "%d x %d", job->rows, job->width);
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, "swiglu", NULL, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 2, &p, sizeof p, groups, 16.0 * job->rows * job->width, 0, error);
}
