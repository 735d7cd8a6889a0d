/* Any bytes as a prompt for a small SentencePiece vocabulary: refused where they are no text, else ids that spell it. */
#include "fuzz/fuzz_tokenizer.h"

/* Byte tokens are 3 to 258 and spell their byte. */
static const char *piece(const small_vocabulary *v, int32_t id, size_t *bytes)
{
    static char byte;
    if (id < 3 || id > 258) {
        *bytes = strlen(v->tokens[id]);
        return v->tokens[id];
    }
    byte = (char)(id - 3);
    *bytes = 1;
    return &byte;
}

/* Spaces as the vocabulary writes them. */
static char *with_visible_spaces(const char *text, size_t size, size_t *length)
{
    char *copy = malloc(3 * size + 1), *to = copy;
    EXPECT(copy);
    for (size_t i = 0; i < size; i++) {
        memcpy(to, text[i] == ' ' ? "\u2581" : text + i, text[i] == ' ' ? 3 : 1);
        to += text[i] == ' ' ? 3 : 1;
    }
    *length = (size_t)(to - copy);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static small_vocabulary v;
    static ctvk_tokenizer *plain, *prefixed;
    uint64_t count, more;
    if (!plain) {
        small_spm(&v);
        prefixed = fuzz_open(&v);
        v.space_prefix = 0;
        plain = fuzz_open(&v);
    }
    int32_t *ids = fuzz_encode(plain, (const char *)data, size, &count);
    int32_t *with_prefix = fuzz_encode(prefixed, (const char *)data, size, &more);
    EXPECT(!ids == !with_prefix);
    if (ids) {
        size_t length;
        char *visible = with_visible_spaces((const char *)data, size, &length);
        fuzz_decode(&v, ids, count, visible, length, piece);
        free(visible);
    }
    ctvk_free(NULL, ids);
    ctvk_free(NULL, with_prefix);
    return 0;
}
