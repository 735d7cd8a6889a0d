/* nets/llama_stream.h - a layer's weights on their way from the mapped file to one of two device buffers while the other one's layer is
 * computed. Inert where the weights are resident. */
#ifndef CTVK_NETS_LLAMA_STREAM_H
#define CTVK_NETS_LLAMA_STREAM_H

#include "nets/llama_internal.h"

typedef struct ctvk_llama_stream {
    const ctvk_llama *model;
    ctvk_gpu_cmd *cmd;
    int32_t layer;      /* on its way; == desc.layers: no more */
    int32_t matrix;     /* of it */
    uint64_t done;      /* bytes of the matrix */
    uint64_t sent;      /* bytes of the layer */
    uint64_t used[2];   /* marks: the last submission that reads each weight buffer */
    uint64_t copied[2]; /* marks: the copy out of each staging buffer */
    int32_t next;       /* staging buffer */
} ctvk_llama_stream;

/* Layer 0 goes to the device. */
ctvk_status ctvk_llama_stream_begin(ctvk_llama_stream *stream, const ctvk_llama *model, ctvk_gpu_cmd *cmd, ctvk_error *error);
/* Called when step `step` of `steps` of layer `layer` is recorded: submits it and meanwhile moves the next layer's share. */
ctvk_status ctvk_llama_stream_step(ctvk_llama_stream *stream, int32_t layer, int32_t step, int32_t steps, ctvk_error *error);

#endif
