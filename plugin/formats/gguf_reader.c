#include "formats/gguf_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

ctvk_status ctvk_gguf_refuse(const ctvk_gguf_reader *r, const char *remedy, const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    int length = r->subject.length < 100 ? (int)r->subject.length : 100;
    if (!r->kind)
        return ctvk_fail(r->error, r->file->failure, "%.255s: %s (%s)", r->file->label, why, remedy);
    return ctvk_fail(r->error, r->file->failure, "%.255s: %s %.*s: %s (%s)", r->file->label, r->kind, length, r->subject.data, why, remedy);
}

ctvk_status ctvk_gguf_no_memory(const ctvk_gguf_reader *r)
{
    return ctvk_fail(r->error, CTVK_ERROR_HOST_MEMORY, "%.255s: no host memory for its header (close other programs)", r->file->label);
}

void ctvk_gguf_about(ctvk_gguf_reader *r, const char *kind, ctvk_text subject)
{
    r->kind = kind;
    r->subject = subject;
}

void ctvk_gguf_about_number(ctvk_gguf_reader *r, const char *kind, uint64_t index)
{
    int length = snprintf(r->number, sizeof r->number, "number %" PRIu64, index + 1);
    ctvk_gguf_about(r, kind, (ctvk_text){r->number, (uint64_t)length});
}

ctvk_status ctvk_gguf_need(const ctvk_gguf_reader *r, uint64_t count, uint64_t bytes, const char *what)
{
    if (count <= (r->end - r->at) / bytes)
        return CTVK_OK;
    if (count <= (r->file->size - r->at) / bytes)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "what stands before the data is longer than 256 MiB");
    return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "%" PRIu64 " %s do not fit into the rest of the file", count, what);
}

ctvk_status ctvk_gguf_read_u32(ctvk_gguf_reader *r, uint32_t *out)
{
    ctvk_status status = ctvk_gguf_need(r, 4, 1, "bytes");
    if (status != CTVK_OK)
        return status;
    *out = ctvk_gguf_u32(r->file->bytes + r->at);
    r->at += 4;
    return CTVK_OK;
}

ctvk_status ctvk_gguf_read_u64(ctvk_gguf_reader *r, uint64_t *out)
{
    ctvk_status status = ctvk_gguf_need(r, 8, 1, "bytes");
    if (status != CTVK_OK)
        return status;
    *out = ctvk_gguf_u64(r->file->bytes + r->at);
    r->at += 8;
    return CTVK_OK;
}

ctvk_status ctvk_gguf_read_string(ctvk_gguf_reader *r, ctvk_text *out)
{
    ctvk_status status = ctvk_gguf_read_u64(r, &out->length);
    if (status == CTVK_OK)
        status = ctvk_gguf_need(r, out->length, 1, "bytes of a string");
    if (status != CTVK_OK)
        return status;
    out->data = (const char *)r->file->bytes + r->at;
    r->at += out->length;
    return CTVK_OK;
}
