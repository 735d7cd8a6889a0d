#include "formats/unicode.h"

#include "formats/unicode_table.h"

int32_t ctvk_character_class(uint32_t code)
{
    uint32_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (high - low > 1) { /* ranges[low] begins at or before code; the first begins at 0 */
        uint32_t middle = (low + high) / 2;
        if (ranges[middle] >> 3 <= code)
            low = middle;
        else
            high = middle;
    }
    return (int32_t)(ranges[low] & 7);
}

/* Bytes of the character that begins here, 0 where none does. */
static uint32_t valid_character(const uint8_t *text, uint64_t length)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return 1;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    uint32_t bytes = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2, code = text[0] & (0x7fu >> bytes);
    if (bytes > length)
        return 0;
    for (uint32_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : bytes;
}

uint64_t ctvk_utf8_valid(const char *text, uint64_t length)
{
    uint64_t at = 0;
    while (at < length) {
        uint32_t bytes = valid_character((const uint8_t *)text + at, length - at);
        if (!bytes)
            break;
        at += bytes;
    }
    return at;
}

uint32_t ctvk_utf8_read(const char *text, uint32_t *bytes)
{
    const uint8_t *t = (const uint8_t *)text;
    *bytes = t[0] < 0x80 ? 1 : t[0] >= 0xf0 ? 4 : t[0] >= 0xe0 ? 3 : 2;
    uint32_t code = *bytes == 1 ? t[0] : t[0] & (0x7fu >> *bytes);
    for (uint32_t i = 1; i < *bytes; i++)
        code = code << 6 | (t[i] & 0x3fu);
    return code;
}
