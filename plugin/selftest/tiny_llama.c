#include "selftest/tiny.h"

#include "selftest/seeded.h"

#include <stdio.h>
#include <string.h>

/* A GGUF file of version 3, float32 tensors, alignment 32. */
enum { TENSORS = 2 + 9 * CTVK_TINY_LAYERS, HEAD = 8192 /* most bytes before the data */, ALIGNMENT = 32 };

typedef struct writer {
    uint8_t *bytes; /* zeroed */
    size_t at, data_at;
    uint64_t data_bytes;
} writer;

/* Little-endian. */
static void number(writer *w, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        w->bytes[w->at++] = (uint8_t)(value >> 8 * i);
}

static void text(writer *w, const char *words)
{
    number(w, strlen(words), 8);
    memcpy(w->bytes + w->at, words, strlen(words));
    w->at += strlen(words);
}

static void key_u32(writer *w, const char *key, uint32_t value)
{
    text(w, key);
    number(w, 4, 4);
    number(w, value, 4);
}

static void key_f32(writer *w, const char *key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    text(w, key);
    number(w, 6, 4);
    number(w, bits, 4);
}

/* The entry, and its values at their place. rows 1: a norm's weights. */
static void tensor(writer *w, const char *name, uint64_t columns, uint64_t rows)
{
    const uint64_t shape[2] = {rows, columns};
    float *values = (float *)(void *)(w->bytes + w->data_at + w->data_bytes);
    text(w, name);
    number(w, rows > 1 ? 2 : 1, 4);
    number(w, columns, 8);
    if (rows > 1)
        number(w, rows, 8);
    number(w, 0, 4); /* F32 */
    number(w, w->data_bytes, 8);
    for (uint64_t i = 0; i < rows * columns; i++)
        values[i] = rows > 1 ? ctvk_seeded_weight(name, 2, shape, i) : ctvk_seeded_weight(name, 1, shape + 1, i);
    w->data_bytes += rows * columns * sizeof(float); /* multiples of the alignment, all of them */
}

static void layer(writer *w, int index)
{
    static const struct {
        const char *name;
        int columns, rows;
    } parts[] = {{"attn_norm", CTVK_TINY_TEXT, 1},
                 {"ffn_norm", CTVK_TINY_TEXT, 1},
                 {"attn_q", CTVK_TINY_TEXT, CTVK_TINY_TEXT},
                 {"attn_k", CTVK_TINY_TEXT, CTVK_TINY_TEXT * CTVK_TINY_KV_HEADS / CTVK_TINY_HEADS},
                 {"attn_v", CTVK_TINY_TEXT, CTVK_TINY_TEXT * CTVK_TINY_KV_HEADS / CTVK_TINY_HEADS},
                 {"attn_output", CTVK_TINY_TEXT, CTVK_TINY_TEXT},
                 {"ffn_gate", CTVK_TINY_TEXT, CTVK_TINY_FEED},
                 {"ffn_up", CTVK_TINY_TEXT, CTVK_TINY_FEED},
                 {"ffn_down", CTVK_TINY_FEED, CTVK_TINY_TEXT}};
    char name[64];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", index, parts[i].name);
        tensor(w, name, (uint64_t)parts[i].columns, (uint64_t)parts[i].rows);
    }
}

ctvk_status ctvk_tiny_llama(const ctvk_host *host, ctvk_tiny_file *out, ctvk_error *error)
{
    const size_t layer_floats = CTVK_TINY_TEXT * (size_t)(2 + 3 * CTVK_TINY_TEXT + 3 * CTVK_TINY_FEED);
    const size_t floats = CTVK_TINY_LAYERS * layer_floats + CTVK_TINY_TEXT * (size_t)(CTVK_TINY_VOCABULARY + 1);
    writer w = {.data_at = HEAD};
    *out = (ctvk_tiny_file){0};
    w.bytes = ctvk_calloc(host, 1, HEAD + floats * sizeof(float));
    if (!w.bytes)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    memcpy(w.bytes, "GGUF", 4);
    w.at = 4;
    number(&w, 3, 4);
    number(&w, TENSORS, 8);
    number(&w, 9, 8); /* keys */
    text(&w, "general.architecture");
    number(&w, 8, 4);
    text(&w, "llama");
    key_u32(&w, "general.alignment", ALIGNMENT);
    key_u32(&w, "llama.block_count", CTVK_TINY_LAYERS);
    key_u32(&w, "llama.context_length", 64);
    key_u32(&w, "llama.embedding_length", CTVK_TINY_TEXT);
    key_u32(&w, "llama.feed_forward_length", CTVK_TINY_FEED);
    key_u32(&w, "llama.attention.head_count", CTVK_TINY_HEADS);
    key_u32(&w, "llama.attention.head_count_kv", CTVK_TINY_KV_HEADS);
    key_f32(&w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    tensor(&w, "token_embd.weight", CTVK_TINY_TEXT, CTVK_TINY_VOCABULARY);
    for (int i = 0; i < CTVK_TINY_LAYERS; i++)
        layer(&w, i);
    tensor(&w, "output_norm.weight", CTVK_TINY_TEXT, 1);
    /* The data follows the padded head. */
    size_t head = (w.at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memmove(w.bytes + head, w.bytes + w.data_at, w.data_bytes);
    out->bytes = w.bytes;
    out->size = head + w.data_bytes;
    return CTVK_OK;
}
