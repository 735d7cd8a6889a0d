/* Any bytes, the first of which chooses the pre-tokenizer, as a prompt for a small byte-level vocabulary: refused where they are no text,
 * else ids that spell it. */
#include "fuzz/fuzz_tokenizer.h"

/* Bytes are 0 to 255; of the other tokens' letters only the space's is none of itself. */
static const char *piece(const small_vocabulary *v, int32_t id, size_t *bytes)
{
    static char text[32];
    const char *from = v->tokens[id];
    *bytes = 0;
    if (id < 256)
        text[(*bytes)++] = (char)id;
    for (; id >= 256 && *from; from += strncmp(from, "\u0120", 2) ? 1 : 2)
        text[(*bytes)++] = strncmp(from, "\u0120", 2) ? *from : ' ';
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rules[] = {"gpt-2", "llama-bpe", "smollm", "default"};
    static small_vocabulary v;
    static ctvk_tokenizer *tokenizers[4];
    uint64_t count;
    for (int i = 0; i < 4 && !tokenizers[i]; i++) {
        small_bpe(&v, rules[i]);
        tokenizers[i] = fuzz_open(&v);
    }
    if (!size)
        return 0;
    const char *text = (const char *)data + 1;
    int32_t *ids = fuzz_encode(tokenizers[data[0] % 4], text, size - 1, &count);
    if (ids)
        fuzz_decode(&v, ids, count, text, size - 1, piece);
    ctvk_free(NULL, ids);
    return 0;
}
