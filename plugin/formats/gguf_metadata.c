#include "formats/gguf_internal.h"

#include "core/sort.h"

#include <inttypes.h>
#include <string.h>

#define MAX_KEY 65535 /* the specification's */
#define MAX_DEPTH 4   /* arrays in arrays; ours */

uint32_t ctvk_gguf_value_bytes(uint32_t type)
{
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}; /* by the numbers in gguf.h */
    return type < sizeof bytes ? bytes[type] : 0;
}

static ctvk_status skip_values(ctvk_gguf_reader *r, uint32_t type, uint64_t count, int depth);

/* The elements of an array; their type and count in *element and *count. */
static ctvk_status skip_array(ctvk_gguf_reader *r, uint32_t *element, uint64_t *count, const uint8_t **data, int depth)
{
    ctvk_status status = ctvk_gguf_read_u32(r, element);
    if (status == CTVK_OK)
        status = ctvk_gguf_read_u64(r, count);
    if (status != CTVK_OK)
        return status;
    *data = r->file->bytes + r->at;
    return skip_values(r, *element, *count, depth);
}

static ctvk_status skip_numbers(ctvk_gguf_reader *r, uint32_t type, uint64_t count)
{
    uint64_t bytes = ctvk_gguf_value_bytes(type);
    ctvk_status status = ctvk_gguf_need(r, count, bytes, "values");
    if (status != CTVK_OK)
        return status;
    for (uint64_t i = 0; type == CTVK_GGUF_BOOL && i < count; i++)
        if (r->file->bytes[r->at + i] > 1)
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "a truth value is %d instead of 0 or 1", r->file->bytes[r->at + i]);
    r->at += count * bytes;
    return CTVK_OK;
}

static ctvk_status skip_values(ctvk_gguf_reader *r, uint32_t type, uint64_t count, int depth)
{
    if (ctvk_gguf_value_bytes(type))
        return skip_numbers(r, type, count);
    if (type != CTVK_GGUF_STRING && type != CTVK_GGUF_ARRAY)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its value has the unknown type %" PRIu32, type);
    if (type == CTVK_GGUF_ARRAY && depth == MAX_DEPTH)
        return ctvk_gguf_refuse(r, "write it without them", "arrays nest more than %d deep", MAX_DEPTH);
    /* An element takes 8 bytes at least, so that a count beyond the file fails here and not after as many steps. */
    ctvk_status status = ctvk_gguf_need(r, count, 8, "values");
    for (uint64_t i = 0; status == CTVK_OK && i < count; i++) {
        ctvk_text text;
        uint32_t element;
        uint64_t elements;
        const uint8_t *data;
        status = type == CTVK_GGUF_STRING ? ctvk_gguf_read_string(r, &text) : skip_array(r, &element, &elements, &data, depth + 1);
    }
    return status;
}

static ctvk_status parse_entry(ctvk_gguf_reader *r, ctvk_gguf_entry *entry)
{
    ctvk_gguf_value *v = &entry->value;
    ctvk_status status = ctvk_gguf_read_string(r, &entry->key);
    if (status != CTVK_OK)
        return status;
    if (entry->key.length == 0 || entry->key.length > MAX_KEY || memchr(entry->key.data, 0, (size_t)entry->key.length))
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its name is empty, longer than %d bytes or holds a zero byte", MAX_KEY);
    ctvk_gguf_about(r, "key", entry->key);
    status = ctvk_gguf_read_u32(r, &v->type);
    if (status != CTVK_OK)
        return status;
    v->element = v->type;
    v->count = 1;
    v->data = r->file->bytes + r->at;
    status = v->type == CTVK_GGUF_ARRAY ? skip_array(r, &v->element, &v->count, &v->data, 1) : skip_values(r, v->type, 1, 0);
    v->bytes = (uint64_t)(r->file->bytes + r->at - v->data);
    return status;
}

int ctvk_gguf_key_order(const void *a, const void *b)
{
    const ctvk_text *x = a, *y = b;
    int order = memcmp(x->data, y->data, (size_t)(x->length < y->length ? x->length : y->length));
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

ctvk_status ctvk_gguf_parse_entries(ctvk_gguf_reader *r)
{
    ctvk_gguf *f = r->file;
    for (uint64_t i = 0; i < f->entry_count; i++) {
        ctvk_gguf_about_number(r, "key", i);
        ctvk_status status = parse_entry(r, &f->entries[i]);
        if (status != CTVK_OK)
            return status;
    }
    ctvk_sort(f->entries, (size_t)f->entry_count, sizeof *f->entries, ctvk_gguf_key_order);
    for (uint64_t i = 1; i < f->entry_count; i++)
        if (!ctvk_gguf_key_order(&f->entries[i - 1], &f->entries[i])) {
            ctvk_gguf_about(r, "key", f->entries[i].key);
            return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "stands twice");
        }
    return CTVK_OK;
}
