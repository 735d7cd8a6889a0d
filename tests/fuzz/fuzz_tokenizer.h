/* fuzz/fuzz_tokenizer.h - what both targets check: ids of the vocabulary, which written out again are the text. */
#ifndef CTVK_TESTS_FUZZ_TOKENIZER_H
#define CTVK_TESTS_FUZZ_TOKENIZER_H

#include "formats/unicode.h"
#include "fuzz/fuzz.h"
#include "support/small_vocabulary.h"

#include <string.h>

/* Text of a token, as it stands in the prompt; *bytes gets its length. */
typedef const char *(*fuzz_piece_fn)(const small_vocabulary *v, int32_t id, size_t *bytes);

static inline ctvk_tokenizer *fuzz_open(const small_vocabulary *v)
{
    ctvk_tokenizer *t;
    ctvk_error error = {0};
    EXPECT(small_open(v, &t, &error) == CTVK_OK);
    return t;
}

/* The ids, which the caller frees, or NULL where the text is none, which is then said. */
static inline int32_t *fuzz_encode(const ctvk_tokenizer *t, const char *text, size_t size, uint64_t *count)
{
    int32_t *ids;
    ctvk_error error = {0};
    ctvk_status status = ctvk_tokenizer_encode(t, text, size, &ids, count, &error);
    EXPECT((status == CTVK_OK) == (ctvk_utf8_valid(text, size) == size));
    if (status != CTVK_OK) {
        EXPECT(!ids && !*count && status == CTVK_ERROR_PROMPT);
        EXPECT_REFUSAL(status, error);
        return NULL;
    }
    EXPECT(ids && *count <= 4 * size && (*count > 0) == (size > 0));
    for (uint64_t i = 0; i < *count; i++)
        EXPECT(ids[i] >= 0 && (uint32_t)ids[i] < ctvk_tokenizer_size(t));
    return ids;
}

static inline void fuzz_decode(const small_vocabulary *v, const int32_t *ids, uint64_t count, const char *text, size_t size,
                               fuzz_piece_fn piece)
{
    size_t at = 0, bytes;
    for (uint64_t i = 0; i < count; i++) {
        const char *part = piece(v, ids[i], &bytes);
        EXPECT(bytes <= size - at && !memcmp(text + at, part, bytes));
        at += bytes;
    }
    EXPECT(at == size);
}

#endif
