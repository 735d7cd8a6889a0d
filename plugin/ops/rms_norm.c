#include "ops/rms_norm.h"

#include "params/rms_norm.h"

_Static_assert(sizeof(struct ctvk_rms_norm_params) <= 128, "push constants");

static int fits(const ctvk_rms_norm_job *j)
{
    uint64_t in = (uint64_t)j->in_first + (uint64_t)(j->rows - 1) * (uint64_t)j->in_stride + (uint64_t)j->width;
    uint64_t out = (uint64_t)(j->rows - 1) * (uint64_t)j->out_stride + (uint64_t)j->width;
    return j->in->bytes >= in * sizeof(float) && j->out->bytes >= out * sizeof(float) &&
           j->weights->bytes >= (uint64_t)j->width * sizeof(float);
}

ctvk_status ctvk_rms_norm_record(const ctvk_rms_norm_job *job, ctvk_error *error)
{
    if (job->rows < 1 || job->width < 4 || (job->width | job->in_first | job->in_stride | job->out_stride) % 4 || job->in_first < 0 ||
        job->in_stride < 0 || job->out_stride < 0 || !fits(job))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "RMS norm: %d rows of %d do not fit their spans (report this)", job->rows, job->width);
    struct ctvk_rms_norm_params p = {job->in_first / 4, job->in_stride / 4, job->out_stride / 4, job->width / 4, job->eps};
    ctvk_gpu_bind binds[3] = {ctvk_span_bind(job->in), ctvk_span_bind(job->weights), ctvk_span_bind(job->out)};
    uint32_t groups[3] = {(uint32_t)job->rows, 1, 1};
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_gpu_cmd_operation(job->cmd, "rms_norm", 4.0 * job->rows * job->width, 4.0 * job->width * (2.0 * job->rows + 1), "%d x %d",
                           job->rows, job->width);
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, "rms_norm", NULL, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 3, &p, sizeof p, groups, 4.0 * job->rows * job->width, 0, error);
}
