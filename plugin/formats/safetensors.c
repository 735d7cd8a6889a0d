#include "formats/safetensors.h"

#include "core/checked.h"
#include "core/sort.h"
#include "formats/half.h"
#include "formats/json_scan.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Source of the layout: the safetensors format description: u64 header length, JSON header, data. Limits are ours, far above real files. */
#define MAX_HEADER (64u << 20)
#define MAX_TENSORS 100000
#define MAX_VALUES (16u * MAX_TENSORS) /* cJSON takes some 80 bytes for each, past the host's allocator */
#define MAX_NAME 255

struct ctvk_safetensors {
    const ctvk_host *host;
    const uint8_t *bytes;
    uint64_t size;
    int mapped;
    ctvk_st_tensor *tensors; /* sorted by name */
    uint64_t count;
    char *names;
};

typedef struct reader {
    ctvk_safetensors *file;
    const char *label;
    ctvk_status failure;
    ctvk_error *error;
    uint64_t data_first; /* byte where data begins */
} reader;

static ctvk_status refuse(const reader *r, const char *name, const char *why)
{
    return ctvk_fail(r->error, r->failure, "%s%s%.200s: %s (the file is damaged or no safetensors file; write it again)", r->label,
                     name ? ": tensor " : "", name ? name : "", why);
}

/* A whole number from 0 to 2^53: what a JSON number holds exactly. */
static int whole_number(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > 9007199254740992.0 ||
        item->valuedouble != floor(item->valuedouble))
        return -1;
    *out = (uint64_t)item->valuedouble;
    return 0;
}

static ctvk_dtype dtype_of(const char *text, uint32_t *bytes)
{
    static const struct {
        const char *name;
        ctvk_dtype type;
        uint32_t bytes;
    } types[] = {{"F32", CTVK_DTYPE_F32, 4},   {"F16", CTVK_DTYPE_F16, 2},    {"BF16", CTVK_DTYPE_BF16, 2}, {"F64", CTVK_DTYPE_OTHER, 8},
                 {"I64", CTVK_DTYPE_OTHER, 8}, {"I32", CTVK_DTYPE_OTHER, 4},  {"I16", CTVK_DTYPE_OTHER, 2}, {"I8", CTVK_DTYPE_OTHER, 1},
                 {"U8", CTVK_DTYPE_OTHER, 1},  {"BOOL", CTVK_DTYPE_OTHER, 1}, {"U16", CTVK_DTYPE_OTHER, 2}, {"U32", CTVK_DTYPE_OTHER, 4},
                 {"U64", CTVK_DTYPE_OTHER, 8}};
    for (size_t i = 0; text && i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, text)) {
            *bytes = types[i].bytes;
            return types[i].type;
        }
    return 0;
}

static ctvk_status parse_tensor(reader *r, const cJSON *item, ctvk_st_tensor *t)
{
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype"), *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"),
                *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    uint32_t element = 0;
    uint64_t first, last;
    if (!cJSON_IsObject(item) || !cJSON_IsString(dtype) || !cJSON_IsArray(shape) || !cJSON_IsArray(offsets))
        return refuse(r, t->name, "its entry lacks dtype, shape or data_offsets");
    t->dtype = dtype_of(dtype->valuestring, &element);
    if (!t->dtype)
        return refuse(r, t->name, "unknown dtype");
    if (cJSON_GetArraySize(shape) > 8)
        return refuse(r, t->name, "more than 8 dimensions");
    t->count = 1;
    const cJSON *dim;
    cJSON_ArrayForEach(dim, shape)
    {
        uint64_t n;
        if (whole_number(dim, &n) || ctvk_mul_u64(t->count, n, &t->count))
            return refuse(r, t->name, "a dimension is no whole number, or their product overflows");
        t->shape[t->rank++] = n;
    }
    if (ctvk_mul_u64(t->count, element, &t->bytes))
        return refuse(r, t->name, "its size overflows");
    if (cJSON_GetArraySize(offsets) != 2 || whole_number(cJSON_GetArrayItem(offsets, 0), &first) ||
        whole_number(cJSON_GetArrayItem(offsets, 1), &last))
        return refuse(r, t->name, "data_offsets are not two whole numbers");
    if (first > last || last > r->file->size - r->data_first)
        return refuse(r, t->name, "its data lie beyond the end of the file");
    if (last - first != t->bytes)
        return refuse(r, t->name, "data_offsets and shape disagree");
    t->data = r->file->bytes + r->data_first + first;
    return CTVK_OK;
}

static int by_place(const void *a, const void *b)
{
    const ctvk_st_tensor *x = a, *y = b;
    return (x->data > y->data) - (x->data < y->data);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ctvk_st_tensor *)a)->name, ((const ctvk_st_tensor *)b)->name);
}

static ctvk_status sort_tensors(reader *r)
{
    ctvk_safetensors *f = r->file;
    uint64_t end = 0;
    ctvk_sort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_place);
    for (uint64_t i = 0; i < f->count; i++) {
        uint64_t at = (uint64_t)((const uint8_t *)f->tensors[i].data - f->bytes);
        if (f->tensors[i].bytes && at < end)
            return refuse(r, f->tensors[i].name, "its data overlap another tensor's");
        if (f->tensors[i].bytes)
            end = at + f->tensors[i].bytes;
    }
    ctvk_sort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_name);
    for (uint64_t i = 1; i < f->count; i++)
        if (!strcmp(f->tensors[i - 1].name, f->tensors[i].name))
            return refuse(r, f->tensors[i].name, "the name stands twice");
    return CTVK_OK;
}

static ctvk_status parse_entries(reader *r, const cJSON *root)
{
    ctvk_safetensors *f = r->file;
    int entries = cJSON_GetArraySize(root);
    size_t name_bytes = 0;
    const cJSON *item;
    if (entries > MAX_TENSORS)
        return refuse(r, NULL, "more than 100000 tensors");
    cJSON_ArrayForEach(item, root)
    {
        if (!item->string[0] || strlen(item->string) > MAX_NAME)
            return refuse(r, NULL, "a tensor's name is empty or longer than 255 bytes");
        name_bytes += strlen(item->string) + 1;
    }
    f->tensors = ctvk_calloc(f->host, (size_t)entries + 1, sizeof *f->tensors);
    f->names = ctvk_alloc(f->host, name_bytes);
    if (!f->tensors || !f->names)
        return ctvk_fail(r->error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory for its header (close other programs)", r->label);
    char *name = f->names;
    cJSON_ArrayForEach(item, root)
    {
        if (!strcmp(item->string, "__metadata__"))
            continue;
        ctvk_st_tensor *t = &f->tensors[f->count++];
        size_t size = strlen(item->string) + 1;
        t->name = memcpy(name, item->string, size);
        name += size;
        ctvk_status status = parse_tensor(r, item, t);
        if (status != CTVK_OK)
            return status;
    }
    return sort_tensors(r);
}

static ctvk_status parse(reader *r)
{
    uint64_t length = 0, at;
    char why[96];
    if (r->file->size < 10)
        return refuse(r, NULL, "too short");
    for (int i = 7; i >= 0; i--)
        length = length << 8 | r->file->bytes[i];
    if (length > MAX_HEADER || length > r->file->size - 8)
        return refuse(r, NULL, "its header is longer than the file or than 64 MiB");
    const char *text = (const char *)r->file->bytes + 8;
    r->data_first = 8 + length;
    if (!length || text[0] != '{')
        return refuse(r, NULL, "its header is not the JSON object that it should be");
    const char *fault = ctvk_json_scan(text, length, MAX_VALUES, &at);
    if (fault) {
        snprintf(why, sizeof why, "its header: %s", fault);
        return refuse(r, NULL, why);
    }
    cJSON *root = cJSON_ParseWithLength(text, (size_t)length);
    if (!root)
        return ctvk_fail(r->error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory for its header (close other programs)", r->label);
    ctvk_status status = parse_entries(r, root);
    cJSON_Delete(root);
    return status;
}

ctvk_status ctvk_safetensors_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_status failure,
                                   ctvk_safetensors **out, ctvk_error *error)
{
    *out = NULL;
    ctvk_safetensors *file = ctvk_calloc(host, 1, sizeof *file);
    if (!file)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory (close other programs)", label);
    file->host = host;
    file->bytes = bytes;
    file->size = size;
    reader r = {file, label, failure, error, 0};
    ctvk_status status = parse(&r);
    if (status != CTVK_OK) {
        ctvk_safetensors_close(&file);
        return status;
    }
    *out = file;
    return CTVK_OK;
}

ctvk_status ctvk_safetensors_open(const ctvk_host *host, const char *path, ctvk_status failure, ctvk_safetensors **out, ctvk_error *error)
{
    struct stat info;
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ctvk_fail(error, failure, "%s: %s (give the path of a safetensors file that can be read)", path, strerror(errno));
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size < 10) {
        close(fd);
        return ctvk_fail(error, failure, "%s: no safetensors file (give a file that holds tensors)", path);
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: cannot be mapped: %s (close other programs)", path, strerror(errno));
    ctvk_status status = ctvk_safetensors_parse(host, bytes, (uint64_t)info.st_size, path, failure, out, error);
    if (status != CTVK_OK)
        munmap(bytes, (size_t)info.st_size);
    else
        (*out)->mapped = 1;
    return status;
}

void ctvk_safetensors_close(ctvk_safetensors **file)
{
    if (!file || !*file)
        return;
    ctvk_safetensors *f = *file;
    ctvk_free(f->host, f->tensors);
    ctvk_free(f->host, f->names);
    if (f->mapped)
        munmap((void *)(uintptr_t)f->bytes, (size_t)f->size);
    ctvk_free(f->host, f);
    *file = NULL;
}

uint64_t ctvk_safetensors_count(const ctvk_safetensors *file)
{
    return file->count;
}

const ctvk_st_tensor *ctvk_safetensors_at(const ctvk_safetensors *file, uint64_t index)
{
    return index < file->count ? &file->tensors[index] : NULL;
}

static int name_order(const void *key, const void *item)
{
    return strcmp(key, ((const ctvk_st_tensor *)item)->name);
}

const ctvk_st_tensor *ctvk_safetensors_find(const ctvk_safetensors *file, const char *name)
{
    return bsearch(name, file->tensors, (size_t)file->count, sizeof *file->tensors, name_order);
}

void ctvk_st_to_f32(const ctvk_st_tensor *tensor, uint64_t first, uint64_t count, float *out)
{
    const uint8_t *in = tensor->data;
    if (tensor->dtype == CTVK_DTYPE_F32) {
        memcpy(out, in + 4 * first, (size_t)(4 * count));
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, in + 2 * (first + i), sizeof half);
        out[i] = tensor->dtype == CTVK_DTYPE_F16 ? ctvk_half_to_float(half) : ctvk_bfloat_to_float(half);
    }
}
