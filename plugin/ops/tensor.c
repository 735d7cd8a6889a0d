#include "ops/tensor.h"

uint64_t ctvk_tensor_plane_bytes(const ctvk_tensor *tensor)
{
    return (uint64_t)tensor->c * (uint64_t)tensor->y * (uint64_t)tensor->z * (tensor->half ? sizeof(uint16_t) : sizeof(float));
}

uint64_t ctvk_tensor_bytes(const ctvk_tensor *tensor)
{
    return ctvk_tensor_plane_bytes(tensor) * (uint64_t)tensor->x;
}

ctvk_gpu_bind ctvk_tensor_bind(const ctvk_tensor *tensor, int32_t first, int32_t count, uint32_t unit, uint32_t *base)
{
    uint64_t alignment = ctvk_gpu_get_caps(tensor->buffer->gpu)->storage_alignment, plane = ctvk_tensor_plane_bytes(tensor);
    uint64_t begin = tensor->offset + (uint64_t)first * plane, aligned = begin & ~(alignment - 1);
    *base = (uint32_t)((begin - aligned) / (tensor->half ? unit / 2 : unit));
    return (ctvk_gpu_bind){tensor->buffer, aligned, begin - aligned + (uint64_t)count * plane};
}

uint32_t ctvk_tensor_texels(const ctvk_tensor *tensor)
{
    return tensor->half ? CTVK_GPU_WORD_TEXELS : 0;
}

ctvk_gpu_bind ctvk_span_bind(const ctvk_span *span)
{
    return (ctvk_gpu_bind){span->buffer, span->offset, span->bytes};
}

int32_t ctvk_tensor_max_planes(const ctvk_tensor *tensor, uint64_t limit)
{
    uint64_t alignment = ctvk_gpu_get_caps(tensor->buffer->gpu)->storage_alignment, plane = ctvk_tensor_plane_bytes(tensor);
    /* A range that begins between two aligned offsets costs up to one alignment more; the whole tensor begins on one. */
    uint64_t slack = (tensor->offset | plane) % alignment ? alignment : 0;
    if (tensor->offset % alignment == 0 && ctvk_tensor_bytes(tensor) <= limit)
        return tensor->x;
    uint64_t planes = limit > slack ? (limit - slack) / plane : 0;
    return planes < (uint64_t)tensor->x ? (int32_t)planes : tensor->x;
}
