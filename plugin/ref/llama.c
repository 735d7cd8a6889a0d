#include "ref/llama.h"

#include "ref/causal_attend.h"
#include "ref/rms_norm.h"
#include "ref/rope.h"
#include "ref/swiglu.h"

/* out[t][o] (+)= sum over i of in[t][i] w[o][i] */
static void product(const double *in, const double *w, int rows, int ins, int outs, int accumulate, double *out)
{
    for (int t = 0; t < rows; t++)
        for (int o = 0; o < outs; o++) {
            double sum = accumulate ? out[(long)t * outs + o] : 0;
            for (int i = 0; i < ins; i++)
                sum += in[(long)t * ins + i] * w[(long)o * ins + i];
            out[(long)t * outs + o] = sum;
        }
}

typedef struct rows {
    double *x, *normed, *q, *k, *v, *mixed, *gate, *up;
} rows;

static void norm_all(const ref_llama *m, const rows *r, const float *weight, int tokens)
{
    for (int t = 0; t < tokens; t++)
        ref_rms_norm(r->x + (long)t * m->width, weight, m->width, m->rms_eps, r->normed + (long)t * m->width);
}

static void layer(const ref_llama *m, const ref_llama_layer *l, const rows *r, int tokens)
{
    int d = m->width, ff = m->feed_forward, q = m->heads * m->head_dim, k = m->kv_heads * m->head_dim;
    norm_all(m, r, l->attn_norm, tokens);
    product(r->normed, l->q, tokens, d, q, 0, r->q);
    product(r->normed, l->k, tokens, d, k, 0, r->k);
    product(r->normed, l->v, tokens, d, k, 0, r->v);
    for (int t = 0; t < tokens; t++) {
        ref_rope(r->q + (long)t * q, m->heads, m->head_dim, m->rope_dim, t, m->rope_base, m->rope_scale, m->divisors);
        ref_rope(r->k + (long)t * k, m->kv_heads, m->head_dim, m->rope_dim, t, m->rope_base, m->rope_scale, m->divisors);
    }
    ref_causal_attend(r->q, r->k, r->v, tokens, tokens, m->heads, m->kv_heads, m->head_dim, r->mixed);
    product(r->mixed, l->output, tokens, q, d, 1, r->x);
    norm_all(m, r, l->ffn_norm, tokens);
    product(r->normed, l->gate, tokens, d, ff, 0, r->gate);
    product(r->normed, l->up, tokens, d, ff, 0, r->up);
    ref_swiglu(r->gate, r->up, (size_t)tokens * (size_t)ff);
    product(r->gate, l->down, tokens, ff, d, 1, r->x);
}

size_t ref_llama_scratch(const ref_llama *m, int tokens)
{
    return (size_t)tokens * 2 * (size_t)(m->width + (m->heads + m->kv_heads) * m->head_dim + m->feed_forward);
}

void ref_llama_encode(const ref_llama *m, const float *in, int tokens, ref_scratch *scratch, double *out)
{
    size_t n = (size_t)tokens, d = (size_t)m->width, ff = (size_t)m->feed_forward, q = (size_t)(m->heads * m->head_dim),
           k = (size_t)(m->kv_heads * m->head_dim);
    size_t used = scratch->used;
    rows r = {.x = ref_take(scratch, ref_llama_scratch(m, tokens))};
    r.normed = r.x + n * d;
    r.q = r.normed + n * d;
    r.k = r.q + n * q;
    r.v = r.k + n * k;
    r.mixed = r.v + n * k;
    r.gate = r.mixed + n * q;
    r.up = r.gate + n * ff;
    for (size_t i = 0; i < n * d; i++)
        r.x[i] = in[i];
    for (int i = 0; i < m->layers; i++)
        layer(m, &m->layer[i], &r, tokens);
    ref_rms_norm(r.x + (n - 1) * d, m->output_norm, m->width, m->rms_eps, out);
    scratch->used = used;
}
