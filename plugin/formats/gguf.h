/* formats/gguf.h - memory-mapped GGUF files (version 2 and 3, little endian), checked whole at open: after that nothing read through
 * this door can leave the file. [one thread at a time] to open and close, reads [any thread]. */
#ifndef CTVK_FORMATS_GGUF_H
#define CTVK_FORMATS_GGUF_H

#include "core/host.h"

/* Types of metadata values, with the file's numbers. */
enum {
    CTVK_GGUF_UINT8 = 0,
    CTVK_GGUF_INT8 = 1,
    CTVK_GGUF_UINT16 = 2,
    CTVK_GGUF_INT16 = 3,
    CTVK_GGUF_UINT32 = 4,
    CTVK_GGUF_INT32 = 5,
    CTVK_GGUF_FLOAT32 = 6,
    CTVK_GGUF_BOOL = 7,
    CTVK_GGUF_STRING = 8,
    CTVK_GGUF_ARRAY = 9,
    CTVK_GGUF_UINT64 = 10,
    CTVK_GGUF_INT64 = 11,
    CTVK_GGUF_FLOAT64 = 12
};

/* Types of tensors that are read, with ggml's numbers (ggml.h, enum ggml_type). */
enum {
    CTVK_GGML_F32 = 0,
    CTVK_GGML_F16 = 1,
    CTVK_GGML_Q4_0 = 2,
    CTVK_GGML_Q4_1 = 3,
    CTVK_GGML_Q5_0 = 6,
    CTVK_GGML_Q5_1 = 7,
    CTVK_GGML_Q8_0 = 8,
    CTVK_GGML_Q4_K = 12,
    CTVK_GGML_Q5_K = 13,
    CTVK_GGML_Q6_K = 14,
    CTVK_GGML_BF16 = 30
};

/* One metadata value. For an array: `element` is its elements' type, `count` their number, `data` the first element's first byte.
 * Else `element` is the type itself and count 1. A string begins with its length (uint64_t), in an array or not; an array within an
 * array with its element type (uint32_t) and count (uint64_t). */
typedef struct ctvk_gguf_value {
    uint32_t type, element;
    uint64_t count;
    const uint8_t *data; /* VIEW of the file, may be unaligned */
    uint64_t bytes;
} ctvk_gguf_value;

/* type: a CTVK_GGML_* number, the same as CTVK_QUANT_* of shaders/params/quant.h. Only these types pass open. */
typedef struct ctvk_gguf_tensor {
    const char *name; /* VIEW */
    int32_t type;
    int32_t rank;      /* 1..4 */
    uint64_t shape[4]; /* as in the file: fastest first; 1 beyond rank */
    uint64_t count;    /* elements */
    const void *data;  /* VIEW of the mapping */
    uint64_t bytes;
} ctvk_gguf_tensor;

typedef struct ctvk_gguf ctvk_gguf;

/* status of every failure but memory: `failure` (CTVK_ERROR_BUNDLE where a bundle names the file, else CTVK_ERROR_INPUT). Reads the header
 * alone, of any size of file. A file that another program shortens while it is open ends the process (SIGBUS), as with every mapping. */
ctvk_status ctvk_gguf_open(const ctvk_host *host, const char *path, ctvk_status failure, ctvk_gguf **out, ctvk_error *error);
/* Same checks on bytes in memory. BORROWED until close. label names it in errors. */
ctvk_status ctvk_gguf_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_status failure,
                            ctvk_gguf **out, ctvk_error *error);
void ctvk_gguf_close(ctvk_gguf **file);
const char *ctvk_gguf_label(const ctvk_gguf *file);   /* what errors call it: the file's name without its folder. VIEW */
ctvk_status ctvk_gguf_failure(const ctvk_gguf *file); /* the status that open was told to fail with */

const uint8_t *ctvk_gguf_bytes(const ctvk_gguf *file, uint64_t *size); /* the whole file. VIEW */

uint64_t ctvk_gguf_tensor_count(const ctvk_gguf *file);
const ctvk_gguf_tensor *ctvk_gguf_tensor_at(const ctvk_gguf *file, uint64_t index);
const ctvk_gguf_tensor *ctvk_gguf_find(const ctvk_gguf *file, const char *name); /* NULL: not there; O(log n) */
/* NULL: not there. O(log n). */
const ctvk_gguf_value *ctvk_gguf_key(const ctvk_gguf *file, const char *key);

/* Typed reads. 0: out is set; 1: the key is not there, out is untouched; -1: it is there with another type or out of range.
 * integer takes any integer type whose value is in [low, high]; number takes any integer or float, finite. text: VIEW, not terminated. */
int ctvk_gguf_integer(const ctvk_gguf *file, const char *key, int64_t low, int64_t high, int64_t *out);
int ctvk_gguf_number(const ctvk_gguf *file, const char *key, double *out);
int ctvk_gguf_boolean(const ctvk_gguf *file, const char *key, int32_t *out);
int ctvk_gguf_string(const ctvk_gguf *file, const char *key, ctvk_text *out);
/* An array whose elements have this type (strings: walk with next_string from cursor = value->data). */
int ctvk_gguf_array(const ctvk_gguf *file, const char *key, uint32_t element, const ctvk_gguf_value **out);
/* The string at *cursor (VIEW, not terminated); moves *cursor behind it. The caller counts. */
ctvk_text ctvk_gguf_next_string(const uint8_t **cursor);
float ctvk_gguf_float_at(const ctvk_gguf_value *array, uint64_t index); /* FLOAT32 arrays */
/* INT32, UINT32 (above 2^31 - 1: 2^31 - 1), INT8, UINT8, INT16, UINT16 arrays */
int32_t ctvk_gguf_int_at(const ctvk_gguf_value *array, uint64_t index);

/* Elements of one block and bytes of one block of a tensor type; 0: a type that is not read. */
uint32_t ctvk_gguf_block_elements(int32_t type);
uint32_t ctvk_gguf_block_bytes(int32_t type);
/* ggml's name of any of its types, read here or not ("Q4_K", "IQ2_XXS", ...); "unknown" for a number that ggml does not know. */
const char *ctvk_gguf_type_name(int32_t type);
/* Elements [first, first + count) as float32; first and count multiples of the type's block elements. Exactly ggml's dequantisation:
 * the true value rounded once to float32 (all products are exact in it). */
void ctvk_gguf_to_f32(const ctvk_gguf_tensor *tensor, uint64_t first, uint64_t count, float *out);

#endif
