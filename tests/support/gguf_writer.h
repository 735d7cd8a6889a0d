/* support/gguf_writer.h - builds GGUF files: sound ones as llama.cpp writes them, in memory or streamed to a file of any size, and damaged
 * ones, because every part can also be put byte by byte. Exits where memory is exhausted. */
#ifndef CTVK_TESTS_GGUF_WRITER_H
#define CTVK_TESTS_GGUF_WRITER_H

#include <stddef.h>
#include <stdint.h>

typedef struct gguf_bytes {
    uint8_t *data;
    size_t size, room;
} gguf_bytes;

void gguf_put(gguf_bytes *out, const void *data, size_t size);
void gguf_put_u32(gguf_bytes *out, uint32_t value);
void gguf_put_u64(gguf_bytes *out, uint64_t value);
void gguf_put_text(gguf_bytes *out, const char *text, size_t length); /* with its length before it */

typedef struct gguf_writer {
    uint32_t version, alignment; /* set by gguf_writer_begin; alignment is only obeyed, the key is the caller's */
    gguf_bytes metadata, entries;
    uint64_t keys, tensors; /* counts for the header */
    uint64_t data_bytes;    /* so far, padded */
    struct gguf_writer_data {
        int32_t type;
        uint64_t offset, bytes, count;
        const void *data;
    } * list;
} gguf_writer;

/* Version 3, alignment 32. */
void gguf_writer_begin(gguf_writer *w);
void gguf_writer_free(gguf_writer *w);

/* Key and type of a value whose bytes the caller puts into w->metadata. */
void gguf_writer_key(gguf_writer *w, const char *key, uint32_t type);
void gguf_writer_u32(gguf_writer *w, const char *key, uint32_t value);
void gguf_writer_f32(gguf_writer *w, const char *key, float value);
void gguf_writer_bool(gguf_writer *w, const char *key, int value);
void gguf_writer_string(gguf_writer *w, const char *key, const char *text);
void gguf_writer_strings(gguf_writer *w, const char *key, const char *const *texts, uint64_t count);
void gguf_writer_f32s(gguf_writer *w, const char *key, const float *values, uint64_t count);
void gguf_writer_i32s(gguf_writer *w, const char *key, const int32_t *values, uint64_t count);

/* One of the types of ref/dequant.h, behind the tensors before it. shape: fastest first. data: packed, BORROWED until the file is made;
 * NULL: zeros, or what the callback of gguf_writer_save fills in. */
void gguf_writer_tensor(gguf_writer *w, const char *name, int32_t type, uint32_t rank, const uint64_t *shape, const void *data);
/* Any entry; adds no data. */
void gguf_writer_entry(gguf_writer *w, const char *name, size_t length, uint32_t rank, const uint64_t *shape, uint32_t type,
                       uint64_t offset);

/* The whole file; the caller frees it. */
uint8_t *gguf_writer_bytes(const gguf_writer *w, size_t *size);

/* Fills elements [first, first + count) of tensor number `tensor`, whole blocks, into out. */
typedef void (*gguf_writer_fill)(void *user, uint64_t tensor, int32_t type, uint64_t first, uint64_t count, void *out);
/* Writes the file piece by piece; fill (may be NULL) is asked for tensors without data. 0, or -1 with one line on stderr. */
int gguf_writer_save(const gguf_writer *w, const char *path, gguf_writer_fill fill, void *user);

#endif
