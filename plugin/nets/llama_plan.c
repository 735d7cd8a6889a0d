/* Where everything of a Llama model lies on the device, and whether its weights stay there. */
#include "nets/llama_internal.h"

#include "core/checked.h"
#include "ops/causal_attend.h"
#include "ops/rope.h"

#define ALIGNMENT 256u      /* ops/tensor.h: every offset is a multiple of this */
#define STAGING (16u << 20) /* of the gpu room, for transfers to and from buffers that are not mapped */
#define MOST_ROWS 65535     /* workgroups in one dimension */

void ctvk_llama_layer_of(const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t n, ctvk_llama_layer *out)
{
    out->bytes = 0;
    for (int32_t i = 0; i < CTVK_LLAMA_MATRICES; i++) {
        ctvk_llama_matrix *m = &out->matrix[i];
        char name[CTVK_LLAMA_NAME];
        uint64_t shape[2];
        ctvk_llama_tensor_name(n, i, name);
        ctvk_llama_tensor_shape(desc, i, shape);
        m->tensor = ctvk_gguf_find(file, name);
        m->op = (ctvk_quant_linear){m->tensor->type, (int32_t)shape[0], (int32_t)shape[1]}; /* one numbering: params/quant.h */
        m->offset = out->bytes;
        m->bytes = ctvk_quant_linear_weight_bytes(&m->op);
        out->bytes += ctvk_align_up(m->bytes, ALIGNMENT);
    }
}

void ctvk_llama_streaming_of(const ctvk_gguf *file, const ctvk_llama_desc *desc, ctvk_llama_streaming *out)
{
    *out = (ctvk_llama_streaming){.buffers = desc->layers < 2 ? desc->layers : 2};
    for (int32_t n = 0; n < desc->layers; n++) {
        ctvk_llama_layer layer;
        ctvk_llama_layer_of(file, desc, n, &layer);
        out->all_bytes += layer.bytes;
        out->buffer_bytes = out->buffer_bytes > layer.bytes ? out->buffer_bytes : layer.bytes;
        for (int32_t i = 0; i < CTVK_LLAMA_MATRICES; i++)
            out->piece_bytes = out->piece_bytes > layer.matrix[i].bytes ? out->piece_bytes : layer.matrix[i].bytes;
    }
    out->piece_bytes = out->piece_bytes < CTVK_LLAMA_PIECE ? out->piece_bytes : CTVK_LLAMA_PIECE;
}

static ctvk_llama_place place(uint64_t *end, uint64_t rows, uint64_t width)
{
    ctvk_llama_place p = {*end, rows * width * sizeof(float)};
    *end += ctvk_align_up(p.bytes, ALIGNMENT);
    return p;
}

static ctvk_status check_rows(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                              ctvk_error *error)
{
    uint64_t rows = (uint64_t)sequences * (uint64_t)tokens, widest = (uint64_t)desc->feed_forward,
             q = (uint64_t)desc->heads * (uint64_t)desc->head_dim;
    if (sequences < 1 || tokens < 1)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "language model: %d sequences of %d tokens (report this)", sequences, tokens);
    if (tokens > desc->context)
        return ctvk_fail(error, ctvk_gguf_failure(file), "%s: the model reads at most %d tokens, %d are needed (use another model)",
                         ctvk_gguf_label(file), desc->context, tokens);
    widest = widest > q ? widest : q;
    widest = widest > (uint64_t)desc->width ? widest : (uint64_t)desc->width;
    if (rows > MOST_ROWS || rows * widest * sizeof(float) > ctvk_gpu_get_caps(gpu)->max_storage_range)
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE_MEMORY,
            "language model: %d sequences of %d tokens are more than one buffer binding of the device holds (use fewer tokens)", sequences,
            tokens);
    return CTVK_OK;
}

/* The most scratch that a product of any layer asks for. */
static uint64_t scratch_bytes(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t rows)
{
    uint64_t most = ALIGNMENT;
    for (int32_t n = 0; n < desc->layers; n++) {
        ctvk_llama_layer layer;
        ctvk_llama_layer_of(file, desc, n, &layer);
        for (int32_t i = 0; i < CTVK_LLAMA_MATRICES; i++) {
            uint64_t all = ctvk_quant_linear_scratch_bytes(gpu, &layer.matrix[i].op, rows);
            uint64_t last = ctvk_quant_linear_scratch_bytes(gpu, &layer.matrix[i].op, sequences);
            all = all > last ? all : last;
            most = most > all ? most : all;
        }
    }
    return most;
}

ctvk_status ctvk_llama_place_all(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                                 ctvk_llama_places *out, ctvk_error *error)
{
    ctvk_status status = check_rows(gpu, file, desc, sequences, tokens, error);
    if (status != CTVK_OK)
        return status;
    uint64_t rows = (uint64_t)sequences * (uint64_t)tokens, last = (uint64_t)sequences, d = (uint64_t)desc->width;
    uint64_t q = (uint64_t)desc->heads * (uint64_t)desc->head_dim, k = (uint64_t)desc->kv_heads * (uint64_t)desc->head_dim;
    uint64_t ff = (uint64_t)desc->feed_forward, end = 0, constants = 0;
    ctvk_llama_places at = {0};
    at.x = place(&end, rows, d);
    at.normed = place(&end, rows, d);
    at.last_x = place(&end, last, d);
    at.last_normed = place(&end, last, d);
    at.out = place(&end, last, d);
    at.scratch = place(&end, scratch_bytes(gpu, file, desc, sequences, (int32_t)rows) / sizeof(float) + 1, 1);
    uint64_t attention = end, feed = end;
    at.q = place(&attention, rows, q);
    at.k = place(&attention, rows, k);
    at.v = place(&attention, rows, k);
    at.mixed = place(&attention, rows, q);
    at.scores = place(&attention, ctvk_causal_attend_scratch_bytes((int32_t)rows, tokens, desc->heads) / sizeof(float), 1);
    at.gate = place(&feed, rows, ff);
    at.up = place(&feed, rows, ff);
    at.bytes = attention > feed ? attention : feed;
    at.norm_stride = ctvk_align_up(d * sizeof(float), ALIGNMENT);
    at.norms = place(&constants, (2 * (uint64_t)desc->layers + 1) * at.norm_stride / sizeof(float), 1);
    at.table = place(&constants, ctvk_rope_table_bytes(tokens, desc->rope_dim) / sizeof(float), 1);
    at.constant_bytes = constants;
    *out = at;
    return CTVK_OK;
}

ctvk_status ctvk_llama_plan(const ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                            uint64_t limit, ctvk_llama_memory *out, ctvk_error *error)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    ctvk_llama_places at;
    ctvk_status status = ctvk_llama_place_all(gpu, file, desc, sequences, tokens, &at, error);
    if (status != CTVK_OK)
        return status;
    ctvk_llama_streaming streaming;
    ctvk_llama_streaming_of(file, desc, &streaming);
    ctvk_llama_memory m = {
        .weights = at.constant_bytes + streaming.all_bytes, .activations = at.bytes, .staging = caps->maps_device ? 0 : STAGING};
    uint64_t room = limit ? limit : caps->heap_bytes;
    m.resident = m.weights + m.activations + m.staging <= room;
    if (!m.resident) {
        m.weights = at.constant_bytes + (uint64_t)streaming.buffers * streaming.buffer_bytes;
        m.staging += caps->maps_device ? 0 : 2 * streaming.piece_bytes;
    }
    m.total = m.weights + m.activations + m.staging;
    if (m.total > room)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "language model %s: %llu MiB of device memory are needed even with two layers at a time, %s is %llu MiB (%s)",
                         ctvk_gguf_label(file), (unsigned long long)(m.total >> 20) + 1, limit ? "the limit" : "the device's memory",
                         (unsigned long long)(room >> 20), limit ? "raise the memory limit" : "use a smaller model or another device");
    *out = m;
    return CTVK_OK;
}
