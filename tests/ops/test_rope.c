/* Rotary embedding against plain C in double: partial rotation, divisors, scaling, one query a sequence. */
#include "ops/rope.h"
#include "ref/rope.h"
#include "support/rows_case.h"

/* Cosines and sines rounded to float32, two products and a sum: 1.3e-7 seen. */
#define TOLERANCE 5e-7

typedef struct shape {
    int sequences, tokens, q_tokens, q_heads, k_heads, head_dim, dim;
    double base, scale;
    int divided;
} shape;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    ctvk_rope_job *job = user;
    job->cmd = cmd;
    job->gpu = gpu;
    return ctvk_rope_record(job, error);
}

/* rows of `tokens` a sequence that begin at position `first`. */
static void turn_all(rows_case *r, const shape *s, int tokens, int first, int heads, const float *divisors)
{
    for (int row = 0; row < s->sequences * tokens; row++)
        ref_rope(r->exact + (long)row * heads * s->head_dim, heads, s->head_dim, s->dim, first + row % tokens, s->base, s->scale, divisors);
    CHECK(rows_read(r));
    double worst = ops_worst(r->host, r->exact, r->count);
    CHECK_MSG(worst <= TOLERANCE, "%d x %d rows, %d heads of %d, %d turned: error %g", s->sequences, tokens, heads, s->head_dim, s->dim,
              worst);
}

static void run_case(ctvk_gpu *gpu, const shape *s)
{
    rows_case q = {0}, k = {0}, table = {0};
    float divisors[64];
    ctvk_error error = {0};
    for (int i = 0; i < 64; i++)
        divisors[i] = 1.0f + 0.37f * (float)i;
    size_t q_count = (size_t)(s->sequences * s->q_tokens * s->q_heads * s->head_dim),
           k_count = (size_t)(s->sequences * s->tokens * s->k_heads * s->head_dim);
    if (rows_create(gpu, &q, q_count, 7, 1) && rows_create(gpu, &k, k_count, 8, 1) &&
        rows_create(gpu, &table, (size_t)(s->tokens * s->dim), 9, 0)) {
        ctvk_rope_angles angles = {s->dim, s->base, s->scale, s->divided ? divisors : NULL};
        CHECK(ctvk_rope_table_bytes(s->tokens, s->dim) == table.span.bytes);
        ctvk_rope_table(&angles, s->tokens, table.host);
        CHECK(ctvk_gpu_upload(table.span.buffer, table.span.offset, table.host, table.span.bytes, &error) == CTVK_OK);
        ctvk_rope_job job = {NULL,      NULL,        &table.span, &q.span,    &k.span,     s->sequences,
                             s->tokens, s->q_tokens, s->q_heads,  s->k_heads, s->head_dim, s->dim};
        ctvk_status status = ops_run(gpu, record, &job, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        turn_all(&q, s, s->q_tokens, s->tokens - s->q_tokens, s->q_heads, angles.divisors);
        turn_all(&k, s, s->tokens, 0, s->k_heads, angles.divisors);
        job.q_tokens = s->tokens + 1;
        CHECK(ops_run(gpu, record, &job, &error) == CTVK_ERROR_INTERNAL);
        job.q_tokens = s->q_tokens;
        job.sequences++;
        CHECK(ops_run(gpu, record, &job, &error) == CTVK_ERROR_INTERNAL);
        job.sequences--;
        job.dim = s->head_dim + 2;
        CHECK(ops_run(gpu, record, &job, &error) == CTVK_ERROR_INTERNAL);
    }
    rows_destroy(&q);
    rows_destroy(&k);
    rows_destroy(&table);
}

int main(void)
{
    static const shape shapes[] = {
        {1, 1, 1, 1, 1, 4, 4, 1e4, 1, 0},         {2, 33, 33, 9, 3, 64, 64, 1e5, 1, 0},  {3, 5, 1, 4, 2, 12, 8, 1e4, 0.25, 0},
        {2, 129, 129, 4, 4, 128, 128, 5e5, 1, 1}, {1, 70, 1, 5, 1, 20, 20, 1e4, 1.7, 1}, {2, 7, 3, 3, 1, 6, 2, 1e4, 1, 0},
    };
    for (int limited = 0; limited < 2; limited++) {
        ctvk_gpu *gpu = open_gpu(limited ? CTVK_GPU_MIN_LIMITS : 0);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run_case(gpu, &shapes[i]);
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("rope");
}
