/* formats/safetensors.h - memory-mapped safetensors files, checked whole at open. [one thread at a time] to open and close, reads [any
 * thread]. */
#ifndef CTVK_FORMATS_SAFETENSORS_H
#define CTVK_FORMATS_SAFETENSORS_H

#include "core/host.h"

typedef enum ctvk_dtype { CTVK_DTYPE_F32 = 1, CTVK_DTYPE_F16, CTVK_DTYPE_BF16, CTVK_DTYPE_OTHER } ctvk_dtype;

typedef struct ctvk_st_tensor {
    const char *name; /* VIEW */
    ctvk_dtype dtype;
    int32_t rank; /* 0..8 */
    uint64_t shape[8];
    uint64_t count;   /* elements */
    const void *data; /* VIEW of the mapping, may be unaligned */
    uint64_t bytes;
} ctvk_st_tensor;

typedef struct ctvk_safetensors ctvk_safetensors;

/* status of every failure: `failure` (CTVK_ERROR_BUNDLE for weights, CTVK_ERROR_INPUT for --text-embedding). */
ctvk_status ctvk_safetensors_open(const ctvk_host *host, const char *path, ctvk_status failure, ctvk_safetensors **out, ctvk_error *error);
/* Same checks on bytes in memory (fuzzing, hosts). BORROWED until close. label names it in errors. */
ctvk_status ctvk_safetensors_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_status failure,
                                   ctvk_safetensors **out, ctvk_error *error);
void ctvk_safetensors_close(ctvk_safetensors **file);
uint64_t ctvk_safetensors_count(const ctvk_safetensors *file);
const ctvk_st_tensor *ctvk_safetensors_at(const ctvk_safetensors *file, uint64_t index);
const ctvk_st_tensor *ctvk_safetensors_find(const ctvk_safetensors *file, const char *name); /* NULL: not there; O(log n) */
/* Elements [first, first+count) as float32. */
void ctvk_st_to_f32(const ctvk_st_tensor *tensor, uint64_t first, uint64_t count, float *out);

/* Writes float32 tensors to path through a temporary file in the same folder, renamed when whole. */
typedef struct ctvk_st_write {
    const char *name;
    int32_t rank;
    uint64_t shape[8];
    const float *data; /* BORROWED */
} ctvk_st_write;
ctvk_status ctvk_safetensors_write(const ctvk_host *host, const char *path, const ctvk_st_write *tensors, uint32_t count,
                                   ctvk_error *error);

#endif
