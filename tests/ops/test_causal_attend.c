/* Causal attention against plain C in double: numbers of keys around a block's edge, grouped heads, one query a sequence, more rows than
 * one dispatch takes. */
#include "ops/causal_attend.h"
#include "ref/causal_attend.h"
#include "support/rows_case.h"

/* Queries and keys in [-scale, scale): scores of a size of scale^2, off by a few 1e-7 of it, and so are the weights. 1.3e-7 seen at scale
 * 1, 2.6e-6 at scale 5. */
static double tolerance(double scale)
{
    return 6e-7 * scale * scale;
}

typedef struct shape {
    int sequences, tokens, q_tokens, heads, kv_heads, head_dim;
} shape;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    ctvk_causal_attend_job *job = user;
    job->cmd = cmd;
    job->gpu = gpu;
    return ctvk_causal_attend_record(job, error);
}

static void check_refusals(ctvk_gpu *gpu, const ctvk_causal_attend_job *good)
{
    ctvk_causal_attend_job bad[] = {*good, *good, *good, *good, *good};
    bad[0].sequences++;
    bad[1].q_tokens = good->tokens + 1;
    bad[2].head_dim = good->head_dim + 4;
    bad[3].kv_heads = good->heads + 1;
    bad[4].head_dim = good->head_dim - 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(ops_run(gpu, record, &bad[i], NULL) == CTVK_ERROR_INTERNAL, "case %zu was taken", i);
}

static void run_case(ctvk_gpu *gpu, const shape *s, double scale)
{
    rows_case q = {0}, k = {0}, v = {0}, out = {0}, scratch = {0};
    size_t q_row = (size_t)(s->heads * s->head_dim), k_row = (size_t)(s->kv_heads * s->head_dim);
    size_t q_one = (size_t)s->q_tokens * q_row, k_one = (size_t)s->tokens * k_row, n = (size_t)s->sequences;
    ctvk_error error = {0};
    if (rows_create(gpu, &q, n * q_one, 21, scale) && rows_create(gpu, &k, n * k_one, 22, scale) &&
        rows_create(gpu, &v, n * k_one, 23, 1) && rows_create(gpu, &out, n * q_one, 24, 0) &&
        rows_create(gpu, &scratch, ctvk_causal_attend_scratch_bytes(s->sequences * s->q_tokens, s->tokens, s->heads) / sizeof(float), 25,
                    0)) {
        ctvk_causal_attend_job job = {NULL,         NULL,      &q.span,     &k.span,  &v.span,     &out.span,  &scratch.span,
                                      s->sequences, s->tokens, s->q_tokens, s->heads, s->kv_heads, s->head_dim};
        ctvk_status status = ops_run(gpu, record, &job, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        for (size_t i = 0; i < n; i++)
            ref_causal_attend(q.exact + i * q_one, k.exact + i * k_one, v.exact + i * k_one, s->tokens, s->q_tokens, s->heads, s->kv_heads,
                              s->head_dim, out.exact + i * q_one);
        CHECK(rows_read(&out) && rows_read(&scratch));
        double worst = ops_worst(out.host, out.exact, out.count);
        CHECK_MSG(worst <= tolerance(scale), "%d x %d rows, %d queries, %d/%d heads of %d, scale %g: error %g", s->sequences, s->tokens,
                  s->q_tokens, s->heads, s->kv_heads, s->head_dim, scale, worst);
        check_refusals(gpu, &job);
    }
    rows_destroy(&q);
    rows_destroy(&k);
    rows_destroy(&v);
    rows_destroy(&out);
    rows_destroy(&scratch);
}

int main(void)
{
    static const shape shapes[] = {
        {1, 1, 1, 1, 1, 4},    {2, 33, 33, 9, 3, 64},  {1, 63, 63, 2, 1, 12},  {3, 64, 1, 4, 2, 20}, {2, 65, 65, 2, 2, 256},
        {1, 130, 3, 6, 2, 68}, {2, 128, 1, 2, 1, 128}, {1, 129, 129, 1, 1, 4}, {1, 5, 5, 3, 3, 300}, {1, 2049, 2049, 1, 1, 4},
    };
    for (int limited = 0; limited < 2; limited++) {
        ctvk_gpu *gpu = open_gpu(limited ? CTVK_GPU_MIN_LIMITS : 0);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            run_case(gpu, &shapes[i], 1);
            run_case(gpu, &shapes[i], 5);
        }
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("causal_attend");
}
