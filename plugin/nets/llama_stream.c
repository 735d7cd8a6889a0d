#include "nets/llama_stream.h"

#include <string.h>

static ctvk_gpu_buffer *target(const ctvk_llama_stream *s)
{
    return s->model->weights[s->layer % s->model->weight_buffers];
}

/* Into a mapped buffer: a plain copy, once the layer that lay there has been computed. */
static ctvk_status move_mapped(ctvk_llama_stream *s, uint64_t offset, const void *data, uint64_t bytes, ctvk_error *error)
{
    ctvk_status status = ctvk_gpu_cmd_wait(s->cmd, s->used[s->layer % 2], error);
    if (status == CTVK_OK)
        memcpy((uint8_t *)target(s)->mapped + offset, data, (size_t)bytes);
    return status;
}

/* Through staging: the host fills one buffer while the device works and copies out of the other. The copy into the weights needs no
 * waiting, the queue keeps its order. */
static ctvk_status move_staged(ctvk_llama_stream *s, uint64_t offset, const void *data, uint64_t bytes, ctvk_error *error)
{
    ctvk_gpu_buffer *staging = s->model->staging[s->next];
    ctvk_status status = ctvk_gpu_cmd_wait(s->cmd, s->copied[s->next], error);
    if (status != CTVK_OK)
        return status;
    memcpy(staging->mapped, data, (size_t)bytes);
    status = ctvk_gpu_cmd_copy(s->cmd, staging, 0, target(s), offset, bytes, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_submit(s->cmd, &s->copied[s->next], error);
    s->next = 1 - s->next;
    return status;
}

/* Until `wanted` bytes of the layer are there, or all of it. */
static ctvk_status move(ctvk_llama_stream *s, uint64_t wanted, ctvk_error *error)
{
    const ctvk_llama_layer *layer = &s->model->layers[s->layer];
    ctvk_status status = CTVK_OK;
    while (s->sent < wanted && s->matrix < CTVK_LLAMA_MATRICES && status == CTVK_OK) {
        const ctvk_llama_matrix *m = &layer->matrix[s->matrix];
        uint64_t left = m->tensor->bytes - s->done, most = s->model->streaming.piece_bytes, bytes = left < most ? left : most;
        const uint8_t *data = (const uint8_t *)m->tensor->data + s->done;
        status = s->model->staging[0] ? move_staged(s, m->offset + s->done, data, bytes, error)
                                      : move_mapped(s, m->offset + s->done, data, bytes, error);
        s->sent += bytes;
        s->done += bytes;
        if (s->done == m->tensor->bytes) {
            s->done = 0;
            s->matrix++;
        }
    }
    return status;
}

static ctvk_status move_rest(ctvk_llama_stream *s, ctvk_error *error)
{
    ctvk_status status = move(s, UINT64_MAX, error);
    s->layer++;
    s->matrix = 0;
    s->sent = 0;
    return status;
}

ctvk_status ctvk_llama_stream_begin(ctvk_llama_stream *stream, const ctvk_llama *model, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    *stream = (ctvk_llama_stream){.model = model, .cmd = cmd};
    return model->resident ? CTVK_OK : move_rest(stream, error);
}

ctvk_status ctvk_llama_stream_step(ctvk_llama_stream *stream, int32_t layer, int32_t step, int32_t steps, ctvk_error *error)
{
    const ctvk_llama *m = stream->model;
    if (m->resident)
        return CTVK_OK;
    ctvk_status status = ctvk_gpu_cmd_submit(stream->cmd, &stream->used[layer % 2], error);
    if (status != CTVK_OK || stream->layer == m->desc.layers)
        return status;
    if (step == steps - 1)
        return move_rest(stream, error);
    return move(stream, m->layers[stream->layer].bytes / (uint64_t)steps * (uint64_t)(step + 1), error);
}
