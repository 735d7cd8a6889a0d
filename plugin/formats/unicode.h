/* formats/unicode.h - UTF-8 checked and read, and the classes of characters that tokenizers ask for. No memory, no state: [any thread]. */
#ifndef CTVK_FORMATS_UNICODE_H
#define CTVK_FORMATS_UNICODE_H

#include <stdint.h>

/* Class of a character: \p{L}, \p{N}, \p{P}, White_Space, and all others. Source: Unicode, version in unicode_table.py. */
enum {
    CTVK_CHARACTER_OTHER = 0,
    CTVK_CHARACTER_LETTER = 1,
    CTVK_CHARACTER_NUMBER = 2,
    CTVK_CHARACTER_PUNCTUATION = 3,
    CTVK_CHARACTER_SPACE = 4
};
int32_t ctvk_character_class(uint32_t code);

/* Bytes from the start that are UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF): length when all of it is. */
uint64_t ctvk_utf8_valid(const char *text, uint64_t length);
/* The character at text, which is checked already; *bytes gets its length, 1..4. */
uint32_t ctvk_utf8_read(const char *text, uint32_t *bytes);

#endif
