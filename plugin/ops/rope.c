#include "ops/rope.h"

#include "params/rope.h"

#include <math.h>

_Static_assert(sizeof(struct ctvk_rope_params) <= 128, "push constants");

enum { LANES = 64 };

uint64_t ctvk_rope_table_bytes(int32_t positions, int32_t dim)
{
    return (uint64_t)positions * (uint64_t)dim * sizeof(float);
}

void ctvk_rope_table(const ctvk_rope_angles *angles, int32_t positions, float *out)
{
    for (int32_t t = 0; t < positions; t++)
        for (int32_t i = 0; i < angles->dim / 2; i++) {
            double angle = t * angles->scale * pow(angles->base, -2.0 * i / angles->dim);
            if (angles->divisors)
                angle /= angles->divisors[i];
            *out++ = (float)cos(angle);
            *out++ = (float)sin(angle);
        }
}

static int fits(const ctvk_rope_job *j)
{
    uint64_t rows = (uint64_t)j->sequences * (uint64_t)j->tokens, q_rows = (uint64_t)j->sequences * (uint64_t)j->q_tokens;
    return j->table->bytes >= ctvk_rope_table_bytes(j->tokens, j->dim) &&
           j->q->bytes >= q_rows * (uint64_t)j->q_heads * (uint64_t)j->head_dim * sizeof(float) &&
           j->k->bytes >= rows * (uint64_t)j->k_heads * (uint64_t)j->head_dim * sizeof(float);
}

ctvk_status ctvk_rope_record(const ctvk_rope_job *job, ctvk_error *error)
{
    if (job->sequences < 1 || job->tokens < 1 || job->q_tokens < 1 || job->q_tokens > job->tokens || job->q_heads < 1 || job->k_heads < 1 ||
        job->dim < 2 || job->dim > job->head_dim || (job->dim | job->head_dim) % 2 || !fits(job))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rotary embedding: %d x %d rows with heads of %d do not fit their spans (report this)",
                         job->sequences, job->tokens, job->head_dim);
    struct ctvk_rope_params p = {.head = job->head_dim / 2,
                                 .turned = job->dim / 2,
                                 .q_heads = job->q_heads,
                                 .k_heads = job->k_heads,
                                 .q_rows = job->sequences * job->q_tokens,
                                 .k_rows = job->sequences * job->tokens,
                                 .q_tokens = job->q_tokens,
                                 .q_first = job->tokens - job->q_tokens,
                                 .k_tokens = job->tokens};
    int32_t lanes = (job->q_heads + job->k_heads) * p.turned;
    uint32_t groups[3] = {(uint32_t)(lanes + LANES - 1) / LANES, (uint32_t)p.k_rows, 1};
    ctvk_gpu_bind binds[3] = {ctvk_span_bind(job->q), ctvk_span_bind(job->k), ctvk_span_bind(job->table)};
    ctvk_gpu_pipeline *pipeline = NULL;
    double turned = ((double)job->q_heads * p.q_rows + (double)job->k_heads * p.k_rows) * p.turned; /* pairs of numbers */
    ctvk_gpu_cmd_operation(job->cmd, "rope", 6 * turned, 16 * turned + (double)ctvk_rope_table_bytes(job->tokens, job->dim),
                           "%d x %d rows, %d + %d heads of %d", job->sequences, job->tokens, job->q_heads, job->k_heads, job->head_dim);
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, "rope", NULL, 0, &pipeline, error);
    return status ? status : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, 3, &p, sizeof p, groups, 8.0 * lanes * p.k_rows, 0, error);
}
