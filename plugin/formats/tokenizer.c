#include "formats/tokenizer_internal.h"

#include "formats/unicode.h"

#include <string.h>

/* Ours: working memory is about 60 bytes a character, and an offset must fit 32 bits with every space three bytes long. */
#define MAX_PROMPT (16u << 20)

static int is_text(ctvk_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, (size_t)text.length);
}

static ctvk_status read_bos(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.bos_token_id";
    int64_t bos = t->byte_level ? 11 : 1; /* llama.cpp's defaults */
    if (bos >= t->vocabulary.count)
        bos = CTVK_NO_TOKEN;
    if (ctvk_gguf_integer(file, key, 0, (int64_t)t->vocabulary.count - 1, &bos) < 0)
        return ctvk_tokenizer_refuse(t, error, key, "it is the id of no token");
    t->bos = (int32_t)bos;
    return CTVK_OK;
}

static ctvk_status read_tokenizer(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.model";
    ctvk_text model = CTVK_TEXT_INIT;
    int found = ctvk_gguf_string(file, key, &model);
    if (found)
        return ctvk_tokenizer_refuse(t, error, key, found > 0 ? "it is not there" : "it is no text");
    int sentence_piece = is_text(model, "llama");
    if (!sentence_piece && !is_text(model, "gpt2"))
        return ctvk_fail(error, t->failure, "%s: %s: the tokenizer \"%.*s\" is not known (take a model with llama or gpt2)", t->label, key,
                         (int)(model.length < 100 ? model.length : 100), model.data);
    ctvk_status status = ctvk_vocabulary_read(t, file, error);
    if (status == CTVK_OK)
        status = sentence_piece ? ctvk_spm_read(t, file, error) : ctvk_bpe_read(t, file, error);
    if (status == CTVK_OK)
        status = ctvk_user_tokens_read(t, file, error);
    return status == CTVK_OK ? read_bos(t, file, error) : status;
}

ctvk_status ctvk_tokenizer_create(const ctvk_host *host, const ctvk_gguf *file, ctvk_tokenizer **out, ctvk_error *error)
{
    const char *label = ctvk_gguf_label(file);
    ctvk_tokenizer *t = ctvk_calloc(host, 1, sizeof *t);
    *out = NULL;
    if (!t)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory for its tokenizer (close other programs)", label);
    t->host = host;
    t->failure = ctvk_gguf_failure(file);
    t->label = ctvk_strndup(host, label, strlen(label));
    ctvk_status status = t->label ? read_tokenizer(t, file, error)
                                  : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory (close other programs)", label);
    if (status != CTVK_OK)
        ctvk_tokenizer_destroy(&t);
    *out = t;
    return status;
}

void ctvk_tokenizer_destroy(ctvk_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    ctvk_tokenizer *t = *tokenizer;
    ctvk_free(t->host, t->vocabulary.text);
    ctvk_free(t->host, t->vocabulary.pieces);
    ctvk_free(t->host, t->vocabulary.slots);
    ctvk_free(t->host, t->user);
    ctvk_free(t->host, t->order);
    ctvk_free(t->host, t->merges);
    ctvk_free(t->host, t->label);
    ctvk_free(t->host, t);
    *tokenizer = NULL;
}

uint32_t ctvk_tokenizer_size(const ctvk_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.count;
}

int32_t ctvk_tokenizer_bos(const ctvk_tokenizer *tokenizer)
{
    return tokenizer->bos;
}

static ctvk_status encode_parts(ctvk_encoding *e, const ctvk_parts *parts)
{
    ctvk_status status = CTVK_OK;
    int begins = 1;
    for (uint64_t i = 0; i < parts->count && status == CTVK_OK; i++) {
        const ctvk_part *part = &parts->items[i];
        if (part->id != CTVK_NO_TOKEN)
            status = ctvk_encoding_add(e, part->id);
        else if (e->tokenizer->byte_level)
            status = ctvk_bpe_encode(e, part->text, part->length);
        else
            status = ctvk_spm_encode(e, part->text, part->length, begins);
        begins = part->id != CTVK_NO_TOKEN;
    }
    return status;
}

ctvk_status ctvk_tokenizer_encode(const ctvk_tokenizer *tokenizer, const char *text, uint64_t length, int32_t **ids, uint64_t *count,
                                  ctvk_error *error)
{
    const ctvk_host *host = tokenizer->host;
    ctvk_encoding e = {.tokenizer = tokenizer, .error = error};
    ctvk_parts parts = {NULL, 0, 0};
    *ids = NULL;
    *count = 0;
    if (length > MAX_PROMPT)
        return ctvk_fail(error, CTVK_ERROR_PROMPT, "prompt: longer than 16 MiB (give a shorter one)");
    uint64_t valid = ctvk_utf8_valid(text, length);
    if (valid != length)
        return ctvk_fail(error, CTVK_ERROR_PROMPT, "prompt: not UTF-8 at byte %llu (give it in UTF-8)", (unsigned long long)valid);
    ctvk_status status = length ? ctvk_user_tokens_cut(tokenizer, text, length, &parts, error) : CTVK_OK;
    if (status == CTVK_OK)
        status = encode_parts(&e, &parts);
    ctvk_free(host, parts.items);
    ctvk_free(host, e.symbols);
    ctvk_free(host, e.heap);
    if (status == CTVK_OK && !e.ids && !(e.ids = ctvk_alloc(host, 0)))
        status = ctvk_tokenizer_no_memory(tokenizer, error);
    if (status != CTVK_OK) {
        ctvk_free(host, e.ids);
        return status;
    }
    *ids = e.ids;
    *count = e.count;
    return CTVK_OK;
}
