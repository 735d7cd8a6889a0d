#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

ctvk_status ctvk_fail(ctvk_error *error, ctvk_status status, const char *format, ...)
{
    if (!error)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->status = status;
    /* A name from a damaged file may hold anything; the message stays one printable line. */
    for (char *c = error->message; *c; c++) {
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
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
