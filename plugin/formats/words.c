#include "formats/words.h"

#include "formats/unicode.h"

#include <string.h>

/* A part of the text; what lies beyond its end does not exist for the rule that looks at it. */
typedef struct part {
    const char *text;
    uint64_t end;
} part;

enum { NOTHING = -1 }; /* the class beyond the end: neither space nor anything else */

static int32_t class_at(const part *p, uint64_t at, uint32_t *bytes)
{
    *bytes = 0;
    return at < p->end ? ctvk_character_class(ctvk_utf8_read(p->text + at, bytes)) : NOTHING;
}

/* The byte at the place, 0 beyond the end; only ever compared with ASCII characters other than zero. */
static int byte_at(const part *p, uint64_t at)
{
    return at < p->end ? (unsigned char)p->text[at] : 0;
}

static int in_set(int32_t class, uint32_t set)
{
    return class != NOTHING && (set >> class & 1);
}

#define LETTERS (1u << CTVK_CHARACTER_LETTER)
#define NUMBERS (1u << CTVK_CHARACTER_NUMBER)
#define SPACES (1u << CTVK_CHARACTER_SPACE)
#define SYMBOLS (1u << CTVK_CHARACTER_OTHER | 1u << CTVK_CHARACTER_PUNCTUATION) /* [^\s\p{L}\p{N}] */

/* Where the run of these classes that begins at the place ends. */
static uint64_t run(const part *p, uint64_t at, uint32_t set)
{
    uint32_t bytes;
    while (in_set(class_at(p, at, &bytes), set))
        at += bytes;
    return at;
}

/* Bytes of 's 't 'm 'd 're 've 'll here, or 0. */
static uint64_t contraction(const part *p, uint64_t at, int any_case)
{
    static const char pairs[] = "revell";
    int fold = any_case ? 0x20 : 0, first = byte_at(p, at + 1), second = byte_at(p, at + 2);
    if (byte_at(p, at) != '\'' || !first)
        return 0;
    first = first >= 'A' && first <= 'Z' ? first | fold : first;
    second = second >= 'A' && second <= 'Z' ? second | fold : second;
    if (strchr("stmd", first))
        return 2;
    for (int i = 0; i < 6; i += 2)
        if (first == pairs[i] && second == pairs[i + 1])
            return 3;
    return 0;
}

/* \s+(?!\S)|\s+: all of a run at the end of the part, else all but its last character, which belongs to the next word. */
static uint64_t spaces(const part *p, uint64_t at, int stop_at_newline)
{
    uint64_t end = at, before_last = at, behind_newline = 0;
    uint32_t bytes;
    while (in_set(class_at(p, end, &bytes), SPACES)) {
        if (byte_at(p, end) == '\r' || byte_at(p, end) == '\n')
            behind_newline = end + 1;
        before_last = end;
        end += bytes;
    }
    if (stop_at_newline && behind_newline)
        return behind_newline;
    return end < p->end && before_last > at ? before_last : end;
}

static uint64_t gpt2_word(const part *p, uint64_t at)
{
    uint64_t short_word = contraction(p, at, 0), begin = at + (byte_at(p, at) == ' ');
    uint32_t bytes;
    if (short_word)
        return at + short_word;
    int32_t class = class_at(p, begin, &bytes);
    if (in_set(class, LETTERS))
        return run(p, begin, LETTERS);
    if (in_set(class, NUMBERS))
        return run(p, begin, NUMBERS);
    if (in_set(class, SYMBOLS))
        return run(p, begin, SYMBOLS);
    return spaces(p, at, 0);
}

static uint64_t llama3_word(const part *p, uint64_t at)
{
    uint64_t short_word = contraction(p, at, 1);
    uint32_t bytes, next_bytes;
    if (short_word)
        return at + short_word;
    int32_t class = class_at(p, at, &bytes);
    if (in_set(class, NUMBERS)) {
        for (int i = 0; i < 3 && in_set(class_at(p, at, &bytes), NUMBERS); i++)
            at += bytes;
        return at;
    }
    if (in_set(class, LETTERS))
        return run(p, at, LETTERS);
    int newline = byte_at(p, at) == '\r' || byte_at(p, at) == '\n';
    if (!newline && in_set(class_at(p, at + bytes, &next_bytes), LETTERS))
        return run(p, at + bytes, LETTERS);
    uint64_t begin = at + (byte_at(p, at) == ' ');
    if (in_set(class_at(p, begin, &bytes), SYMBOLS)) {
        at = run(p, begin, SYMBOLS);
        while (byte_at(p, at) == '\r' || byte_at(p, at) == '\n')
            at++;
        return at;
    }
    return spaces(p, at, 1);
}

/* [\p{P}$+<=>^~|] */
static int is_mark(const part *p, uint64_t at, uint32_t *bytes)
{
    int byte = byte_at(p, at);
    return class_at(p, at, bytes) == CTVK_CHARACTER_PUNCTUATION || (byte && byte < 0x80 && strchr("$+<=>^~|", byte));
}

/* The run of marks, or of what is none, that begins here. */
static uint64_t marks_or_not(const part *p, uint64_t at)
{
    uint32_t bytes;
    int first = is_mark(p, at, &bytes);
    do
        at += bytes;
    while (at < p->end && is_mark(p, at, &bytes) == first);
    return at;
}

/* The run of numbers, or of what is none, that begins here. */
static uint64_t numbers_or_not(const part *p, uint64_t at)
{
    uint64_t end = run(p, at, NUMBERS);
    return end > at ? end : run(p, at, LETTERS | SPACES | SYMBOLS);
}

static uint64_t number_or_not(const part *p, uint64_t at)
{
    uint32_t bytes;
    return in_set(class_at(p, at, &bytes), NUMBERS) ? at + bytes : numbers_or_not(p, at);
}

/* The first three ASCII digits in a row, or what stands before them. */
static uint64_t three_digits_or_not(const part *p, uint64_t at)
{
    int digits = 0;
    for (uint64_t i = at; i < p->end; i++) {
        digits = byte_at(p, i) >= '0' && byte_at(p, i) <= '9' ? digits + 1 : 0;
        if (digits == 3)
            return i - 2 > at ? i - 2 : at + 3;
    }
    return p->end;
}

typedef uint64_t (*cut_fn)(const part *p, uint64_t at);

static const cut_fn cuts[][4] = {
    [CTVK_WORDS_GPT2] = {gpt2_word},
    [CTVK_WORDS_LLAMA3] = {llama3_word},
    [CTVK_WORDS_SMOLLM] = {number_or_not, gpt2_word},
    [CTVK_WORDS_DEFAULT] = {marks_or_not, gpt2_word, numbers_or_not, three_digits_or_not},
};

void ctvk_words_begin(ctvk_words *words, ctvk_words_rule rule, const char *text, uint64_t length)
{
    *words = (ctvk_words){.text = text, .rule = rule, .length = length};
}

uint64_t ctvk_words_next(ctvk_words *words, const char **word)
{
    uint64_t at = words->at, end = words->length;
    if (at >= end)
        return 0;
    /* Each depth cuts the part that the depth above has cut; a part is cut further only when the last one is used up. */
    for (int depth = 0; depth < 4 && cuts[words->rule][depth]; depth++) {
        part p = {words->text, end};
        if (words->ends[depth] <= at)
            words->ends[depth] = cuts[words->rule][depth](&p, at);
        end = words->ends[depth];
    }
    *word = words->text + at;
    words->at = end;
    return end - at;
}
