#include "formats/gguf_internal.h"

#include "core/checked.h"
#include "core/sort.h"

#include <inttypes.h>
#include <string.h>

#define READABLE "quantise it to F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K"

static ctvk_status parse_shape(ctvk_gguf_reader *r, ctvk_gguf_tensor *t)
{
    uint32_t rank;
    ctvk_status status = ctvk_gguf_read_u32(r, &rank);
    if (status == CTVK_OK && (rank < 1 || rank > 4))
        status = ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "%" PRIu32 " dimensions instead of 1 to 4", rank);
    t->count = t->shape[0] = t->shape[1] = t->shape[2] = t->shape[3] = 1;
    for (uint32_t i = 0; status == CTVK_OK && i < rank; i++) {
        status = ctvk_gguf_read_u64(r, &t->shape[i]);
        if (status == CTVK_OK && t->shape[i] == 0)
            status = ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "dimension %" PRIu32 " is 0", i);
        if (status == CTVK_OK && (ctvk_mul_u64(t->count, t->shape[i], &t->count) || t->count > INT64_MAX))
            status = ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its dimensions multiply to 2^63 elements or more");
    }
    t->rank = (int32_t)rank;
    return status;
}

static ctvk_status parse_type(ctvk_gguf_reader *r, ctvk_gguf_tensor *t)
{
    uint32_t type;
    ctvk_status status = ctvk_gguf_read_u32(r, &type);
    if (status != CTVK_OK)
        return status;
    t->type = type <= INT32_MAX ? (int32_t)type : -1;
    uint32_t elements = ctvk_gguf_block_elements(t->type);
    if (!elements)
        return ctvk_gguf_refuse(r, READABLE, "its type %s (number %" PRIu32 ") is not read", ctvk_gguf_type_name(t->type), type);
    if (t->shape[0] % elements)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED,
                                "rows of %" PRIu64 " elements are no whole blocks of type %s, which are %" PRIu32 " elements long",
                                t->shape[0], ctvk_gguf_type_name(t->type), elements);
    if (ctvk_mul_u64(t->count / elements, ctvk_gguf_block_bytes(t->type), &t->bytes))
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its size overflows");
    return CTVK_OK;
}

static ctvk_status parse_tensor(ctvk_gguf_reader *r, char *name, ctvk_gguf_tensor *t, uint64_t *offset)
{
    ctvk_text text;
    ctvk_status status = ctvk_gguf_read_string(r, &text);
    if (status != CTVK_OK)
        return status;
    if (text.length == 0 || text.length >= CTVK_GGUF_NAME_ROOM || memchr(text.data, 0, (size_t)text.length))
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its name is empty, longer than %d bytes or holds a zero byte",
                                CTVK_GGUF_NAME_ROOM - 1);
    t->name = memcpy(name, text.data, (size_t)text.length);
    ctvk_gguf_about(r, "tensor", text);
    status = parse_shape(r, t);
    if (status == CTVK_OK)
        status = parse_type(r, t);
    return status == CTVK_OK ? ctvk_gguf_read_u64(r, offset) : status;
}

static int by_place(const void *a, const void *b)
{
    const ctvk_gguf_tensor *x = a, *y = b;
    return (x->data > y->data) - (x->data < y->data);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ctvk_gguf_tensor *)a)->name, ((const ctvk_gguf_tensor *)b)->name);
}

static ctvk_status sort_tensors(ctvk_gguf_reader *r)
{
    ctvk_gguf *f = r->file;
    const uint8_t *end = f->bytes;
    ctvk_sort(f->tensors, (size_t)f->tensor_count, sizeof *f->tensors, by_place);
    for (uint64_t i = 0; i < f->tensor_count; i++) {
        const ctvk_gguf_tensor *t = &f->tensors[i];
        ctvk_gguf_about(r, "tensor", (ctvk_text){t->name, strlen(t->name)});
        if ((const uint8_t *)t->data < end)
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its data overlap those of %s", f->tensors[i - 1].name);
        end = (const uint8_t *)t->data + t->bytes;
    }
    ctvk_sort(f->tensors, (size_t)f->tensor_count, sizeof *f->tensors, by_name);
    for (uint64_t i = 1; i < f->tensor_count; i++) {
        const char *name = f->tensors[i].name;
        ctvk_gguf_about(r, "tensor", (ctvk_text){name, strlen(name)});
        if (!strcmp(f->tensors[i - 1].name, name))
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "stands twice");
    }
    return CTVK_OK;
}

/* Offsets count from the first multiple of the alignment behind the entries. */
static ctvk_status place_tensors(ctvk_gguf_reader *r, const uint64_t *offsets, uint64_t alignment)
{
    ctvk_gguf *f = r->file;
    uint64_t first = ctvk_align_up(r->at, alignment);
    for (uint64_t i = 0; i < f->tensor_count; i++) {
        ctvk_gguf_tensor *t = &f->tensors[i];
        ctvk_gguf_about(r, "tensor", (ctvk_text){t->name, strlen(t->name)});
        if (offsets[i] % alignment)
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its offset %" PRIu64 " is no multiple of the alignment %" PRIu64, offsets[i],
                                    alignment);
        if (first > f->size || offsets[i] > f->size - first || t->bytes > f->size - first - offsets[i])
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its data lie beyond the end of the file");
        t->data = f->bytes + first + offsets[i];
    }
    return sort_tensors(r);
}

ctvk_status ctvk_gguf_parse_tensors(ctvk_gguf_reader *r, uint64_t alignment)
{
    ctvk_gguf *f = r->file;
    ctvk_status status = CTVK_OK;
    uint64_t *offsets = ctvk_alloc(f->host, (size_t)f->tensor_count * sizeof *offsets);
    if (!offsets)
        return ctvk_gguf_no_memory(r);
    for (uint64_t i = 0; status == CTVK_OK && i < f->tensor_count; i++) {
        ctvk_gguf_about_number(r, "tensor", i);
        status = parse_tensor(r, f->names + i * CTVK_GGUF_NAME_ROOM, &f->tensors[i], &offsets[i]);
    }
    if (status == CTVK_OK)
        status = place_tensors(r, offsets, alignment);
    ctvk_free(f->host, offsets);
    return status;
}
