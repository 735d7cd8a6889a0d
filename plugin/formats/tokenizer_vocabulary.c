#include "formats/tokenizer_internal.h"

#include <string.h>

/* Limits are ours, far above real models. */
#define MAX_TOKENS (1u << 24)
#define MAX_TEXT (1u << 30)

ctvk_status ctvk_tokenizer_refuse(const ctvk_tokenizer *t, ctvk_error *error, const char *key, const char *why)
{
    return ctvk_fail(error, t->failure, "%s: %s: %s (take a whole GGUF file of a language model)", t->label, key, why);
}

ctvk_status ctvk_tokenizer_no_memory(const ctvk_tokenizer *t, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory for its tokenizer (close other programs)", t->label);
}

/* Slot of the token with this text, or the free slot where it belongs. Hash: FNV-1a. */
static uint32_t slot_of(const ctvk_vocabulary *v, const char *text, uint64_t bytes)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < bytes; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    uint32_t slot = (uint32_t)(hash ^ hash >> 32) & v->mask;
    for (; v->slots[slot] != CTVK_NO_TOKEN; slot = (slot + 1) & v->mask) {
        const ctvk_piece *piece = &v->pieces[v->slots[slot]];
        if (piece->bytes == bytes && !memcmp(v->text + piece->first, text, (size_t)bytes))
            break;
    }
    return slot;
}

int32_t ctvk_vocabulary_find(const ctvk_vocabulary *vocabulary, const char *text, uint64_t bytes)
{
    return bytes && bytes <= vocabulary->longest ? vocabulary->slots[slot_of(vocabulary, text, bytes)] : CTVK_NO_TOKEN;
}

static ctvk_status allocate(ctvk_tokenizer *t, const ctvk_gguf_value *tokens, ctvk_error *error)
{
    ctvk_vocabulary *v = &t->vocabulary;
    uint64_t bytes = 0;
    uint32_t slots = 16;
    const uint8_t *cursor = tokens->data;
    for (uint64_t i = 0; i < tokens->count; i++)
        bytes += ctvk_gguf_next_string(&cursor).length;
    if (tokens->count < 1 || tokens->count > MAX_TOKENS || bytes > MAX_TEXT)
        return ctvk_tokenizer_refuse(t, error, "tokenizer.ggml.tokens", "there are none, or more than in any real model");
    v->count = (uint32_t)tokens->count;
    while (slots < 2 * v->count)
        slots *= 2;
    v->text = ctvk_alloc(t->host, (size_t)bytes);
    v->pieces = ctvk_alloc(t->host, v->count * sizeof *v->pieces);
    v->slots = ctvk_alloc(t->host, slots * sizeof *v->slots);
    v->mask = slots - 1;
    for (uint32_t i = 0; v->slots && i < slots; i++)
        v->slots[i] = CTVK_NO_TOKEN;
    return v->text && v->pieces && v->slots ? CTVK_OK : ctvk_tokenizer_no_memory(t, error);
}

ctvk_status ctvk_vocabulary_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.tokens";
    ctvk_vocabulary *v = &t->vocabulary;
    const ctvk_gguf_value *tokens;
    int found = ctvk_gguf_array(file, key, CTVK_GGUF_STRING, &tokens);
    if (found)
        return ctvk_tokenizer_refuse(t, error, key, found > 0 ? "it is not there" : "it is no array of texts");
    ctvk_status status = allocate(t, tokens, error);
    if (status != CTVK_OK)
        return status;
    const uint8_t *cursor = tokens->data;
    uint32_t at = 0;
    for (uint32_t id = 0; id < v->count; id++) {
        ctvk_text token = ctvk_gguf_next_string(&cursor);
        v->pieces[id] = (ctvk_piece){at, (uint32_t)token.length};
        if (!token.length)
            continue;
        memcpy(v->text + at, token.data, (size_t)token.length);
        at += (uint32_t)token.length;
        uint32_t slot = slot_of(v, token.data, token.length);
        if (v->slots[slot] != CTVK_NO_TOKEN)
            return ctvk_tokenizer_refuse(t, error, key, "two of them have the same text");
        v->slots[slot] = (int32_t)id;
        v->longest = v->longest > v->pieces[id].bytes ? v->longest : v->pieces[id].bytes;
    }
    return CTVK_OK;
}
