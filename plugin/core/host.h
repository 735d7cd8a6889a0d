/* core/host.h - what the host brought: log, allocator and trace. Every other room gets a `const ctvk_host *`. */
#ifndef CTVK_CORE_HOST_H
#define CTVK_CORE_HOST_H

#include "core/error.h"
#include "ctvk/draft/trace.h"

typedef struct ctvk_host {
    ctvk_log_fn log; /* may be NULL */
    void *log_user;
    ctvk_alloc_fn alloc; /* both NULL: malloc and free */
    ctvk_free_fn free;
    void *alloc_user;
    ctvk_trace_fn trace; /* NULL: nobody listens */
    void *trace_user;
} ctvk_host;

/* host may be NULL (malloc, no log). Memory is 16-byte aligned; 0 bytes gives a valid pointer. NULL when exhausted. */
void *ctvk_alloc(const ctvk_host *host, size_t bytes);
/* Zeroed; NULL also where count * size overflows. */
void *ctvk_calloc(const ctvk_host *host, size_t count, size_t size);
/* NULL is ignored. */
void ctvk_free(const ctvk_host *host, void *memory);
/* Copies length bytes and adds a terminator. */
char *ctvk_strndup(const ctvk_host *host, const char *text, size_t length);
void ctvk_log(const ctvk_host *host, ctvk_log_level level, const char *format, ...) CTVK_PRINTF(3, 4);

#endif
