/* nets/llama_internal.h - between the files of llama: the tensors of a layer, where everything lies on the device, the open model. */
#ifndef CTVK_NETS_LLAMA_INTERNAL_H
#define CTVK_NETS_LLAMA_INTERNAL_H

#include "nets/llama.h"
#include "ops/quant_linear.h"

#define CTVK_LLAMA_PIECE (16u << 20) /* most bytes of a layer that travel at once */

enum {
    CTVK_LLAMA_Q,
    CTVK_LLAMA_K,
    CTVK_LLAMA_V,
    CTVK_LLAMA_OUTPUT,
    CTVK_LLAMA_GATE,
    CTVK_LLAMA_UP,
    CTVK_LLAMA_DOWN,
    CTVK_LLAMA_MATRICES,
    CTVK_LLAMA_ATTN_NORM = CTVK_LLAMA_MATRICES,
    CTVK_LLAMA_FFN_NORM,
    CTVK_LLAMA_LAYER_TENSORS
};

/* "blk.N.attn_q.weight", ...; room: 64 bytes, as many as a name in a GGUF file has at most. */
enum { CTVK_LLAMA_NAME = 64 };
void ctvk_llama_tensor_name(int32_t layer, int32_t which, char name[CTVK_LLAMA_NAME]);
/* shape[1] is 1 for the norms. */
void ctvk_llama_tensor_shape(const ctvk_llama_desc *desc, int32_t which, uint64_t shape[2]);
/* Every tensor that is needed is there with its shape, and none that would change the result and is not computed. */
ctvk_status ctvk_llama_check_tensors(const ctvk_gguf *file, ctvk_llama_desc *desc, ctvk_error *error);

typedef struct ctvk_llama_matrix {
    ctvk_quant_linear op;
    const ctvk_gguf_tensor *tensor;
    uint64_t offset, bytes; /* in the layer's buffer */
} ctvk_llama_matrix;
typedef struct ctvk_llama_layer {
    ctvk_llama_matrix matrix[CTVK_LLAMA_MATRICES];
    uint64_t bytes;
} ctvk_llama_layer;

/* One piece of a buffer; offset a multiple of 256. */
typedef struct ctvk_llama_place {
    uint64_t offset, bytes;
} ctvk_llama_place;

/* Activations: `normed` and `x` live through a layer, those of the attention lie over those of the feed-forward part. The last layer's
 * rows, one a sequence, have places of their own. */
typedef struct ctvk_llama_places {
    ctvk_llama_place x, normed, q, k, v, scores, mixed, gate, up, last_x, last_normed, out, scratch;
    uint64_t bytes;
    ctvk_llama_place norms, table; /* in the buffer of constants; norm n begins at norms.offset + n * norm_stride */
    uint64_t norm_stride, constant_bytes;
} ctvk_llama_places;

/* Fails only where memory for the plan would overflow or one piece is larger than a binding. */
ctvk_status ctvk_llama_place_all(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                                 ctvk_llama_places *out, ctvk_error *error);
/* Describe has passed. */
void ctvk_llama_layer_of(const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t n, ctvk_llama_layer *out);
/* How layers stream: through so many device buffers, each as large as the largest layer, in pieces of at most so many bytes. */
typedef struct ctvk_llama_streaming {
    int32_t buffers;
    uint64_t buffer_bytes, piece_bytes;
    uint64_t all_bytes; /* of all layers, where they do not stream */
} ctvk_llama_streaming;
void ctvk_llama_streaming_of(const ctvk_gguf *file, const ctvk_llama_desc *desc, ctvk_llama_streaming *out);

struct ctvk_llama {
    ctvk_gpu *gpu;
    const ctvk_gguf *file; /* BORROWED */
    ctvk_llama_desc desc;
    int32_t sequences, tokens, resident;
    ctvk_llama_places at;
    ctvk_llama_layer *layers;
    ctvk_llama_streaming streaming;
    ctvk_gpu_buffer **weights; /* layer n lies in number n % weight_buffers */
    int32_t weight_buffers;    /* resident: one a layer */
    ctvk_gpu_buffer *constants, *activations;
    ctvk_gpu_buffer *staging[2]; /* only where layers stream and DEVICE buffers are not mapped */
};

#endif
