/* nets/llama.h - a Llama-family language model up to its final norm (model.md, "Text encoder"). No Vulkan call. */
#ifndef CTVK_NETS_LLAMA_H
#define CTVK_NETS_LLAMA_H

#include "formats/gguf.h"
#include "ops/tensor.h"

/* From the metadata, with llama.cpp's defaults. */
typedef struct ctvk_llama_desc {
    int32_t layers, width, feed_forward, heads, kv_heads, head_dim, rope_dim, vocabulary, context;
    double rope_base, rope_scale, rms_eps; /* rope_scale: positions are multiplied by it (1 / linear factor) */
    int32_t has_rope_freqs;                /* rope_freqs.weight: rope_dim / 2 divisors of the frequencies */
} ctvk_llama_desc;
/* Metadata, names, shapes and types of every tensor that is needed. Fails with the file's own status and names key or tensor.
 * Needs no device. [any thread] */
ctvk_status ctvk_llama_describe(const ctvk_gguf *file, ctvk_llama_desc *out, ctvk_error *error);

/* Device bytes for `sequences` x `tokens` rows, known before anything is allocated. resident: all weights stay on the device;
 * otherwise layers stream from the mapped file through two buffers, chosen where `limit` (0: the device's heap) is too small. */
typedef struct ctvk_llama_memory {
    uint64_t weights, activations, staging, total;
    int32_t resident;
} ctvk_llama_memory;
ctvk_status ctvk_llama_plan(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                            uint64_t limit, ctvk_llama_memory *out, ctvk_error *error);

typedef struct ctvk_llama ctvk_llama;
/* For at most sequences x tokens rows. file stays open as long as the model lives (layers may stream from it). */
ctvk_status ctvk_llama_create(ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                              uint64_t limit, ctvk_llama **out, ctvk_error *error);
void ctvk_llama_destroy(ctvk_llama **model);

/* Rows `ids` of the embedding table as float32, dequantised from the mapped file: the table never goes to the device. */
ctvk_status ctvk_llama_embed(const ctvk_gguf *file, const ctvk_llama_desc *desc, const int32_t *ids, int32_t count, float *out,
                             ctvk_error *error);

/* Called between submissions with the fraction that is done; non-zero cancels. */
typedef int32_t (*ctvk_llama_progress_fn)(void *user, double fraction);
/* in: [sequences][tokens][width] input embeddings (all sequences equally long; one weight read serves all). out: [sequences][width], the
 * final norm's output at each sequence's last position. The last layer computes no more than that needs. [one thread at a time] */
ctvk_status ctvk_llama_encode(ctvk_llama *model, const float *in, int32_t sequences, int32_t tokens, float *out,
                              ctvk_llama_progress_fn progress, void *user, ctvk_error *error);

#endif
