#include "nets/llama.h"

#include "nets/llama_internal.h"
#include "ops/rope.h"

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "language model: no host memory (close other programs)");
}

ctvk_status ctvk_llama_embed(const ctvk_gguf *file, const ctvk_llama_desc *desc, const int32_t *ids, int32_t count, float *out,
                             ctvk_error *error)
{
    const ctvk_gguf_tensor *table = ctvk_gguf_find(file, "token_embd.weight");
    uint64_t width = (uint64_t)desc->width;
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= desc->vocabulary)
            return ctvk_fail(
                error, ctvk_gguf_failure(file),
                "%s: tensor token_embd.weight: has %d rows, token %d is asked for (the vocabulary does not belong to the model)",
                ctvk_gguf_label(file), desc->vocabulary, ids[i]);
        ctvk_gguf_to_f32(table, (uint64_t)ids[i] * width, width, out + (uint64_t)i * width);
    }
    return CTVK_OK;
}

/* One norm as float32, whatever its type in the file. which: CTVK_LLAMA_*_NORM, or -1: the final one. */
static ctvk_status upload_norm(ctvk_llama *m, int32_t layer, int32_t which, float *room, uint64_t number, ctvk_error *error)
{
    char name[CTVK_LLAMA_NAME] = "output_norm.weight";
    if (which >= 0)
        ctvk_llama_tensor_name(layer, which, name);
    const ctvk_gguf_tensor *tensor = ctvk_gguf_find(m->file, name);
    ctvk_gguf_to_f32(tensor, 0, tensor->count, room);
    return ctvk_gpu_upload(m->constants, m->at.norms.offset + number * m->at.norm_stride, room, tensor->count * sizeof *room, error);
}

static ctvk_status upload_norms(ctvk_llama *m, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(m->gpu);
    float *room = ctvk_alloc(host, (size_t)m->desc.width * sizeof *room);
    ctvk_status status = room ? CTVK_OK : no_memory(error);
    for (int32_t n = 0; n < m->desc.layers && status == CTVK_OK; n++) {
        status = upload_norm(m, n, CTVK_LLAMA_ATTN_NORM, room, 2 * (uint64_t)n, error);
        if (status == CTVK_OK)
            status = upload_norm(m, n, CTVK_LLAMA_FFN_NORM, room, 2 * (uint64_t)n + 1, error);
    }
    if (status == CTVK_OK)
        status = upload_norm(m, 0, -1, room, 2 * (uint64_t)m->desc.layers, error);
    ctvk_free(host, room);
    return status;
}

static ctvk_status upload_table(ctvk_llama *m, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(m->gpu);
    const ctvk_gguf_tensor *tensor = ctvk_gguf_find(m->file, "rope_freqs.weight");
    float *divisors = tensor ? ctvk_alloc(host, tensor->count * sizeof *divisors) : NULL;
    float *table = ctvk_alloc(host, m->at.table.bytes);
    ctvk_rope_angles angles = {m->desc.rope_dim, m->desc.rope_base, m->desc.rope_scale, divisors};
    ctvk_status status = table && (divisors || !tensor) ? CTVK_OK : no_memory(error);
    if (status == CTVK_OK && tensor)
        ctvk_gguf_to_f32(tensor, 0, tensor->count, divisors);
    if (status == CTVK_OK) {
        ctvk_rope_table(&angles, m->tokens, table);
        status = ctvk_gpu_upload(m->constants, m->at.table.offset, table, m->at.table.bytes, error);
    }
    ctvk_free(host, table);
    ctvk_free(host, divisors);
    return status;
}

static ctvk_status upload_layers(ctvk_llama *m, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (int32_t n = 0; n < m->desc.layers; n++)
        for (int32_t i = 0; i < CTVK_LLAMA_MATRICES && status == CTVK_OK; i++) {
            const ctvk_llama_matrix *matrix = &m->layers[n].matrix[i];
            status = ctvk_gpu_upload(m->weights[n], matrix->offset, matrix->tensor->data, matrix->tensor->bytes, error);
        }
    return status;
}

static ctvk_status create_buffers(ctvk_llama *m, ctvk_error *error)
{
    ctvk_status status =
        ctvk_gpu_buffer_create(m->gpu, m->at.constant_bytes, CTVK_GPU_MEMORY_DEVICE, "norms of the language model", &m->constants, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(m->gpu, m->at.bytes, CTVK_GPU_MEMORY_DEVICE, "activations of the language model", &m->activations,
                                        error);
    for (int32_t n = 0; n < m->weight_buffers && status == CTVK_OK; n++)
        status = ctvk_gpu_buffer_create(m->gpu, m->resident ? m->layers[n].bytes : m->streaming.buffer_bytes, CTVK_GPU_MEMORY_DEVICE,
                                        "weights of the language model", &m->weights[n], error);
    for (int32_t i = 0; i < 2 && status == CTVK_OK && !m->resident && !ctvk_gpu_get_caps(m->gpu)->maps_device; i++)
        status =
            ctvk_gpu_buffer_create(m->gpu, m->streaming.piece_bytes, CTVK_GPU_MEMORY_UPLOAD, "weights in transit", &m->staging[i], error);
    return status;
}

static ctvk_status create(const ctvk_llama *plan, ctvk_llama **out, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(plan->gpu);
    ctvk_llama *m = ctvk_alloc(host, sizeof *m);
    if (!m)
        return no_memory(error);
    *m = *plan;
    m->weight_buffers = m->resident ? m->desc.layers : m->streaming.buffers;
    m->layers = ctvk_calloc(host, (size_t)m->desc.layers, sizeof *m->layers);
    m->weights = ctvk_calloc(host, (size_t)m->weight_buffers, sizeof(ctvk_gpu_buffer *));
    ctvk_status status = m->layers && m->weights ? CTVK_OK : no_memory(error);
    for (int32_t n = 0; n < m->desc.layers && status == CTVK_OK; n++)
        ctvk_llama_layer_of(m->file, &m->desc, n, &m->layers[n]);
    if (status == CTVK_OK)
        status = create_buffers(m, error);
    if (status == CTVK_OK)
        status = upload_norms(m, error);
    if (status == CTVK_OK)
        status = upload_table(m, error);
    if (status == CTVK_OK && m->resident)
        status = upload_layers(m, error);
    if (status != CTVK_OK) {
        ctvk_llama_destroy(&m);
        return status;
    }
    *out = m;
    return CTVK_OK;
}

ctvk_status ctvk_llama_create(ctvk_gpu *gpu, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t sequences, int32_t tokens,
                              uint64_t limit, ctvk_llama **out, ctvk_error *error)
{
    ctvk_llama plan = {.gpu = gpu, .file = file, .desc = *desc, .sequences = sequences, .tokens = tokens};
    ctvk_llama_memory memory;
    *out = NULL;
    ctvk_status status = ctvk_llama_plan(gpu, file, desc, sequences, tokens, limit, &memory, error);
    if (status == CTVK_OK)
        status = ctvk_llama_place_all(gpu, file, desc, sequences, tokens, &plan.at, error);
    if (status != CTVK_OK)
        return status;
    ctvk_llama_streaming_of(file, desc, &plan.streaming);
    plan.resident = memory.resident;
    status = create(&plan, out, error);
    /* Others use the device too: what fits its memory need not fit what is free. */
    if (status == CTVK_ERROR_DEVICE_MEMORY && plan.resident) {
        plan.resident = 0;
        status = create(&plan, out, error);
    }
    return status;
}

void ctvk_llama_destroy(ctvk_llama **model)
{
    if (!model || !*model)
        return;
    ctvk_llama *m = *model;
    const ctvk_host *host = ctvk_gpu_host(m->gpu);
    for (int32_t n = 0; m->weights && n < m->weight_buffers; n++)
        ctvk_gpu_buffer_destroy(&m->weights[n]);
    ctvk_gpu_buffer_destroy(&m->staging[0]);
    ctvk_gpu_buffer_destroy(&m->staging[1]);
    ctvk_gpu_buffer_destroy(&m->activations);
    ctvk_gpu_buffer_destroy(&m->constants);
    ctvk_free(host, m->weights);
    ctvk_free(host, m->layers);
    ctvk_free(host, m);
    *model = NULL;
}
