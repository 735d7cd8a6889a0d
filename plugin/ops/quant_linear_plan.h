/* ops/quant_linear_plan.h - inside of the product with packed weights: which variant, its limits, how it is recorded. For
 * quant_linear*.c and its tests. */
#ifndef CTVK_OPS_QUANT_LINEAR_PLAN_H
#define CTVK_OPS_QUANT_LINEAR_PLAN_H

#include "ops/quant_linear.h"

enum {
    CTVK_QUANT_LINEAR_PORTABLE = 1, /* tiles of decoded weights in shared memory: promised minimum, every GPU */
    CTVK_QUANT_LINEAR_ADDRESS = 2,  /* straight-line, rows by device address, all else through texel buffers: software drivers */
    CTVK_QUANT_LINEAR_UNIFORM = 3   /* straight-line, rows in uniform blocks: software drivers that lack those */
};

typedef struct ctvk_quant_linear_plan {
    int32_t family;
    uint64_t weight_bytes; /* the most that one binding of packed weights may hold */
    uint64_t row_bytes;    /* same of token rows */
    uint64_t matrix_bytes; /* straight-line: the most scratch for decoded weights; the same again for sums of runs */
} ctvk_quant_linear_plan;

/* The one place where a variant is chosen. */
ctvk_quant_linear_plan ctvk_quant_linear_plan_for(const ctvk_gpu_caps *caps);

/* As the functions of quant_linear.h, with a given plan. */
uint64_t ctvk_quant_linear_plan_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows);
ctvk_status ctvk_quant_linear_plan_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error);

/* The families. The job has been checked. */
ctvk_status ctvk_quant_linear_portable_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error);
uint64_t ctvk_quant_linear_straight_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows);
ctvk_status ctvk_quant_linear_straight_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error);

/* One type of packed weights. */
typedef struct ctvk_quant_type {
    int32_t type, block, bytes; /* CTVK_QUANT_*, weights of a block and its bytes */
    const char *name;           /* as the shaders' variants have it */
} ctvk_quant_type;
const ctvk_quant_type *ctvk_quant_type_of(int32_t type); /* NULL: not read */
uint64_t ctvk_quant_linear_row_bytes(const ctvk_quant_linear *op);
/* Bytes from the first of `rows` rows to the end of the last, which has `width` floats. */
uint64_t ctvk_quant_linear_rows_bytes(int32_t rows, int32_t stride, int32_t width);

/* Packed weights of outputs [first, first + count): aligned down to caps.storage_alignment, whole vec4; *at is the byte where the first row
 * begins in the binding. */
ctvk_gpu_bind ctvk_quant_linear_weight_bind(const ctvk_quant_linear_job *job, int32_t first, int32_t count, int32_t *at);
/* Token rows [first, first + count) of job->in or job->out; *at is the float where they begin. */
ctvk_gpu_bind ctvk_quant_linear_row_bind(const ctvk_quant_linear_job *job, const ctvk_span *span, int32_t first, int32_t count,
                                         int32_t *at);

/* How many of `all` one piece takes: at most `fit` (0: nothing fits), at most `wanted` but at least one tile where that fits, whole tiles
 * where it is less than all. */
int32_t ctvk_quant_linear_share(int32_t all, double fit, double wanted, int32_t tile);
ctvk_status ctvk_quant_linear_too_large(const ctvk_quant_linear *op, ctvk_error *error);

#endif
