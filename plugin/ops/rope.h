/* ops/rope.h - rotary position embedding (Su et al. 2021) of queries and keys, in place. */
#ifndef CTVK_OPS_ROPE_H
#define CTVK_OPS_ROPE_H

#include "ops/tensor.h"

/* Angle of pair i at position t: t * scale * base^(-2i / dim) / divisors[i] (divisors NULL: 1). dim: even. */
typedef struct ctvk_rope_angles {
    int32_t dim;
    double base, scale;
    const float *divisors; /* dim / 2 */
} ctvk_rope_angles;
uint64_t ctvk_rope_table_bytes(int32_t positions, int32_t dim);
/* out: [positions][dim / 2] pairs (cos, sin), computed in double. Host memory. [any thread] */
void ctvk_rope_table(const ctvk_rope_angles *angles, int32_t positions, float *out);

/* k: [sequences][tokens][k_heads][head_dim]; q: [sequences][q_tokens][q_heads][head_dim], the last q_tokens positions of each
 * sequence. table: of at least `tokens` positions. The first `dim` channels of every head are turned, pairs (2i, 2i + 1), as llama.cpp
 * has it for Llama weights in GGUF files. head_dim even, dim <= head_dim. */
typedef struct ctvk_rope_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_span *table, *q, *k;
    int32_t sequences, tokens, q_tokens, q_heads, k_heads, head_dim, dim;
} ctvk_rope_job;
/* CTVK_ERROR_INTERNAL where numbers and spans do not fit. [one thread at a time] */
ctvk_status ctvk_rope_record(const ctvk_rope_job *job, ctvk_error *error);

#endif
