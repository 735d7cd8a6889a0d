/* support/llama_case.h - random Llama models: as a GGUF file in memory, and as the reference's weights, unpacked without the library. */
#ifndef CTVK_TESTS_LLAMA_CASE_H
#define CTVK_TESTS_LLAMA_CASE_H

#include "ref/llama.h"
#include "support/gguf_writer.h"

enum { LLAMA_CASE_TYPES = 11, LLAMA_CASE_LAYERS = 8 };

typedef struct llama_case_spec {
    int layers, width, feed_forward, heads, kv_heads, vocabulary, context;
    int head_dim;                            /* 0: width / heads, and no key says so */
    int rope_dim;                            /* 0: head_dim, and no key says so */
    double base;                             /* 0: 10000, and no key says so */
    const char *scaling;                     /* NULL: no key */
    double factor;                           /* 0: no key */
    int old_factor;                          /* under the old key */
    int freqs;                               /* rope_freqs.weight */
    int norm_type;                           /* of the norms, else F32 */
    int types[LLAMA_CASE_TYPES], type_count; /* of the matrices, in turn; the embedding table takes the first */
    const char *drop;                        /* key or tensor that is left out */
    void (*add)(gguf_writer *w, void *user); /* more keys and tensors */
    void *user;
} llama_case_spec;

typedef struct llama_case {
    uint8_t *bytes;
    size_t size;
    ref_llama ref;
    ref_llama_layer layer[LLAMA_CASE_LAYERS];
    const double *table; /* [vocabulary][width] */
    void *held[256];
    int held_count;
} llama_case;

/* Norm weights are so large that scores and gates leave the range in which softmax and silu are nearly linear. Exits without memory. */
void llama_case_create(const llama_case_spec *spec, uint32_t seed, llama_case *out);
void llama_case_destroy(llama_case *c);

#endif
