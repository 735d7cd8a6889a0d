#include "ops/causal_attend.h"

#include "params/causal_attend.h"

#include <math.h>

_Static_assert(sizeof(struct ctvk_causal_attend_params) <= 128, "push constants");

int32_t ctvk_causal_attend_most_head(void)
{
    return CTVK_CAUSAL_ATTEND_HEAD;
}

static int fits(const ctvk_causal_attend_job *j)
{
    uint64_t q = (uint64_t)j->sequences * (uint64_t)j->q_tokens * (uint64_t)j->heads * (uint64_t)j->head_dim * sizeof(float);
    uint64_t k = (uint64_t)j->sequences * (uint64_t)j->tokens * (uint64_t)j->kv_heads * (uint64_t)j->head_dim * sizeof(float);
    return j->q->bytes >= q && j->out->bytes >= q && j->k->bytes >= k && j->v->bytes >= k;
}

ctvk_status ctvk_causal_attend_record(const ctvk_causal_attend_job *job, ctvk_error *error)
{
    if (job->sequences < 1 || job->tokens < 1 || job->q_tokens < 1 || job->q_tokens > job->tokens || job->kv_heads < 1 || job->heads < 1 ||
        job->heads % job->kv_heads || job->head_dim < 4 || job->head_dim % 4 || job->head_dim > CTVK_CAUSAL_ATTEND_HEAD || !fits(job))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL,
                         "causal attention: %d x %d rows with %d heads of %d, %d of keys do not fit their spans (report this)",
                         job->sequences, job->tokens, job->heads, job->head_dim, job->kv_heads);
    struct ctvk_causal_attend_params p = {.tokens = job->tokens,
                                          .q_tokens = job->q_tokens,
                                          .heads = job->heads,
                                          .sharers = job->heads / job->kv_heads,
                                          .k_heads = job->kv_heads,
                                          .head = job->head_dim / 4,
                                          .scale = 1.0f / sqrtf((float)job->head_dim)};
    uint32_t groups[3] = {(uint32_t)(job->sequences * job->q_tokens), (uint32_t)job->heads, 1};
    double work = 2.0 * groups[0] * groups[1] * job->tokens * job->head_dim;
    ctvk_gpu_bind binds[4] = {ctvk_span_bind(job->q), ctvk_span_bind(job->k), ctvk_span_bind(job->v), ctvk_span_bind(job->out)};
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, "causal_attend", NULL, 0, &pipeline, error);
    return status ? status : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 4, &p, sizeof p, groups, work, 0, error);
}
