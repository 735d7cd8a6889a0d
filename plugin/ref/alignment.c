#include "ref/alignment.h"

#include "ref/tokens.h"

#include <stdio.h>

enum { HEADS = 8, LAYERS = 2 };

typedef struct state {
    const ref_alignment_shape *s;
    ref_weight_fn weight;
    void *user;
    int layer;
    ref_scratch *scratch;
    double *t, *q, *sum, *out; /* [prompts][channels]: T, Q, Q + T, what an attention or the MLP gives */
    double *x, *from_x;        /* [voxels][channels] */
} state;

static double *rows(ref_scratch *scratch, int count, int width)
{
    return ref_take(scratch, (size_t)count * (size_t)width);
}

size_t ref_alignment_scratch(const ref_alignment_shape *s)
{
    size_t p = (size_t)s->prompts, n = (size_t)s->voxels, c = (size_t)s->channels, most = p > n ? p : n;
    return 4 * p * c + 2 * n * c + p * (size_t)s->mlp + p * (size_t)s->text_dim + 4 * most * c;
}

static const float *find(const state *st, const char *module, const char *kind)
{
    char name[160];
    snprintf(name, sizeof name, "attn_transformer.%d.layers.%d.%s.%s", st->s->level, st->layer, module, kind);
    return st->weight(st->user, name);
}

static void linear(const state *st, const char *module, const char *part, const double *in, int count, int width, int outs, double *out)
{
    char name[80];
    snprintf(name, sizeof name, "%s.%s", module, part);
    ref_linear(in, find(st, name, "weight"), find(st, name, "bias"), count, width, outs, out);
}

/* A(q, k, v) of model.md with inner width `inner`; out: [queries][channels]. */
static void attention(const state *st, const char *module, int inner, const double *q, int queries, const double *k, const double *v,
                      int keys, double *out)
{
    int c = st->s->channels;
    size_t used = st->scratch->used;
    double *pq = rows(st->scratch, queries, inner), *pk = rows(st->scratch, keys, inner), *pv = rows(st->scratch, keys, inner),
           *mixed = rows(st->scratch, queries, inner);
    linear(st, module, "q_proj", q, queries, c, inner, pq);
    linear(st, module, "k_proj", k, keys, c, inner, pk);
    linear(st, module, "v_proj", v, keys, c, inner, pv);
    ref_attend(pq, pk, pv, queries, keys, inner, HEADS, mixed);
    linear(st, module, "out_proj", mixed, queries, inner, c, out);
    st->scratch->used = used;
}

/* to = norm(to * keep + what) */
static void norm(const state *st, const char *name, double *to, const double *what, int count, int keep)
{
    int c = st->s->channels;
    for (int i = 0; i < count * c; i++)
        to[i] = (keep ? to[i] : 0) + what[i];
    ref_layer_norm(to, find(st, name, "weight"), find(st, name, "bias"), count, c, to);
}

static void add_text(const state *st)
{
    for (int i = 0; i < st->s->prompts * st->s->channels; i++)
        st->sum[i] = st->q[i] + st->t[i];
}

static void layer(const state *st)
{
    int c = st->s->channels, p = st->s->prompts, mlp = st->s->mlp;
    size_t used = st->scratch->used;
    double *hidden = rows(st->scratch, p, mlp);
    add_text(st);
    if (st->layer == 0)
        attention(st, "self_attn", c, st->t, p, st->t, st->t, p, st->out);
    else
        attention(st, "self_attn", c, st->sum, p, st->sum, st->q, p, st->out);
    norm(st, "norm1", st->q, st->out, p, st->layer != 0);
    add_text(st);
    attention(st, "cross_attn_token_to_image", c / 2, st->sum, p, st->x, st->x, st->s->voxels, st->out);
    norm(st, "norm2", st->q, st->out, p, 1);
    linear(st, "mlp", "lin1", st->q, p, c, mlp, hidden);
    ref_relu(hidden, p * mlp);
    linear(st, "mlp", "lin2", hidden, p, mlp, c, st->out);
    norm(st, "norm3", st->q, st->out, p, 1);
    add_text(st);
    attention(st, "cross_attn_image_to_token", c / 2, st->x, st->s->voxels, st->sum, st->q, p, st->from_x);
    norm(st, "norm4", st->x, st->from_x, st->s->voxels, 1);
    st->scratch->used = used;
}

static void project_text(const state *st, const float *text)
{
    int d = st->s->text_dim, p = st->s->prompts;
    size_t used = st->scratch->used;
    double *in = rows(st->scratch, p, d);
    char weight[64], bias[64];
    for (int i = 0; i < p * d; i++)
        in[i] = text[i];
    snprintf(weight, sizeof weight, "txt2vis.%d.weight", st->s->level);
    snprintf(bias, sizeof bias, "txt2vis.%d.bias", st->s->level);
    ref_linear(in, st->weight(st->user, weight), st->weight(st->user, bias), p, d, st->s->channels, st->t);
    st->scratch->used = used;
}

void ref_alignment(const ref_alignment_shape *shape, ref_weight_fn weight, void *user, const float *text, const float *image,
                   ref_scratch *scratch, double *out)
{
    int c = shape->channels, p = shape->prompts, n = shape->voxels;
    size_t used = scratch->used;
    state st = {.s = shape, .weight = weight, .user = user, .scratch = scratch};
    st.t = rows(scratch, p, c);
    st.q = rows(scratch, p, c);
    st.sum = rows(scratch, p, c);
    st.out = rows(scratch, p, c);
    st.x = rows(scratch, n, c);
    st.from_x = rows(scratch, n, c);
    for (int i = 0; i < n * c; i++)
        st.x[i] = image[i % c * n + i / c];
    for (int i = 0; i < p * c; i++)
        st.q[i] = 0;
    project_text(&st, text);
    for (st.layer = 0; st.layer < LAYERS; st.layer++)
        layer(&st);
    for (int i = 0; i < n * c; i++)
        out[i % c * n + i / c] = st.x[i];
    scratch->used = used;
}
