#include "support/gguf_writer.h"

#include "ref/dequant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (1 << 20) /* of data written at once */

static void *grown(void *memory, size_t bytes)
{
    void *larger = realloc(memory, bytes);
    if (!larger) {
        fprintf(stderr, "gguf_writer: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return larger;
}

void gguf_put(gguf_bytes *out, const void *data, size_t size)
{
    if (out->size + size > out->room) {
        out->room = 2 * (out->size + size) + 64;
        out->data = grown(out->data, out->room);
    }
    if (size)
        memcpy(out->data + out->size, data, size);
    out->size += size;
}

void gguf_put_u32(gguf_bytes *out, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    gguf_put(out, bytes, sizeof bytes);
}

void gguf_put_u64(gguf_bytes *out, uint64_t value)
{
    gguf_put_u32(out, (uint32_t)value);
    gguf_put_u32(out, (uint32_t)(value >> 32));
}

void gguf_put_text(gguf_bytes *out, const char *text, size_t length)
{
    gguf_put_u64(out, length);
    gguf_put(out, text, length);
}

static void put_f32(gguf_bytes *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    gguf_put_u32(out, bits);
}

void gguf_writer_begin(gguf_writer *w)
{
    *w = (gguf_writer){.version = 3, .alignment = 32};
}

void gguf_writer_free(gguf_writer *w)
{
    free(w->metadata.data);
    free(w->entries.data);
    free(w->list);
    *w = (gguf_writer){0};
}

void gguf_writer_key(gguf_writer *w, const char *key, uint32_t type)
{
    gguf_put_text(&w->metadata, key, strlen(key));
    gguf_put_u32(&w->metadata, type);
    w->keys++;
}

void gguf_writer_u32(gguf_writer *w, const char *key, uint32_t value)
{
    gguf_writer_key(w, key, 4);
    gguf_put_u32(&w->metadata, value);
}

void gguf_writer_f32(gguf_writer *w, const char *key, float value)
{
    gguf_writer_key(w, key, 6);
    put_f32(&w->metadata, value);
}

void gguf_writer_bool(gguf_writer *w, const char *key, int value)
{
    uint8_t byte = value != 0;
    gguf_writer_key(w, key, 7);
    gguf_put(&w->metadata, &byte, 1);
}

void gguf_writer_string(gguf_writer *w, const char *key, const char *text)
{
    gguf_writer_key(w, key, 8);
    gguf_put_text(&w->metadata, text, strlen(text));
}

static void array(gguf_writer *w, const char *key, uint32_t element, uint64_t count)
{
    gguf_writer_key(w, key, 9);
    gguf_put_u32(&w->metadata, element);
    gguf_put_u64(&w->metadata, count);
}

void gguf_writer_strings(gguf_writer *w, const char *key, const char *const *texts, uint64_t count)
{
    array(w, key, 8, count);
    for (uint64_t i = 0; i < count; i++)
        gguf_put_text(&w->metadata, texts[i], strlen(texts[i]));
}

void gguf_writer_f32s(gguf_writer *w, const char *key, const float *values, uint64_t count)
{
    array(w, key, 6, count);
    for (uint64_t i = 0; i < count; i++)
        put_f32(&w->metadata, values[i]);
}

void gguf_writer_i32s(gguf_writer *w, const char *key, const int32_t *values, uint64_t count)
{
    array(w, key, 5, count);
    for (uint64_t i = 0; i < count; i++)
        gguf_put_u32(&w->metadata, (uint32_t)values[i]);
}

void gguf_writer_entry(gguf_writer *w, const char *name, size_t length, uint32_t rank, const uint64_t *shape, uint32_t type,
                       uint64_t offset)
{
    gguf_put_text(&w->entries, name, length);
    gguf_put_u32(&w->entries, rank);
    for (uint32_t i = 0; i < rank; i++)
        gguf_put_u64(&w->entries, shape[i]);
    gguf_put_u32(&w->entries, type);
    gguf_put_u64(&w->entries, offset);
    w->list = grown(w->list, (w->tensors + 1) * sizeof *w->list);
    w->list[w->tensors++] = (struct gguf_writer_data){.offset = offset};
}

static uint64_t padded(uint64_t bytes, uint64_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

void gguf_writer_tensor(gguf_writer *w, const char *name, int32_t type, uint32_t rank, const uint64_t *shape, const void *data)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= shape[i];
    uint64_t bytes = count / ref_dequant_elements(type) * ref_dequant_bytes(type);
    gguf_writer_entry(w, name, strlen(name), rank, shape, (uint32_t)type, w->data_bytes);
    w->list[w->tensors - 1] = (struct gguf_writer_data){type, w->data_bytes, bytes, count, data};
    w->data_bytes += padded(bytes, w->alignment);
}

/* All that stands before the data, padded. */
static gguf_bytes head(const gguf_writer *w)
{
    static const uint8_t zeros[4096];
    gguf_bytes out = {0};
    gguf_put(&out, "GGUF", 4);
    gguf_put_u32(&out, w->version);
    gguf_put_u64(&out, w->tensors);
    gguf_put_u64(&out, w->keys);
    gguf_put(&out, w->metadata.data, w->metadata.size);
    gguf_put(&out, w->entries.data, w->entries.size);
    if (w->alignment <= sizeof zeros)
        gguf_put(&out, zeros, padded(out.size, w->alignment) - out.size);
    return out;
}

uint8_t *gguf_writer_bytes(const gguf_writer *w, size_t *size)
{
    gguf_bytes out = head(w);
    *size = out.size + w->data_bytes;
    out.data = grown(out.data, *size);
    memset(out.data + out.size, 0, w->data_bytes);
    for (uint64_t i = 0; i < w->tensors; i++)
        if (w->list[i].data)
            memcpy(out.data + out.size + w->list[i].offset, w->list[i].data, w->list[i].bytes);
    return out.data;
}

static int save_tensor(const gguf_writer *w, uint64_t index, FILE *file, uint8_t *piece, gguf_writer_fill fill, void *user)
{
    const struct gguf_writer_data *t = &w->list[index];
    if (!t->bytes)
        return 0;
    uint64_t elements = ref_dequant_elements(t->type), bytes = ref_dequant_bytes(t->type), blocks = PIECE / bytes;
    for (uint64_t done = 0; done < t->count / elements; done += blocks) {
        uint64_t now = t->count / elements - done < blocks ? t->count / elements - done : blocks;
        memset(piece, 0, PIECE);
        if (t->data)
            memcpy(piece, (const uint8_t *)t->data + done * bytes, now * bytes);
        else if (fill)
            fill(user, index, t->type, done * elements, now * elements, piece);
        if (fwrite(piece, bytes, now, file) != now)
            return -1;
    }
    memset(piece, 0, w->alignment);
    size_t rest = padded(t->bytes, w->alignment) - t->bytes;
    return fwrite(piece, 1, rest, file) == rest ? 0 : -1;
}

int gguf_writer_save(const gguf_writer *w, const char *path, gguf_writer_fill fill, void *user)
{
    gguf_bytes start = head(w);
    uint8_t *piece = grown(NULL, PIECE);
    FILE *file = fopen(path, "wb");
    int bad = !file || fwrite(start.data, 1, start.size, file) != start.size;
    for (uint64_t i = 0; !bad && i < w->tensors; i++)
        bad = save_tensor(w, i, file, piece, fill, user);
    if (file && fclose(file))
        bad = 1;
    free(piece);
    free(start.data);
    if (bad)
        fprintf(stderr, "gguf_writer: %s cannot be written\n", path);
    return bad ? -1 : 0;
}
