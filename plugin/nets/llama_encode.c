/* The order of a Llama model's operations (Touvron et al. 2023), all sequences in one batch. */
#include "nets/llama_stream.h"

#include "ops/causal_attend.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

#include <math.h>

typedef struct encoder {
    const ctvk_llama *model;
    ctvk_gpu_cmd *cmd;
    ctvk_llama_stream stream;
    int32_t sequences, tokens, layer;
    double total_work; /* 0: not yet known */
    ctvk_llama_progress_fn progress;
    void *user;
    ctvk_error *error;
} encoder;

static ctvk_span span(const encoder *e, ctvk_llama_place place)
{
    return (ctvk_span){e->model->activations, place.offset, place.bytes};
}

static int is_last(const encoder *e)
{
    return e->layer == e->model->desc.layers - 1;
}

/* number: 2 * layer, + 1 for that of the feed-forward part, 2 * layers for the final one. first and stride in rows. */
static ctvk_status norm(encoder *e, int32_t number, ctvk_llama_place from, int32_t first, int32_t stride, ctvk_llama_place to, int32_t rows)
{
    const ctvk_llama *m = e->model;
    ctvk_span weights = {m->constants, m->at.norms.offset + (uint64_t)number * m->at.norm_stride, m->at.norm_stride};
    ctvk_span in = span(e, from), out = span(e, to);
    int32_t width = m->desc.width;
    ctvk_rms_norm_job job = {
        e->cmd, m->gpu, &weights, &in, &out, rows, width, first * width, stride * width, width, (float)m->desc.rms_eps};
    return ctvk_rms_norm_record(&job, e->error);
}

static ctvk_status product(encoder *e, int32_t which, ctvk_llama_place from, ctvk_llama_place to, int32_t rows, int32_t accumulate)
{
    const ctvk_llama *m = e->model;
    const ctvk_llama_matrix *matrix = &m->layers[e->layer].matrix[which];
    ctvk_span weights = {m->weights[e->layer % m->weight_buffers], matrix->offset, matrix->bytes};
    ctvk_span in = span(e, from), out = span(e, to), scratch = span(e, m->at.scratch);
    ctvk_quant_linear_job job = {e->cmd,   m->gpu, &matrix->op,      &weights,        &in,       &out,
                                 &scratch, rows,   matrix->op.width, matrix->op.outs, accumulate};
    return ctvk_quant_linear_record(&job, e->error);
}

static ctvk_status turn(encoder *e, int32_t q_tokens)
{
    const ctvk_llama *m = e->model;
    const ctvk_llama_desc *d = &m->desc;
    ctvk_span table = {m->constants, m->at.table.offset, m->at.table.bytes}, q = span(e, m->at.q), k = span(e, m->at.k);
    ctvk_rope_job job = {e->cmd,    m->gpu,   &table,   &q,          &k,          e->sequences,
                         e->tokens, q_tokens, d->heads, d->kv_heads, d->head_dim, d->rope_dim};
    return ctvk_rope_record(&job, e->error);
}

static ctvk_status attend(encoder *e, int32_t q_tokens)
{
    const ctvk_llama *m = e->model;
    const ctvk_llama_desc *d = &m->desc;
    ctvk_span q = span(e, m->at.q), k = span(e, m->at.k), v = span(e, m->at.v), out = span(e, m->at.mixed), scores = span(e, m->at.scores);
    ctvk_causal_attend_job job = {e->cmd,       m->gpu,    &q,       &k,       &v,          &out,       &scores,
                                  e->sequences, e->tokens, q_tokens, d->heads, d->kv_heads, d->head_dim};
    return ctvk_causal_attend_record(&job, e->error);
}

static ctvk_status gate(encoder *e, int32_t rows)
{
    ctvk_span gate = span(e, e->model->at.gate), up = span(e, e->model->at.up);
    ctvk_swiglu_job job = {e->cmd, e->model->gpu, &gate, &up, rows, e->model->desc.feed_forward};
    return ctvk_swiglu_record(&job, e->error);
}

/* In the last layer: the rows of the last positions, normed and as they are, to places of their own. */
static ctvk_status pick_last(encoder *e)
{
    const ctvk_llama *m = e->model;
    uint64_t row = (uint64_t)m->desc.width * sizeof(float);
    ctvk_status status = norm(e, 2 * e->layer, m->at.x, e->tokens - 1, e->tokens, m->at.last_normed, e->sequences);
    for (uint64_t i = 0; i < (uint64_t)e->sequences && status == CTVK_OK; i++)
        status = ctvk_gpu_cmd_copy(e->cmd, m->activations, m->at.x.offset + ((i + 1) * (uint64_t)e->tokens - 1) * row, m->activations,
                                   m->at.last_x.offset + i * row, row, e->error);
    return status;
}

enum { STEPS = 13 };

/* One step of the layer. From the queries on, the last layer goes on with the last rows only. */
static ctvk_status record_step(encoder *e, int32_t step)
{
    const ctvk_llama_places *at = &e->model->at;
    int32_t all = e->sequences * e->tokens, last = is_last(e), rows = last ? e->sequences : all, q_tokens = last ? 1 : e->tokens;
    ctvk_llama_place x = last ? at->last_x : at->x, normed = last ? at->last_normed : at->normed;
    switch (step) {
    case 0:
        return norm(e, 2 * e->layer, at->x, 0, 1, at->normed, all);
    case 1:
        return product(e, CTVK_LLAMA_K, at->normed, at->k, all, 0);
    case 2:
        return product(e, CTVK_LLAMA_V, at->normed, at->v, all, 0);
    case 3:
        return last ? pick_last(e) : CTVK_OK;
    case 4:
        return product(e, CTVK_LLAMA_Q, normed, at->q, rows, 0);
    case 5:
        return turn(e, q_tokens);
    case 6:
        return attend(e, q_tokens);
    case 7:
        return product(e, CTVK_LLAMA_OUTPUT, at->mixed, x, rows, 1);
    case 8:
        return norm(e, 2 * e->layer + 1, x, 0, 1, normed, rows);
    case 9:
        return product(e, CTVK_LLAMA_GATE, normed, at->gate, rows, 0);
    case 10:
        return product(e, CTVK_LLAMA_UP, normed, at->up, rows, 0);
    case 11:
        return gate(e, rows);
    default:
        return product(e, CTVK_LLAMA_DOWN, at->gate, x, rows, 1);
    }
}

/* All kernels: layers differ by the types of their weights, and the last one goes on with fewer rows. */
static ctvk_status rehearse(encoder *e)
{
    const ctvk_llama *m = e->model;
    ctvk_status status = ctvk_gpu_cmd_rehearse(m->gpu, &e->cmd, e->error);
    for (e->layer = 0; e->layer < m->desc.layers && status == CTVK_OK; e->layer++)
        for (int32_t step = 0; step < STEPS && status == CTVK_OK; step++)
            status = record_step(e, step);
    if (status == CTVK_OK)
        status = norm(e, 2 * m->desc.layers, m->at.last_x, 0, 1, m->at.out, e->sequences);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(e->cmd, e->error);
    ctvk_gpu_cmd_destroy(&e->cmd);
    return status;
}

static ctvk_status record_all(encoder *e)
{
    const ctvk_llama *m = e->model;
    ctvk_status status = ctvk_llama_stream_begin(&e->stream, m, e->cmd, e->error);
    for (e->layer = 0; e->layer < m->desc.layers && status == CTVK_OK; e->layer++) {
        for (int32_t step = 0; step < STEPS && status == CTVK_OK; step++) {
            status = record_step(e, step);
            if (status == CTVK_OK)
                status = ctvk_llama_stream_step(&e->stream, e->layer, step, STEPS, e->error);
        }
        if (e->layer == 0)
            e->total_work = ctvk_gpu_cmd_work(e->cmd) * m->desc.layers;
    }
    if (status == CTVK_OK)
        status = norm(e, 2 * m->desc.layers, m->at.last_x, 0, 1, m->at.out, e->sequences);
    /* Less than what was foreseen: the last layer is the cheapest. */
    e->total_work = ctvk_gpu_cmd_work(e->cmd);
    return status;
}

static int32_t report(void *user, double work_done)
{
    encoder *e = user;
    double fraction = e->total_work > 0 ? work_done / e->total_work : 0;
    return e->progress ? e->progress(e->user, fraction < 1 ? fraction : 1) : 0;
}

static ctvk_status check_finite(const ctvk_llama *m, const float *out, int32_t sequences, ctvk_error *error)
{
    for (int64_t i = 0; i < (int64_t)sequences * m->desc.width; i++)
        if (!isfinite(out[i]))
            return ctvk_fail(error, ctvk_gguf_failure(m->file),
                             "%s: the embedding holds numbers that are not finite (the file's weights are damaged; get it again)",
                             ctvk_gguf_label(m->file));
    return CTVK_OK;
}

ctvk_status ctvk_llama_encode(ctvk_llama *model, const float *in, int32_t sequences, int32_t tokens, float *out,
                              ctvk_llama_progress_fn progress, void *user, ctvk_error *error)
{
    encoder e = {.model = model, .sequences = sequences, .tokens = tokens, .progress = progress, .user = user, .error = error};
    uint64_t row = (uint64_t)model->desc.width * sizeof(float);
    if (sequences < 1 || sequences > model->sequences || tokens < 1 || tokens > model->tokens)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "language model: %d x %d tokens, it was made for %d x %d (report this)", sequences,
                         tokens, model->sequences, model->tokens);
    ctvk_status status = ctvk_gpu_upload(model->activations, model->at.x.offset, in, (uint64_t)sequences * (uint64_t)tokens * row, error);
    if (status == CTVK_OK)
        status = rehearse(&e);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_begin(model->gpu, report, &e, &e.cmd, error);
    if (status == CTVK_OK)
        status = record_all(&e);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(e.cmd, error);
    ctvk_gpu_cmd_destroy(&e.cmd);
    if (status == CTVK_OK)
        status = ctvk_gpu_download(model->activations, model->at.out.offset, out, (uint64_t)sequences * row, error);
    return status == CTVK_OK ? check_finite(model, out, sequences, error) : status;
}
