#include "core/host.h"

#include "core/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *ctvk_alloc(const ctvk_host *host, size_t bytes)
{
    size_t size = bytes ? bytes : 1;
    if (host && host->alloc)
        return host->alloc(host->alloc_user, size);
    return malloc(size); /* 16-byte aligned on every 64-bit C library that we know */
}

void *ctvk_calloc(const ctvk_host *host, size_t count, size_t size)
{
    uint64_t bytes;
    if (ctvk_mul_u64(count, size, &bytes) || bytes > SIZE_MAX)
        return NULL;
    void *memory = ctvk_alloc(host, (size_t)bytes);
    if (memory)
        memset(memory, 0, (size_t)bytes);
    return memory;
}

void ctvk_free(const ctvk_host *host, void *memory)
{
    if (!memory)
        return;
    if (host && host->free)
        host->free(host->alloc_user, memory);
    else
        free(memory);
}

char *ctvk_strndup(const ctvk_host *host, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? ctvk_alloc(host, length + 1) : NULL;
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = 0;
    }
    return copy;
}

void ctvk_log(const ctvk_host *host, ctvk_log_level level, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    if (!host || !host->log)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    host->log(host->log_user, level, line);
}
