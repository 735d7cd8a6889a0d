#include "selftest/tiny.h"

#include "nets/llmseg_names.h"
#include "selftest/seeded.h"

#include <stdio.h>
#include <string.h>

ctvk_llmseg_desc ctvk_tiny_network(void)
{
    return (ctvk_llmseg_desc){.in_channels = 1,
                              .out_channels = 2,
                              .feature_size = 16,
                              .has_text = 1,
                              .text_dim = CTVK_TINY_TEXT,
                              .prompts = CTVK_TINY_PROMPTS,
                              .window = {64, 64, 32}};
}

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
}

/* --- safetensors: the length of the header, the header as JSON, the data --- */

enum { ENTRY = 256 /* most bytes of one tensor's entry */ };

typedef struct st_walk {
    char *header;
    size_t length, room, count;
    uint64_t data_bytes;
    float *data; /* NULL: the header is made */
} st_walk;

static uint64_t elements(int32_t rank, const uint64_t *shape)
{
    uint64_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= shape[i];
    return count;
}

static int count_tensor(void *user, const char *name, int32_t rank, const uint64_t shape[8])
{
    st_walk *w = user;
    (void)name;
    w->count++;
    w->data_bytes += elements(rank, shape) * sizeof(float);
    return 0;
}

static void put(st_walk *w, const char *text)
{
    size_t length = strlen(text), left = w->room - w->length;
    length = length < left ? length : left;
    memcpy(w->header + w->length, text, length);
    w->length += length;
}

static int name_tensor(void *user, const char *name, int32_t rank, const uint64_t shape[8])
{
    st_walk *w = user;
    char text[ENTRY];
    uint64_t end = w->data_bytes + elements(rank, shape) * sizeof(float);
    put(w, w->length ? ",\"" : "{\"");
    put(w, name);
    put(w, "\":{\"dtype\":\"F32\",\"shape\":[");
    for (int32_t i = 0; i < rank; i++) {
        snprintf(text, sizeof text, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
        put(w, text);
    }
    snprintf(text, sizeof text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)w->data_bytes, (unsigned long long)end);
    put(w, text);
    w->data_bytes = end;
    return 0;
}

static int fill_tensor(void *user, const char *name, int32_t rank, const uint64_t shape[8])
{
    st_walk *w = user;
    uint64_t count = elements(rank, shape);
    for (uint64_t i = 0; i < count; i++)
        w->data[i] = ctvk_seeded_weight(name, rank, shape, i);
    w->data += count;
    return 0;
}

ctvk_status ctvk_tiny_weights(const ctvk_host *host, const ctvk_llmseg_desc *desc, ctvk_tiny_file *out, ctvk_error *error)
{
    st_walk w = {0};
    *out = (ctvk_tiny_file){0};
    ctvk_llmseg_each_tensor(desc, count_tensor, &w);
    w.room = w.count * ENTRY + 16;
    out->bytes = ctvk_alloc(host, 8 + w.room + w.data_bytes);
    if (!out->bytes)
        return no_memory(error);
    w.header = (char *)out->bytes + 8;
    w.data_bytes = 0;
    ctvk_llmseg_each_tensor(desc, name_tensor, &w);
    put(&w, "}");
    while (w.length % 16 != 8) /* the data begins at a multiple of 16 bytes */
        put(&w, " ");
    for (int i = 0; i < 8; i++)
        out->bytes[i] = (uint8_t)((uint64_t)w.length >> 8 * i);
    w.data = (float *)(void *)(out->bytes + 8 + w.length);
    ctvk_llmseg_each_tensor(desc, fill_tensor, &w);
    out->size = 8 + w.length + w.data_bytes;
    return CTVK_OK;
}
