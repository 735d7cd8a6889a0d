#include "ops/causal_attend.h"

#include "ops/chunks.h"
#include "params/causal_attend.h"

#include <math.h>

_Static_assert(sizeof(struct ctvk_causal_attend_params) <= 128, "push constants");

enum { LANES = 64, SCRATCH_BYTES = 16 << 20 };

static uint64_t row_bytes(int32_t tokens, int32_t heads)
{
    return (uint64_t)heads * (((uint64_t)tokens + 3) / 4) * 16;
}

uint64_t ctvk_causal_attend_scratch_bytes(int32_t rows, int32_t tokens, int32_t heads)
{
    uint64_t row = row_bytes(tokens, heads), most = SCRATCH_BYTES / row;
    most = most < 1 ? 1 : most;
    return row * (most < (uint64_t)rows ? most : (uint64_t)rows);
}

static int fits(const ctvk_causal_attend_job *j)
{
    uint64_t q = (uint64_t)j->sequences * (uint64_t)j->q_tokens * (uint64_t)j->heads * (uint64_t)j->head_dim * sizeof(float);
    uint64_t k = (uint64_t)j->sequences * (uint64_t)j->tokens * (uint64_t)j->kv_heads * (uint64_t)j->head_dim * sizeof(float);
    return j->q->bytes >= q && j->out->bytes >= q && j->k->bytes >= k && j->v->bytes >= k &&
           j->scratch->bytes >= ctvk_causal_attend_scratch_bytes(j->sequences * j->q_tokens, j->tokens, j->heads);
}

/* Software drivers read faster through texel buffers, where these are large enough for all that is read. */
static int reads_texels(const ctvk_causal_attend_job *j)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(j->gpu);
    uint64_t range = ctvk_source_range(caps, 1);
    return ctvk_prefers_texel(caps) && j->q->bytes <= range && j->k->bytes <= range && j->v->bytes <= range && j->scratch->bytes <= range;
}

static ctvk_gpu_bind whole_vec4(const ctvk_span *span)
{
    return (ctvk_gpu_bind){span->buffer, span->offset, span->bytes / 16 * 16};
}

static ctvk_status dispatch(const ctvk_causal_attend_job *j, const char *shader, const ctvk_span *a, const ctvk_span *b,
                            const ctvk_span *out, const struct ctvk_causal_attend_params *p, int32_t lanes, int32_t rows, ctvk_error *error)
{
    ctvk_gpu_bind binds[3] = {whole_vec4(a), whole_vec4(b), whole_vec4(out)};
    uint32_t groups[3] = {(uint32_t)(lanes + LANES - 1) / LANES, (uint32_t)rows, 1};
    double work = 1.5 * rows * j->heads * j->tokens * j->head_dim;
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = ctvk_gpu_pipeline_get(j->gpu, shader, NULL, 0, &pipeline, error);
    return status ? status : ctvk_gpu_cmd_dispatch(j->cmd, pipeline, binds, 3, p, sizeof *p, groups, work, 0, error);
}

static ctvk_status check(const ctvk_causal_attend_job *j, ctvk_error *error)
{
    if (j->sequences < 1 || j->tokens < 1 || j->q_tokens < 1 || j->q_tokens > j->tokens || j->kv_heads < 1 || j->heads < 1 ||
        j->heads % j->kv_heads || j->head_dim < 4 || j->head_dim % 4 || !fits(j))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL,
                         "causal attention: %d x %d rows with %d heads of %d, %d of keys do not fit their spans (report this)",
                         j->sequences, j->tokens, j->heads, j->head_dim, j->kv_heads);
    return CTVK_OK;
}

ctvk_status ctvk_causal_attend_record(const ctvk_causal_attend_job *job, ctvk_error *error)
{
    ctvk_status status = check(job, error);
    if (status != CTVK_OK)
        return status;
    /* Each query meets the keys up to its own position: score, exponential, sum, weighted sum of the values. */
    double met = job->q_tokens * (job->tokens - (job->q_tokens - 1) / 2.0) * job->sequences * job->heads;
    double numbers = 2.0 * job->sequences * job->head_dim * ((double)job->q_tokens * job->heads + (double)job->tokens * job->kv_heads);
    ctvk_gpu_cmd_operation(job->cmd, "causal_attend", met * (4.0 * job->head_dim + 3), 4 * numbers, "%d x %d rows, %d heads of %d",
                           job->sequences, job->tokens, job->heads, job->head_dim);
    int texel = reads_texels(job);
    struct ctvk_causal_attend_params p = {.tokens = job->tokens,
                                          .q_tokens = job->q_tokens,
                                          .heads = job->heads,
                                          .sharers = job->heads / job->kv_heads,
                                          .k_heads = job->kv_heads,
                                          .head = job->head_dim / 4,
                                          .blocks = (job->tokens + 3) / 4,
                                          .scale = 1.0f / sqrtf((float)job->head_dim)};
    int32_t rows = job->sequences * job->q_tokens, parts = (p.head + 3) / 4;
    int32_t most = (int32_t)(ctvk_causal_attend_scratch_bytes(rows, job->tokens, job->heads) / row_bytes(job->tokens, job->heads));
    for (; p.first < rows && status == CTVK_OK; p.first += most) {
        int32_t count = rows - p.first < most ? rows - p.first : most;
        status = dispatch(job, texel ? "causal_attend_scores_texel" : "causal_attend_scores", job->q, job->k, job->scratch, &p,
                          job->heads * p.blocks, count, error);
        if (status == CTVK_OK)
            status = dispatch(job, texel ? "causal_attend_mix_texel" : "causal_attend_mix", job->scratch, job->v, job->out, &p,
                              job->heads * parts, count, error);
    }
    return status;
}
