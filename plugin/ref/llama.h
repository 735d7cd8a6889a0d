/* ref/llama.h - a whole Llama-family network, one sequence at a time, in double, every position computed to the end. */
#ifndef CTVK_REF_LLAMA_H
#define CTVK_REF_LLAMA_H

#include "ref/scratch.h"

typedef struct ref_llama_layer {
    const float *attn_norm, *ffn_norm;                   /* [width] */
    const double *q, *k, *v, *output, *gate, *up, *down; /* [outs][ins] */
} ref_llama_layer;

typedef struct ref_llama {
    int layers, width, feed_forward, heads, kv_heads, head_dim, rope_dim;
    double rope_base, rope_scale, rms_eps;
    const float *divisors; /* rope_dim / 2, or NULL */
    const ref_llama_layer *layer;
    const float *output_norm;
} ref_llama;

/* Doubles of scratch that it needs. */
size_t ref_llama_scratch(const ref_llama *model, int tokens);
/* in: [tokens][width]; out: [width], the final norm's output at the last position. */
void ref_llama_encode(const ref_llama *model, const float *in, int tokens, ref_scratch *scratch, double *out);

#endif
