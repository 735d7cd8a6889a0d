#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

/* Bytes of the UTF-8 character that begins here, 0 where none does (RFC 3629: no overlong forms, no surrogates). */
static int utf8_length(const unsigned char *c)
{
    if (c[0] >= 0xc2 && c[0] < 0xe0)
        return (c[1] & 0xc0) == 0x80 ? 2 : 0;
    if ((c[0] & 0xf0) == 0xe0) {
        int second = (c[1] & 0xc0) == 0x80 && !(c[0] == 0xe0 && c[1] < 0xa0) && !(c[0] == 0xed && c[1] >= 0xa0);
        return second && (c[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (c[0] >= 0xf0 && c[0] < 0xf5) {
        int second = (c[1] & 0xc0) == 0x80 && !(c[0] == 0xf0 && c[1] < 0x90) && !(c[0] == 0xf4 && c[1] >= 0x90);
        return second && (c[2] & 0xc0) == 0x80 && (c[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

void ctvk_text_clean(char *line)
{
    for (char *c = line; *c;) {
        int length = (unsigned char)*c < 0x80 ? 1 : utf8_length((const unsigned char *)c);
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
        else if (length == 0 || (unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
        c += length ? length : 1;
    }
}

ctvk_status(ctvk_fail)(ctvk_error *error, ctvk_status status, const char *format, ...)
{
    if (!error)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->status = status;
    ctvk_text_clean(error->message); /* a name from a damaged file may hold anything */
    return status;
}

const char *ctvk_status_text(ctvk_status status)
{
    switch (status) {
    case CTVK_OK:
        return "CTVK_OK";
    case CTVK_PENDING:
        return "CTVK_PENDING";
    case CTVK_ERROR_ARGUMENT:
        return "CTVK_ERROR_ARGUMENT";
    case CTVK_ERROR_PROMPT:
        return "CTVK_ERROR_PROMPT";
    case CTVK_ERROR_INPUT:
        return "CTVK_ERROR_INPUT";
    case CTVK_ERROR_OUTPUT:
        return "CTVK_ERROR_OUTPUT";
    case CTVK_ERROR_BUNDLE:
        return "CTVK_ERROR_BUNDLE";
    case CTVK_ERROR_HASH:
        return "CTVK_ERROR_HASH";
    case CTVK_ERROR_NO_DEVICE:
        return "CTVK_ERROR_NO_DEVICE";
    case CTVK_ERROR_HOST_MEMORY:
        return "CTVK_ERROR_HOST_MEMORY";
    case CTVK_ERROR_DEVICE_MEMORY:
        return "CTVK_ERROR_DEVICE_MEMORY";
    case CTVK_CANCELLED:
        return "CTVK_CANCELLED";
    case CTVK_ERROR_DEVICE:
        return "CTVK_ERROR_DEVICE";
    case CTVK_ERROR_INTERNAL:
        return "CTVK_ERROR_INTERNAL";
    default:
        return "CTVK_UNKNOWN";
    }
}
