#include "support/small_vocabulary.h"

#include "support/gguf_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(small_vocabulary *v, const char *text, float score, int32_t type)
{
    v->tokens[v->count] = text;
    v->scores[v->count] = score;
    v->types[v->count] = type;
    v->score_count = v->type_count = ++v->count;
}

void small_spm(small_vocabulary *v)
{
    static const struct {
        const char *text;
        float score;
        int32_t type;
    } pieces[] = {
        {"\u2581", -10, 1}, {"a", -20, 1},        {"b", -21, 1},   {"c", -22, 1},     {"ab", -1, 1},
        {"bc", -2, 1},      {"\u2581a", -3, 1},   {"abc", -4, 1},  {"aa", -5, 1},     {"\u2581\u2581", -6, 1},
        {"\u00e9", -30, 1}, {"<", -31, 1},        {"s", -32, 1},   {">", -33, 1},     {"\t\t", 0, 4},
        {"\t\tx", 0, 4},    {"<|im_end|>", 0, 4}, {"cc", 0.0f, 1}, {"ccc", -0.0f, 1}, {"e\u0301", -7, 1},
        {"de", -8, 1},      {"cde", -9, 1},       {"T]", -33, 1},  {"[T]", 0, 4},     {"s>", -34, 1},
    };
    *v = (small_vocabulary){.model = "llama", .merge_count = UINT64_MAX, .bos = -1, .space_prefix = -1};
    add(v, "<unk>", 0, 2);
    add(v, "<s>", 0, 3);
    add(v, "</s>", 0, 3);
    for (int byte = 0; byte < 256; byte++) {
        snprintf(v->storage[byte], sizeof *v->storage, "<0x%02X>", byte);
        add(v, v->storage[byte], 0, 6);
    }
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        add(v, pieces[i].text, pieces[i].score, pieces[i].type);
}

/* As GPT-2 counts them: printable bytes are their own letter, each other one gets the next character from U+0100 on. */
void small_letter(int byte, char out[4])
{
    int others = 0;
    for (int b = 0; b <= byte; b++) {
        int printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        int code = printable ? b : 0x100 + others++;
        if (code < 0x80)
            snprintf(out, 4, "%c", code);
        else
            snprintf(out, 4, "%c%c", 0xc0 | code >> 6, 0x80 | (code & 0x3f));
    }
}

void small_bpe(small_vocabulary *v, const char *pre)
{
    static const char *const pieces[] = {"ab", "abc", "\u0120a", "bc", "aa", "'s", "11", "111", "xyz", "\u0120\u0120"};
    static const char *const merges[] = {"a b", "\u0120 a", "b c", "ab c", "a a", "' s", "1 1", "11 1", "\u0120 \u0120"};
    *v = (small_vocabulary){.model = "gpt2", .pre = pre, .score_count = UINT64_MAX, .bos = -1, .space_prefix = -1};
    for (int byte = 0; byte < 256; byte++) {
        small_letter(byte, v->storage[byte]);
        add(v, v->storage[byte], 0, 1);
    }
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        add(v, pieces[i], 0, 1);
    add(v, "<|im_start|>", 0, 3);
    add(v, "\t\t", 0, 4);
    add(v, "[T]", 0, 4);
    add(v, "zz", 0, 3);
    v->score_count = UINT64_MAX;
    v->merge_count = sizeof merges / sizeof *merges;
    memcpy(v->merges, merges, sizeof merges);
}

static uint8_t *file_of(const small_vocabulary *v, size_t *size)
{
    gguf_writer w;
    gguf_writer_begin(&w);
    if (v->model)
        gguf_writer_string(&w, "tokenizer.ggml.model", v->model);
    if (v->pre)
        gguf_writer_string(&w, "tokenizer.ggml.pre", v->pre);
    if (v->name)
        gguf_writer_string(&w, "general.name", v->name);
    if (v->count != UINT64_MAX)
        gguf_writer_strings(&w, "tokenizer.ggml.tokens", v->tokens, v->count);
    if (v->score_count != UINT64_MAX)
        gguf_writer_f32s(&w, "tokenizer.ggml.scores", v->scores, v->score_count);
    if (v->types_as_scores)
        gguf_writer_f32s(&w, "tokenizer.ggml.token_type", v->scores, v->type_count);
    else if (v->type_count != UINT64_MAX)
        gguf_writer_i32s(&w, "tokenizer.ggml.token_type", v->types, v->type_count);
    if (v->merge_count != UINT64_MAX)
        gguf_writer_strings(&w, "tokenizer.ggml.merges", v->merges, v->merge_count);
    if (v->bos >= 0)
        gguf_writer_u32(&w, "tokenizer.ggml.bos_token_id", (uint32_t)v->bos);
    if (v->space_prefix >= 0)
        gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", v->space_prefix);
    uint8_t *bytes = gguf_writer_bytes(&w, size);
    gguf_writer_free(&w);
    return bytes;
}

ctvk_status small_open_with(const ctvk_host *host, const small_vocabulary *v, ctvk_tokenizer **out, ctvk_error *error)
{
    size_t size;
    uint8_t *bytes = file_of(v, &size);
    ctvk_gguf *file;
    ctvk_status status = ctvk_gguf_parse(NULL, bytes, size, "small.gguf", CTVK_ERROR_BUNDLE, &file, error);
    *out = NULL;
    if (status == CTVK_OK) {
        status = ctvk_tokenizer_create(host, file, out, error);
        ctvk_gguf_close(&file);
    }
    free(bytes); /* what the tokenizer needs it must have copied */
    return status;
}

ctvk_status small_open(const small_vocabulary *v, ctvk_tokenizer **out, ctvk_error *error)
{
    return small_open_with(NULL, v, out, error);
}
