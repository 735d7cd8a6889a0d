/* ops/quant_linear_plan.h - inside of the product with packed weights: which variant, its limits, how it is recorded. For
 * quant_linear*.c and its tests. */
#ifndef CTVK_OPS_QUANT_LINEAR_PLAN_H
#define CTVK_OPS_QUANT_LINEAR_PLAN_H

#include "ops/quant_linear.h"

enum {
    CTVK_QUANT_LINEAR_PORTABLE = 1 /* tiles in shared memory, weights decoded there: promised minimum, every GPU */
};

typedef struct ctvk_quant_linear_plan {
    int32_t family;
    uint64_t weight_bytes; /* the most that one binding of packed weights may hold */
    uint64_t row_bytes;    /* same of token rows */
} ctvk_quant_linear_plan;

/* The one place where a variant is chosen. */
ctvk_quant_linear_plan ctvk_quant_linear_plan_for(const ctvk_gpu_caps *caps);

/* As the functions of quant_linear.h, with a given plan. */
uint64_t ctvk_quant_linear_plan_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows);
ctvk_status ctvk_quant_linear_plan_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error);

/* One type of packed weights. */
typedef struct ctvk_quant_type {
    int32_t type, block, bytes; /* CTVK_QUANT_*, weights of a block and its bytes */
    const char *shader;
} ctvk_quant_type;
const ctvk_quant_type *ctvk_quant_type_of(int32_t type); /* NULL: not read */
uint64_t ctvk_quant_linear_row_bytes(const ctvk_quant_linear *op);

/* Weights of outputs [first, first + count): aligned down to caps.storage_alignment; *at is the byte where the first row begins in it. */
ctvk_gpu_bind ctvk_quant_linear_weight_bind(const ctvk_quant_linear_job *job, int32_t first, int32_t count, int32_t *at);

#endif
