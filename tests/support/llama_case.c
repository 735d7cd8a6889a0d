#include "support/llama_case.h"

#include "ref/dequant.h"
#include "support/conv_case.h"
#include "support/quant_blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct maker {
    const llama_case_spec *spec;
    llama_case *out;
    gguf_writer writer;
    uint32_t seed;
    int matrices;
} maker;

static void *hold(maker *m, size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory || m->out->held_count == 256) {
        fprintf(stderr, "llama_case: no memory\n");
        exit(1);
    }
    m->out->held[m->out->held_count++] = memory;
    return memory;
}

static int is_dropped(const maker *m, const char *name)
{
    return m->spec->drop && !strcmp(m->spec->drop, name);
}

static void put_u32(maker *m, const char *key, int value)
{
    if (!is_dropped(m, key))
        gguf_writer_u32(&m->writer, key, (uint32_t)value);
}

static void put_f32(maker *m, const char *key, double value)
{
    if (!is_dropped(m, key))
        gguf_writer_f32(&m->writer, key, (float)value);
}

/* A tensor in this type: the packed bytes go into the file, their values are returned. values: those to pack (F32 only), or NULL: random.
 */
static const double *tensor(maker *m, const char *name, int type, int columns, int rows, const float *values)
{
    size_t count = (size_t)columns * (size_t)rows;
    void *packed = hold(m, count / ref_dequant_elements(type) * ref_dequant_bytes(type));
    double *unpacked = hold(m, count * sizeof *unpacked);
    const uint64_t shape[2] = {(uint64_t)columns, (uint64_t)rows};
    if (values)
        memcpy(packed, values, count * sizeof *values);
    else
        quant_blocks_random(type, count, QUANT_BLOCKS_PLAIN, m->seed++, packed);
    ref_dequant(type, packed, count, unpacked);
    if (!is_dropped(m, name))
        gguf_writer_tensor(&m->writer, name, type, rows > 1 ? 2 : 1, shape, packed);
    return unpacked;
}

static const double *matrix(maker *m, int layer, const char *what, int columns, int rows)
{
    char name[64];
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, what);
    return tensor(m, name, m->spec->types[m->matrices++ % m->spec->type_count], columns, rows, NULL);
}

/* F32: in [-8, 8); another type: as its blocks have it, which is small, so that only its unpacking is tested. */
static const float *norm(maker *m, const char *name)
{
    int width = m->spec->width;
    float *weights = hold(m, (size_t)width * sizeof *weights);
    for (int i = 0; i < width; i++)
        weights[i] = 8 * conv_random(&m->seed);
    const double *unpacked = tensor(m, name, m->spec->norm_type, width, 1, m->spec->norm_type ? NULL : weights);
    for (int i = 0; i < width; i++)
        weights[i] = (float)unpacked[i];
    return weights;
}

static void put_layer(maker *m, int i, int head_dim)
{
    const llama_case_spec *s = m->spec;
    ref_llama_layer *l = &m->out->layer[i];
    int q = s->heads * head_dim, k = s->kv_heads * head_dim;
    char name[64];
    snprintf(name, sizeof name, "blk.%d.attn_norm.weight", i);
    l->attn_norm = norm(m, name);
    snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", i);
    l->ffn_norm = norm(m, name);
    l->down = matrix(m, i, "ffn_down", s->feed_forward, s->width);
    l->q = matrix(m, i, "attn_q", s->width, q);
    l->k = matrix(m, i, "attn_k", s->width, k);
    l->v = matrix(m, i, "attn_v", s->width, k);
    l->output = matrix(m, i, "attn_output", q, s->width);
    l->gate = matrix(m, i, "ffn_gate", s->width, s->feed_forward);
    l->up = matrix(m, i, "ffn_up", s->width, s->feed_forward);
}

static void put_keys(maker *m, int head_dim, int rope_dim)
{
    const llama_case_spec *s = m->spec;
    if (!is_dropped(m, "general.architecture"))
        gguf_writer_string(&m->writer, "general.architecture", "llama");
    put_u32(m, "llama.block_count", s->layers);
    put_u32(m, "llama.context_length", s->context);
    put_u32(m, "llama.embedding_length", s->width);
    put_u32(m, "llama.feed_forward_length", s->feed_forward);
    put_u32(m, "llama.attention.head_count", s->heads);
    if (s->kv_heads != s->heads)
        put_u32(m, "llama.attention.head_count_kv", s->kv_heads);
    put_f32(m, "llama.attention.layer_norm_rms_epsilon", 1e-3);
    if (s->head_dim) {
        put_u32(m, "llama.attention.key_length", head_dim);
        put_u32(m, "llama.attention.value_length", head_dim);
    }
    if (s->rope_dim)
        put_u32(m, "llama.rope.dimension_count", rope_dim);
    if (s->base > 0)
        put_f32(m, "llama.rope.freq_base", s->base);
    if (s->scaling)
        gguf_writer_string(&m->writer, "llama.rope.scaling.type", s->scaling);
    if (s->factor > 0)
        put_f32(m, s->old_factor ? "llama.rope.scale_linear" : "llama.rope.scaling.factor", s->factor);
}

static const float *put_freqs(maker *m, int rope_dim)
{
    float *freqs = hold(m, (size_t)rope_dim / 2 * sizeof *freqs);
    for (int i = 0; i < rope_dim / 2; i++)
        freqs[i] = 1 + 7 * (float)i / (float)rope_dim;
    tensor(m, "rope_freqs.weight", 0, rope_dim / 2, 1, freqs);
    return freqs;
}

void llama_case_create(const llama_case_spec *s, uint32_t seed, llama_case *out)
{
    maker m = {.spec = s, .out = out, .seed = seed};
    int head_dim = s->head_dim ? s->head_dim : s->width / s->heads, rope_dim = s->rope_dim ? s->rope_dim : head_dim;
    int scaled = s->factor > 0 && !(s->scaling && !strcmp(s->scaling, "none"));
    *out = (llama_case){0};
    gguf_writer_begin(&m.writer);
    put_keys(&m, head_dim, rope_dim);
    out->table = tensor(&m, "token_embd.weight", s->types[0], s->width, s->vocabulary, NULL);
    for (int i = 0; i < s->layers; i++)
        put_layer(&m, i, head_dim);
    out->ref = (ref_llama){.layers = s->layers,
                           .width = s->width,
                           .feed_forward = s->feed_forward,
                           .heads = s->heads,
                           .kv_heads = s->kv_heads,
                           .head_dim = head_dim,
                           .rope_dim = rope_dim,
                           .rope_base = s->base > 0 ? s->base : 10000,
                           .rope_scale = scaled ? 1 / s->factor : 1,
                           .rms_eps = (float)1e-3,
                           .divisors = s->freqs ? put_freqs(&m, rope_dim) : NULL,
                           .layer = out->layer,
                           .output_norm = norm(&m, "output_norm.weight")};
    if (s->add)
        s->add(&m.writer, s->user);
    out->bytes = gguf_writer_bytes(&m.writer, &out->size);
    gguf_writer_free(&m.writer);
}

void llama_case_destroy(llama_case *c)
{
    while (c->held_count)
        free(c->held[--c->held_count]);
    free(c->bytes);
    *c = (llama_case){0};
}
