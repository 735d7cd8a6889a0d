/* nets/alignment.h - the two-way transformer of one level (model.md, "Alignment"), folded. No Vulkan call. */
#ifndef CTVK_NETS_ALIGNMENT_H
#define CTVK_NETS_ALIGNMENT_H

#include "ops/tensor.h"

/* Finds a weight by its published name, as float32 in C order; BORROWED until the callback's owner goes. NULL: not there. */
typedef const float *(*ctvk_weight_fn)(void *user, const char *name);

typedef struct ctvk_alignment {
    int32_t level;    /* i of attn_transformer.i and txt2vis.i */
    int32_t channels; /* C_i, multiple of 16 */
    int32_t mlp;      /* f * 2^i */
    int32_t text_dim; /* D */
    int32_t prompts;  /* P */
} ctvk_alignment;

/* Device bytes of the packed weights of txt2vis.i and attn_transformer.i (without the unused final attention). */
uint64_t ctvk_alignment_weight_bytes(const ctvk_alignment *a);
/* Fills weight_bytes bytes of host memory. All names were checked before. */
void ctvk_alignment_pack(const ctvk_alignment *a, ctvk_weight_fn weight, void *user, void *packed);
/* Scratch for tokens, folded vectors, partial softmax sums, for a level of these extents. */
uint64_t ctvk_alignment_scratch_bytes(const ctvk_gpu *gpu, const ctvk_alignment *a, int32_t x, int32_t y, int32_t z);
/* image (blocked, channels) is updated in place. text: [P][D] float32. */
ctvk_status ctvk_alignment_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_alignment *a, const ctvk_span *weights,
                                  const ctvk_span *text, const ctvk_span *scratch, const ctvk_tensor *image, ctvk_error *error);

#endif
