#include "nets/llama.h"
#include "ref/llama.h"
#include "selftest/network.h"

#include <stdio.h>

static const float *values(const ctvk_gguf *file, int layer, const char *part, uint64_t *count)
{
    char name[64];
    if (layer < 0)
        snprintf(name, sizeof name, "%s.weight", part);
    else
        snprintf(name, sizeof name, "blk.%d.%s.weight", layer, part);
    const ctvk_gguf_tensor *tensor = ctvk_gguf_find(file, name);
    *count = tensor->count;
    return tensor->data;
}

static const double *matrix(const ctvk_gguf *file, int layer, const char *part, ref_scratch *scratch)
{
    uint64_t count;
    const float *from = values(file, layer, part, &count);
    double *to = ref_take(scratch, count);
    for (uint64_t i = 0; i < count; i++)
        to[i] = from[i];
    return to;
}

static void read_layer(const ctvk_gguf *file, int i, ref_scratch *scratch, ref_llama_layer *out)
{
    uint64_t count;
    *out = (ref_llama_layer){.attn_norm = values(file, i, "attn_norm", &count),
                             .ffn_norm = values(file, i, "ffn_norm", &count),
                             .q = matrix(file, i, "attn_q", scratch),
                             .k = matrix(file, i, "attn_k", scratch),
                             .v = matrix(file, i, "attn_v", scratch),
                             .output = matrix(file, i, "attn_output", scratch),
                             .gate = matrix(file, i, "ffn_gate", scratch),
                             .up = matrix(file, i, "ffn_up", scratch),
                             .down = matrix(file, i, "ffn_down", scratch)};
}

ctvk_status ctvk_answer_text(const ctvk_host *host, const ctvk_gguf *file, const float *rows, double *out, ctvk_error *error)
{
    enum { WIDTH = CTVK_TINY_TEXT, HEAD = WIDTH / CTVK_TINY_HEADS };
    ref_llama_layer layers[CTVK_TINY_LAYERS];
    uint64_t count;
    ref_llama model = {.layers = CTVK_TINY_LAYERS,
                       .width = WIDTH,
                       .feed_forward = CTVK_TINY_FEED,
                       .heads = CTVK_TINY_HEADS,
                       .kv_heads = CTVK_TINY_KV_HEADS,
                       .head_dim = HEAD,
                       .rope_dim = HEAD,
                       .rope_base = 10000,
                       .rope_scale = 1,
                       .rms_eps = 1e-5f,
                       .layer = layers,
                       .output_norm = values(file, -1, "output_norm", &count)};
    const size_t matrices = CTVK_TINY_LAYERS * (size_t)WIDTH * (3 * WIDTH + 3 * CTVK_TINY_FEED);
    ref_scratch scratch = {ctvk_alloc(host, (matrices + ref_llama_scratch(&model, CTVK_TINY_TOKENS)) * sizeof(double)), 0};
    if (!scratch.numbers)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    for (int i = 0; i < CTVK_TINY_LAYERS; i++)
        read_layer(file, i, &scratch, &layers[i]);
    for (int i = 0; i < CTVK_TINY_PROMPTS; i++)
        ref_llama_encode(&model, rows + (size_t)i * CTVK_TINY_TOKENS * WIDTH, CTVK_TINY_TOKENS, &scratch, out + (size_t)i * WIDTH);
    ctvk_free(host, scratch.numbers);
    return CTVK_OK;
}
