#include "formats/tokenizer_internal.h"

#include <string.h>

/* Byte-level BPE (GPT-2): each byte has a printable character, its letter, in the vocabulary's texts; within a word the neighbours of the
 * lowest rank are joined first, and of equal ranks the leftmost. */

/* The letter in UTF-8: printable bytes of Latin-1 stand for themselves, the others, in order, for U+0100 and on. Source: GPT-2's
 * bytes_to_unicode. Returns its bytes, 1 or 2. */
static uint32_t letter_of(int byte, char out[2])
{
    static const uint8_t gaps[][2] = {{0, 0x20}, {0x7f, 0xa0}, {0xad, 0xad}}; /* first and last of those without a letter of their own */
    uint32_t code = (uint32_t)byte, passed = 0;
    for (int i = 0; i < 3; i++) {
        if (byte >= gaps[i][0] && byte <= gaps[i][1])
            code = 0x100 + passed + (uint32_t)(byte - gaps[i][0]);
        passed += gaps[i][1] - gaps[i][0] + 1u;
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
}

static uint32_t merge_slot(const ctvk_tokenizer *t, int32_t left, int32_t right)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint32_t slot = (uint32_t)(pair * 0x9e3779b97f4a7c15u >> 32) & t->merge_mask;
    while (t->merges[slot].left != CTVK_NO_TOKEN && (t->merges[slot].left != left || t->merges[slot].right != right))
        slot = (slot + 1) & t->merge_mask;
    return slot;
}

/* "LEFT RIGHT", whose parts and whose sum are tokens. */
static ctvk_status read_merge(ctvk_tokenizer *t, ctvk_text rule, uint32_t rank, char *sum, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.merges";
    const char *space = rule.length > 2 ? memchr(rule.data + 1, ' ', (size_t)rule.length - 1) : NULL;
    if (!space)
        return ctvk_tokenizer_refuse(t, error, key, "one of them is not two pieces with a space between them");
    uint64_t left = (uint64_t)(space - rule.data), right = rule.length - left - 1;
    ctvk_merge merge = {.left = ctvk_vocabulary_find(&t->vocabulary, rule.data, left),
                        .right = ctvk_vocabulary_find(&t->vocabulary, space + 1, right),
                        .result = CTVK_NO_TOKEN,
                        .rank = rank};
    if (left + right <= t->vocabulary.longest) {
        memcpy(sum, rule.data, (size_t)left);
        memcpy(sum + left, space + 1, (size_t)right);
        merge.result = ctvk_vocabulary_find(&t->vocabulary, sum, left + right);
    }
    if (merge.left == CTVK_NO_TOKEN || merge.right == CTVK_NO_TOKEN || merge.result == CTVK_NO_TOKEN)
        return ctvk_tokenizer_refuse(t, error, key, "one of them names or gives a piece that is no token");
    ctvk_merge *slot = &t->merges[merge_slot(t, merge.left, merge.right)];
    if (slot->left == CTVK_NO_TOKEN) /* of a rule that stands twice the first counts */
        *slot = merge;
    return CTVK_OK;
}

static ctvk_status read_merges(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.merges";
    const ctvk_gguf_value *rules;
    int found = ctvk_gguf_array(file, key, CTVK_GGUF_STRING, &rules);
    if (found)
        return ctvk_tokenizer_refuse(t, error, key, found > 0 ? "it is not there" : "it is no array of texts");
    if (rules->count > 1u << 26)
        return ctvk_tokenizer_refuse(t, error, key, "there are more than in any real model");
    uint32_t slots = 16;
    while (slots < rules->count + rules->count / 2)
        slots *= 2;
    t->merges = ctvk_alloc(t->host, (size_t)slots * sizeof *t->merges);
    char *sum = ctvk_alloc(t->host, t->vocabulary.longest);
    t->merge_mask = slots - 1;
    for (uint32_t i = 0; t->merges && i < slots; i++)
        t->merges[i].left = CTVK_NO_TOKEN;
    ctvk_status status = t->merges && sum ? CTVK_OK : ctvk_tokenizer_no_memory(t, error);
    const uint8_t *cursor = rules->data;
    for (uint32_t i = 0; t->merges && status == CTVK_OK && i < rules->count; i++)
        status = read_merge(t, ctvk_gguf_next_string(&cursor), i, sum, error);
    ctvk_free(t->host, sum);
    return status;
}

static ctvk_status read_rule(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.pre";
    static const struct {
        const char *name;
        ctvk_words_rule rule;
        int whole_words;
    } known[] = {{"default", CTVK_WORDS_DEFAULT, 0},
                 {"gpt-2", CTVK_WORDS_GPT2, 0},
                 {"llama-bpe", CTVK_WORDS_LLAMA3, 1},
                 {"smollm", CTVK_WORDS_SMOLLM, 0}};
    ctvk_text name = {"default", 7};
    if (ctvk_gguf_string(file, key, &name) < 0)
        return ctvk_tokenizer_refuse(t, error, key, "it is no text");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (name.length == strlen(known[i].name) && !memcmp(name.data, known[i].name, (size_t)name.length)) {
            t->rule = known[i].rule;
            t->whole_words = known[i].whole_words;
            return CTVK_OK;
        }
    return ctvk_fail(error, t->failure,
                     "%s: %s: the pre-tokenizer \"%.*s\" is not known (take a model with default, gpt-2, llama-bpe or smollm)", t->label,
                     key, (int)(name.length < 100 ? name.length : 100), name.data);
}

ctvk_status ctvk_bpe_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    t->byte_level = 1;
    for (int byte = 0; byte < 256; byte++) {
        char letter[2];
        uint32_t bytes = letter_of(byte, letter);
        t->bytes[byte] = ctvk_vocabulary_find(&t->vocabulary, letter, bytes);
    }
    ctvk_status status = read_rule(t, file, error);
    return status == CTVK_OK ? read_merges(t, file, error) : status;
}

static int32_t joined(const ctvk_encoding *e, const ctvk_symbol *left, const ctvk_symbol *right, uint32_t *order)
{
    const ctvk_tokenizer *t = e->tokenizer;
    if (left->id == CTVK_NO_TOKEN || right->id == CTVK_NO_TOKEN)
        return CTVK_NO_TOKEN;
    const ctvk_merge *merge = &t->merges[merge_slot(t, left->id, right->id)];
    if (merge->left == CTVK_NO_TOKEN || !t->vocabulary.pieces[merge->result].bytes) /* no rule, or it gives markup */
        return CTVK_NO_TOKEN;
    *order = merge->rank;
    return merge->result;
}

/* The token that is the whole word, or CTVK_NO_TOKEN. letters: room for the longest token and one byte. */
static int32_t whole_word(const ctvk_vocabulary *vocabulary, const char *word, uint64_t length, char *letters)
{
    uint32_t bytes = 0;
    for (uint64_t i = 0; i < length; i++) {
        if (bytes >= vocabulary->longest)
            return CTVK_NO_TOKEN;
        bytes += letter_of((uint8_t)word[i], letters + bytes);
    }
    return ctvk_vocabulary_find(vocabulary, letters, bytes);
}

/* letters: as above where whole words are looked up, else NULL. */
static ctvk_status encode_word(ctvk_encoding *e, const char *word, uint64_t length, char *letters)
{
    const ctvk_tokenizer *t = e->tokenizer;
    int32_t whole = letters ? whole_word(&t->vocabulary, word, length, letters) : CTVK_NO_TOKEN;
    if (whole != CTVK_NO_TOKEN)
        return ctvk_encoding_add(e, whole);
    ctvk_status status = ctvk_encoding_symbols(e, length);
    if (status != CTVK_OK)
        return status;
    for (uint32_t i = 0; i < length; i++)
        ctvk_encoding_symbol(e, i, 1, t->bytes[(uint8_t)word[i]]);
    ctvk_encoding_merge(e, joined);
    /* A byte without a letter (SmolLM2 lacks some control characters) gives no token, as in llama.cpp. */
    for (uint32_t i = 0; status == CTVK_OK && i < e->symbol_count; i++)
        if (e->symbols[i].bytes && e->symbols[i].id != CTVK_NO_TOKEN)
            status = ctvk_encoding_add(e, e->symbols[i].id);
    return status;
}

ctvk_status ctvk_bpe_encode(ctvk_encoding *e, const char *text, uint64_t length)
{
    const ctvk_tokenizer *t = e->tokenizer;
    char *letters = t->whole_words ? ctvk_alloc(t->host, t->vocabulary.longest + 1u) : NULL;
    if (t->whole_words && !letters)
        return ctvk_tokenizer_no_memory(t, e->error);
    ctvk_words words;
    const char *word;
    uint64_t bytes;
    ctvk_status status = CTVK_OK;
    ctvk_words_begin(&words, t->rule, text, length);
    while (status == CTVK_OK && (bytes = ctvk_words_next(&words, &word)) != 0)
        status = encode_word(e, word, bytes, letters);
    ctvk_free(t->host, letters);
    return status;
}
