/* ref/causal_attend.h - causal attention with grouped queries of one sequence, in double. */
#ifndef CTVK_REF_CAUSAL_ATTEND_H
#define CTVK_REF_CAUSAL_ATTEND_H

/* q, out: [q_tokens][heads][head_dim], the last positions of `tokens`; k, v: [tokens][kv_heads][head_dim]. */
void ref_causal_attend(const double *q, const double *k, const double *v, int tokens, int q_tokens, int heads, int kv_heads, int head_dim,
                       double *out);

#endif
