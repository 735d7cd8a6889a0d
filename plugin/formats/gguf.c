#include "formats/gguf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

ctvk_status ctvk_gguf_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_status failure,
                            ctvk_gguf **out, ctvk_error *error)
{
    *out = NULL;
    ctvk_gguf *file = ctvk_calloc(host, 1, sizeof *file);
    if (!file)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%.255s: no host memory (close other programs)", label);
    file->host = host;
    file->failure = failure;
    file->bytes = bytes;
    file->size = size;
    file->label = ctvk_strndup(host, label, strlen(label));
    ctvk_status status = file->label ? ctvk_gguf_check(file, error)
                                     : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%.255s: no host memory (close other programs)", label);
    if (status == CTVK_OK)
        *out = file;
    else
        ctvk_gguf_close(&file);
    return status;
}

ctvk_status ctvk_gguf_open(const ctvk_host *host, const char *path, ctvk_status failure, ctvk_gguf **out, ctvk_error *error)
{
    struct stat info = {0};
    const char *slash = strrchr(path, '/');
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ctvk_fail(error, failure, "%s: %s (give the path of a GGUF file that can be read)", path, strerror(errno));
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size == 0) {
        const char *why = S_ISDIR(info.st_mode) ? "a folder" : S_ISREG(info.st_mode) ? "empty" : "no regular file";
        close(fd);
        return ctvk_fail(error, failure, "%s: %s (give the path of a GGUF file that can be read)", path, why);
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    close(fd);
    if (bytes == MAP_FAILED)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: cannot be mapped: %s (close other programs)", path, strerror(reason));
    ctvk_status status = ctvk_gguf_parse(host, bytes, (uint64_t)info.st_size, slash ? slash + 1 : path, failure, out, error);
    if (status != CTVK_OK)
        munmap(bytes, (size_t)info.st_size);
    else
        (*out)->mapped = 1;
    return status;
}

void ctvk_gguf_close(ctvk_gguf **file)
{
    if (!file || !*file)
        return;
    ctvk_gguf *f = *file;
    ctvk_free(f->host, f->entries);
    ctvk_free(f->host, f->tensors);
    ctvk_free(f->host, f->names);
    ctvk_free(f->host, f->label);
    if (f->mapped)
        munmap((void *)(uintptr_t)f->bytes, (size_t)f->size);
    ctvk_free(f->host, f);
    *file = NULL;
}

const char *ctvk_gguf_label(const ctvk_gguf *file)
{
    return file->label;
}

const uint8_t *ctvk_gguf_bytes(const ctvk_gguf *file, uint64_t *size)
{
    *size = file->size;
    return file->bytes;
}

ctvk_status ctvk_gguf_failure(const ctvk_gguf *file)
{
    return file->failure;
}

uint64_t ctvk_gguf_tensor_count(const ctvk_gguf *file)
{
    return file->tensor_count;
}

const ctvk_gguf_tensor *ctvk_gguf_tensor_at(const ctvk_gguf *file, uint64_t index)
{
    return index < file->tensor_count ? &file->tensors[index] : NULL;
}

static int name_order(const void *name, const void *item)
{
    return strcmp(name, ((const ctvk_gguf_tensor *)item)->name);
}

const ctvk_gguf_tensor *ctvk_gguf_find(const ctvk_gguf *file, const char *name)
{
    return bsearch(name, file->tensors, (size_t)file->tensor_count, sizeof *file->tensors, name_order);
}

const ctvk_gguf_value *ctvk_gguf_key(const ctvk_gguf *file, const char *key)
{
    ctvk_text wanted = {key, strlen(key)};
    const ctvk_gguf_entry *entry = bsearch(&wanted, file->entries, (size_t)file->entry_count, sizeof *file->entries, ctvk_gguf_key_order);
    return entry ? &entry->value : NULL;
}

/* The integer at `at` in two's complement; *above: a uint64_t past INT64_MAX. -1: no integer type. */
static int integer_at(const uint8_t *at, uint32_t type, int64_t *out, int *above)
{
    *above = 0;
    switch (type) {
    case CTVK_GGUF_UINT8:
        *out = at[0];
        return 0;
    case CTVK_GGUF_INT8:
        *out = (int8_t)at[0];
        return 0;
    case CTVK_GGUF_UINT16:
        *out = ctvk_gguf_u16(at);
        return 0;
    case CTVK_GGUF_INT16:
        *out = (int16_t)ctvk_gguf_u16(at);
        return 0;
    case CTVK_GGUF_UINT32:
        *out = ctvk_gguf_u32(at);
        return 0;
    case CTVK_GGUF_INT32:
        *out = (int32_t)ctvk_gguf_u32(at);
        return 0;
    case CTVK_GGUF_UINT64:
        *above = at[7] >> 7;
        *out = (int64_t)ctvk_gguf_u64(at);
        return 0;
    case CTVK_GGUF_INT64:
        *out = (int64_t)ctvk_gguf_u64(at);
        return 0;
    default:
        return -1;
    }
}

int ctvk_gguf_integer(const ctvk_gguf *file, const char *key, int64_t low, int64_t high, int64_t *out)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key);
    int64_t number;
    int above;
    if (!value)
        return 1;
    if (integer_at(value->data, value->type, &number, &above) || above || number < low || number > high)
        return -1;
    *out = number;
    return 0;
}

static float float_at(const uint8_t *at)
{
    uint32_t bits = ctvk_gguf_u32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double double_at(const uint8_t *at)
{
    uint64_t bits = ctvk_gguf_u64(at);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int ctvk_gguf_number(const ctvk_gguf *file, const char *key, double *out)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key);
    int64_t integer;
    int above;
    double number;
    if (!value)
        return 1;
    if (value->type == CTVK_GGUF_FLOAT32)
        number = float_at(value->data);
    else if (value->type == CTVK_GGUF_FLOAT64)
        number = double_at(value->data);
    else if (integer_at(value->data, value->type, &integer, &above) == 0)
        number = above ? (double)ctvk_gguf_u64(value->data) : (double)integer;
    else
        return -1;
    if (!isfinite(number))
        return -1;
    *out = number;
    return 0;
}

int ctvk_gguf_boolean(const ctvk_gguf *file, const char *key, int32_t *out)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key);
    if (!value)
        return 1;
    if (value->type != CTVK_GGUF_BOOL)
        return -1;
    *out = value->data[0];
    return 0;
}

int ctvk_gguf_string(const ctvk_gguf *file, const char *key, ctvk_text *out)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key);
    if (!value)
        return 1;
    if (value->type != CTVK_GGUF_STRING)
        return -1;
    const uint8_t *cursor = value->data;
    *out = ctvk_gguf_next_string(&cursor);
    return 0;
}

int ctvk_gguf_array(const ctvk_gguf *file, const char *key, uint32_t element, const ctvk_gguf_value **out)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key);
    if (!value)
        return 1;
    if (value->type != CTVK_GGUF_ARRAY || value->element != element)
        return -1;
    *out = value;
    return 0;
}

ctvk_text ctvk_gguf_next_string(const uint8_t **cursor)
{
    ctvk_text text = {(const char *)*cursor + 8, ctvk_gguf_u64(*cursor)};
    *cursor += 8 + text.length;
    return text;
}

float ctvk_gguf_float_at(const ctvk_gguf_value *array, uint64_t index)
{
    return float_at(array->data + 4 * index);
}

int32_t ctvk_gguf_int_at(const ctvk_gguf_value *array, uint64_t index)
{
    int64_t number = 0;
    int above;
    integer_at(array->data + index * ctvk_gguf_value_bytes(array->element), array->element, &number, &above);
    return number > INT32_MAX ? INT32_MAX : (int32_t)number;
}
