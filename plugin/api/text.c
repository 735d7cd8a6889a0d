#include "api/api.h"

#include <string.h>

ctvk_status ctvk_copy_text(const ctvk_host *host, const char *data, uint64_t length, uint64_t limit, const char *what, char **out,
                           ctvk_error *error)
{
    *out = NULL;
    if (!data)
        length = 0;
    uint64_t size = length == CTVK_STRLEN ? strnlen(data, limit + 1) : length;
    if (size > limit)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: longer than %llu bytes (shorten it)", what, (unsigned long long)limit);
    if (size && memchr(data, 0, size))
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: holds a zero byte (give plain text)", what);
    *out = ctvk_strndup(host, data ? data : "", size);
    if (!*out)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory (close other programs)", what);
    return CTVK_OK;
}

ctvk_status ctvk_copy_path(const ctvk_host *host, const char *data, uint64_t length, const char *what, char **out, ctvk_error *error)
{
    ctvk_status status = ctvk_copy_text(host, data, length, CTVK_MAX_PATH, what, out, error);
    if (status == CTVK_OK && !**out) {
        ctvk_free(host, *out);
        *out = NULL;
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: the path is empty (name a file or folder)", what);
    }
    return status;
}

/* Number of bytes of the UTF-8 character at p, 0 if there is none: RFC 3629, without surrogates and overlong forms. */
static int utf8_length(const unsigned char *p)
{
    static const unsigned char low[5] = {0xa0, 0x80, 0x80, 0x90, 0x80}, high[5] = {0xbf, 0x9f, 0xbf, 0xbf, 0x8f};
    if (p[0] < 0x80)
        return 1;
    int length = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    int kind = p[0] == 0xe0 ? 0 : p[0] == 0xed ? 1 : p[0] == 0xf0 ? 3 : p[0] == 0xf4 ? 4 : 2;
    for (int i = 1; i < length; i++)
        if (p[i] < (i == 1 ? low[kind] : 0x80) || p[i] > (i == 1 ? high[kind] : 0xbf))
            return 0; /* the terminator ends here too */
    return length;
}

int32_t ctvk_is_utf8(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int length = utf8_length(p);
        if (!length)
            return 0;
        p += length;
    }
    return 1;
}

uint64_t ctvk_trim_prompt(char *prompt)
{
    static const char segment[] = "<SEG>";
    uint64_t length = strlen(prompt), mark = sizeof segment - 1;
    if (length >= mark && memcmp(prompt + length - mark, segment, mark) == 0)
        length -= mark;
    while (length && strchr(" \t\n\v\f\r", prompt[length - 1]))
        length--;
    prompt[length] = 0;
    return length;
}
