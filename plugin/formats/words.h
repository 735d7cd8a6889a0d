/* formats/words.h - the pre-tokenizers of byte-level BPE: text cut into words, within which tokens are then merged.
 * Each cuts where llama.cpp's regular expressions of the same name cut (written out by hand: no regular expression engine, no
 * backtracking, time linear in the text). No memory: [any thread] on one's own ctvk_words. */
#ifndef CTVK_FORMATS_WORDS_H
#define CTVK_FORMATS_WORDS_H

#include <stdint.h>

/* GPT2:
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * LLAMA3:
 *     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * SMOLLM: every \p{N} by itself, then GPT2 between them.
 * DEFAULT: runs of [\p{P}$+<=>^~|] by themselves, GPT2 within and between them, runs of \p{N} cut out of those words, and
 *     [0-9][0-9][0-9] out of these. */
typedef enum ctvk_words_rule { CTVK_WORDS_GPT2, CTVK_WORDS_LLAMA3, CTVK_WORDS_SMOLLM, CTVK_WORDS_DEFAULT } ctvk_words_rule;

typedef struct ctvk_words {
    const char *text; /* BORROWED */
    uint64_t length, at;
    uint64_t ends[4]; /* of the part that `at` lies in at each depth of the rule, outermost first */
    ctvk_words_rule rule;
} ctvk_words;

/* text: UTF-8 that was checked. */
void ctvk_words_begin(ctvk_words *words, ctvk_words_rule rule, const char *text, uint64_t length);
/* Bytes of the next word, 0 at the end; *word points into the text. The words together are the text. */
uint64_t ctvk_words_next(ctvk_words *words, const char **word);

#endif
