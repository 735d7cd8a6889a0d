#include "formats/safetensors.h"

#include "core/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A header that grows; names come from our own tables and hold nothing that JSON would have to escape. */
typedef struct text {
    char *data;
    size_t length, room;
} text;

static void append(text *t, const char *format, ...) CTVK_PRINTF(2, 3);
static void append(text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->data + t->length, t->room - t->length, format, arguments);
    va_end(arguments);
    t->length += n > 0 ? (size_t)n : 0;
}

static uint64_t tensor_bytes(const ctvk_st_write *tensor)
{
    uint64_t bytes = sizeof(float);
    for (int32_t i = 0; i < tensor->rank; i++)
        bytes *= tensor->shape[i];
    return bytes;
}

static void write_header(text *t, const ctvk_st_write *tensors, uint32_t count)
{
    uint64_t at = 0;
    append(t, "{");
    for (uint32_t i = 0; i < count; i++) {
        append(t, "%s\"%.255s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", tensors[i].name);
        for (int32_t k = 0; k < tensors[i].rank; k++)
            append(t, "%s%llu", k ? "," : "", (unsigned long long)tensors[i].shape[k]);
        append(t, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at, (unsigned long long)(at + tensor_bytes(&tensors[i])));
        at += tensor_bytes(&tensors[i]);
    }
    append(t, "}");
    while (t->length % 8) /* data begin aligned, as the format's own writer does it */
        append(t, " ");
}

ctvk_status ctvk_safetensors_write(const ctvk_host *host, const char *path, const ctvk_st_write *tensors, uint32_t count, ctvk_error *error)
{
    text header = {NULL, 0, (size_t)count * 640 + 64};
    uint8_t length[8];
    ctvk_file *file = NULL;
    header.data = ctvk_alloc(host, header.room);
    if (!header.data)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to write it (close other programs)", path);
    write_header(&header, tensors, count);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header.length >> (8 * i));
    ctvk_status status = ctvk_file_begin(host, path, &file, error);
    if (status == CTVK_OK)
        status = ctvk_file_write(file, length, sizeof length, error);
    if (status == CTVK_OK)
        status = ctvk_file_write(file, header.data, header.length, error);
    for (uint32_t i = 0; i < count && status == CTVK_OK; i++)
        status = ctvk_file_write(file, tensors[i].data, tensor_bytes(&tensors[i]), error);
    if (status == CTVK_OK)
        status = ctvk_file_commit(&file, error);
    else
        ctvk_file_abandon(&file);
    ctvk_free(host, header.data);
    return status;
}
