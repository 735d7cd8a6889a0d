#include "formats/tokenizer_internal.h"

#include "formats/unicode.h"

#include <math.h>
#include <string.h>

/* SentencePiece-BPE as llama.cpp has it: of all neighbours whose joined text is a token, the pair of the highest score is joined first,
 * and of equal scores the leftmost. A character that ends up as no token is written byte by byte. */
static const char visible_space[] = "\xe2\x96\x81"; /* U+2581 stands for the space in the vocabulary */
#define SPACE_BYTES 3

/* Monotone: a higher score gives a lower number, equal scores (0 and -0) equal numbers. */
static uint32_t order_of(float score)
{
    uint32_t bits;
    score = score == 0 ? 0 : score;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

static ctvk_status read_scores(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.scores";
    const ctvk_gguf_value *scores;
    int found = ctvk_gguf_array(file, key, CTVK_GGUF_FLOAT32, &scores);
    if (found)
        return ctvk_tokenizer_refuse(t, error, key, found > 0 ? "it is not there" : "it is no array of FLOAT32");
    if (scores->count != t->vocabulary.count)
        return ctvk_tokenizer_refuse(t, error, key, "there are not as many as there are tokens");
    t->order = ctvk_calloc(t->host, t->vocabulary.count, sizeof *t->order);
    if (!t->order)
        return ctvk_tokenizer_no_memory(t, error);
    for (uint32_t i = 0; i < t->vocabulary.count; i++) {
        float score = ctvk_gguf_float_at(scores, i);
        if (isnan(score))
            return ctvk_tokenizer_refuse(t, error, key, "one of them is no number");
        t->order[i] = order_of(score);
    }
    return CTVK_OK;
}

/* <0x00> to <0xFF>; where one is missing, the byte itself as text. */
static void find_bytes(ctvk_tokenizer *t)
{
    static const char digits[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; byte++) {
        char itself = (char)byte, name[] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
        t->bytes[byte] = ctvk_vocabulary_find(&t->vocabulary, name, sizeof name);
        if (t->bytes[byte] == CTVK_NO_TOKEN)
            t->bytes[byte] = ctvk_vocabulary_find(&t->vocabulary, &itself, 1);
    }
}

ctvk_status ctvk_spm_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.add_space_prefix";
    t->space_prefix = 1;
    if (ctvk_gguf_boolean(file, key, &t->space_prefix) < 0)
        return ctvk_tokenizer_refuse(t, error, key, "it is neither true nor false");
    find_bytes(t);
    return read_scores(t, file, error);
}

static int32_t joined(const ctvk_encoding *e, const ctvk_symbol *left, const ctvk_symbol *right, uint32_t *order)
{
    int32_t id = ctvk_vocabulary_find(&e->tokenizer->vocabulary, e->text + left->first, (uint64_t)left->bytes + right->bytes);
    if (id != CTVK_NO_TOKEN)
        *order = e->tokenizer->order[id];
    return id;
}

static void split(ctvk_encoding *e, uint32_t length)
{
    uint32_t bytes;
    for (uint32_t at = 0; at < length; at += bytes) {
        ctvk_utf8_read(e->text + at, &bytes);
        ctvk_encoding_symbol(e, at, bytes, ctvk_vocabulary_find(&e->tokenizer->vocabulary, e->text + at, bytes));
    }
}

static ctvk_status add_bytes(ctvk_encoding *e, const ctvk_symbol *symbol)
{
    const ctvk_tokenizer *t = e->tokenizer;
    ctvk_status status = CTVK_OK;
    for (uint32_t i = 0; i < symbol->bytes && status == CTVK_OK; i++) {
        int32_t id = t->bytes[(uint8_t)e->text[symbol->first + i]];
        status = id != CTVK_NO_TOKEN ? ctvk_encoding_add(e, id)
                                     : ctvk_tokenizer_refuse(t, e->error, "tokenizer.ggml.tokens",
                                                             "no token for a character of the prompt, and none for its bytes");
    }
    return status;
}

/* The text with visible spaces, and their number of bytes. OWNED. */
static char *with_visible_spaces(const ctvk_host *host, const char *text, uint64_t length, int prefix, uint64_t *bytes)
{
    uint64_t spaces = prefix != 0;
    for (uint64_t i = 0; i < length; i++)
        spaces += text[i] == ' ';
    *bytes = length + prefix + spaces * (SPACE_BYTES - 1);
    char *copy = ctvk_alloc(host, (size_t)*bytes), *to = copy;
    if (!copy)
        return NULL;
    for (uint64_t i = 0; i < length + prefix; i++) {
        char c = prefix ? (i ? text[i - 1] : ' ') : text[i];
        if (c == ' ') {
            memcpy(to, visible_space, SPACE_BYTES);
            to += SPACE_BYTES;
        } else {
            *to++ = c;
        }
    }
    return copy;
}

ctvk_status ctvk_spm_encode(ctvk_encoding *e, const char *text, uint64_t length, int begins)
{
    const ctvk_tokenizer *t = e->tokenizer;
    int prefix = begins && t->space_prefix;
    uint64_t bytes;
    char *copy = with_visible_spaces(t->host, text, length, prefix, &bytes);
    if (!copy)
        return ctvk_tokenizer_no_memory(t, e->error);
    e->text = copy;
    ctvk_status status = ctvk_encoding_symbols(e, length + prefix);
    if (status == CTVK_OK) {
        split(e, (uint32_t)bytes);
        ctvk_encoding_merge(e, joined);
    }
    for (uint32_t i = 0; status == CTVK_OK && i < e->symbol_count; i++)
        if (e->symbols[i].bytes)
            status = e->symbols[i].id != CTVK_NO_TOKEN ? ctvk_encoding_add(e, e->symbols[i].id) : add_bytes(e, &e->symbols[i]);
    ctvk_free(t->host, copy);
    return status;
}
