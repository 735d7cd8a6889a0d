/* formats/gguf_internal.h - between the files of gguf: the open file, its checked reading, little-endian numbers at any byte. */
#ifndef CTVK_FORMATS_GGUF_INTERNAL_H
#define CTVK_FORMATS_GGUF_INTERNAL_H

#include "formats/gguf.h"

/* ggml's limit (GGML_MAX_NAME), with the terminator. */
#define CTVK_GGUF_NAME_ROOM 64

typedef struct ctvk_gguf_entry {
    ctvk_text key; /* VIEW of the file, not terminated */
    ctvk_gguf_value value;
} ctvk_gguf_entry;

struct ctvk_gguf {
    const ctvk_host *host;
    char *label;
    ctvk_status failure;
    const uint8_t *bytes;
    uint64_t size;
    int mapped;
    ctvk_gguf_entry *entries; /* sorted by key */
    uint64_t entry_count;
    ctvk_gguf_tensor *tensors; /* sorted by name */
    uint64_t tensor_count;
    char *names; /* CTVK_GGUF_NAME_ROOM bytes for each tensor's name */
};

/* Order of keys (ctvk_text, or what begins with one): by bytes, the shorter first. */
int ctvk_gguf_key_order(const void *a, const void *b);

/* The file while it is checked. */
typedef struct ctvk_gguf_reader {
    ctvk_gguf *file;
    ctvk_error *error;
    uint64_t at, end;  /* next byte; where reading must stop: the file's end or the limit of what stands before the data */
    const char *kind;  /* NULL, or what the fault lies in: "key", "tensor" */
    ctvk_text subject; /* its name */
    char number[32];   /* the name of what has none yet */
} ctvk_gguf_reader;

#define CTVK_GGUF_DAMAGED "the file is damaged or cut short; get it again"

/* Sets what ctvk_gguf_refuse names. kind: a literal. */
void ctvk_gguf_about(ctvk_gguf_reader *r, const char *kind, ctvk_text subject);
/* The index-th of its kind, whose name is not read yet. */
void ctvk_gguf_about_number(ctvk_gguf_reader *r, const char *kind, uint64_t index);
/* "FILE: KIND SUBJECT: FORMAT (REMEDY)" with the file's status. */
ctvk_status ctvk_gguf_refuse(const ctvk_gguf_reader *r, const char *remedy, const char *format, ...) CTVK_PRINTF(3, 4);
ctvk_status ctvk_gguf_no_memory(const ctvk_gguf_reader *r);
/* Refuses where count pieces of so many bytes do not lie between at and end; what: their name in the plural. */
ctvk_status ctvk_gguf_need(const ctvk_gguf_reader *r, uint64_t count, uint64_t bytes, const char *what);
/* The next number or string, or a refusal where the file ends within it. */
ctvk_status ctvk_gguf_read_u32(ctvk_gguf_reader *r, uint32_t *out);
ctvk_status ctvk_gguf_read_u64(ctvk_gguf_reader *r, uint64_t *out);
ctvk_status ctvk_gguf_read_string(ctvk_gguf_reader *r, ctvk_text *out);

/* Fill file->entries and file->tensors, allocated for the counts that the header gives, and sort them. alignment: a power of two. */
ctvk_status ctvk_gguf_parse_entries(ctvk_gguf_reader *r);
ctvk_status ctvk_gguf_parse_tensors(ctvk_gguf_reader *r, uint64_t alignment);

/* Fills a file whose host, label, failure, bytes and size are set; what it allocates, ctvk_gguf_close frees, after a failure too. */
ctvk_status ctvk_gguf_check(ctvk_gguf *file, ctvk_error *error);

/* Bytes of one value of a metadata type; 0: string, array, or no type. */
uint32_t ctvk_gguf_value_bytes(uint32_t type);

static inline uint16_t ctvk_gguf_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t ctvk_gguf_u32(const uint8_t *at)
{
    return ctvk_gguf_u16(at) | (uint32_t)ctvk_gguf_u16(at + 2) << 16;
}

static inline uint64_t ctvk_gguf_u64(const uint8_t *at)
{
    return ctvk_gguf_u32(at) | (uint64_t)ctvk_gguf_u32(at + 4) << 32;
}

#endif
