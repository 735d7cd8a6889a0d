/* ops/causal_attend.h - causal attention of token rows with grouped queries (Vaswani et al. 2017; Ainslie et al. 2023). */
#ifndef CTVK_OPS_CAUSAL_ATTEND_H
#define CTVK_OPS_CAUSAL_ATTEND_H

#include "ops/tensor.h"

/* Bytes for the scores of as many query rows as one dispatch takes; rows: sequences * q_tokens. */
uint64_t ctvk_causal_attend_scratch_bytes(int32_t rows, int32_t tokens, int32_t heads);

/* out = softmax(q k^T / sqrt(head_dim)) v, each query over the keys of its own sequence up to its own position.
 * q, out: [sequences][q_tokens][heads][head_dim], the last q_tokens positions of each sequence; k, v:
 * [sequences][tokens][kv_heads][head_dim]. Query head h reads head h / (heads / kv_heads) of k and v. head_dim: multiple of 4. No spans
 * overlap. */
typedef struct ctvk_causal_attend_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_span *q, *k, *v, *out, *scratch;
    int32_t sequences, tokens, q_tokens, heads, kv_heads, head_dim;
} ctvk_causal_attend_job;
/* CTVK_ERROR_INTERNAL where numbers and spans do not fit. [one thread at a time] */
ctvk_status ctvk_causal_attend_record(const ctvk_causal_attend_job *job, ctvk_error *error);

#endif
