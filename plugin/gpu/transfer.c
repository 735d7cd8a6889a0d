/* gpu/transfer.c - synchronous copies between host memory and a buffer. */
#include "core/trace.h"
#include "gpu/internal.h"

#include <string.h>

static ctvk_status check_range(const ctvk_gpu_buffer *buffer, uint64_t offset, uint64_t bytes, ctvk_error *error)
{
    if (offset > buffer->bytes || bytes > buffer->bytes - offset)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "copy: %llu bytes at %llu do not lie inside a buffer of %llu (report this)",
                         (unsigned long long)bytes, (unsigned long long)offset, (unsigned long long)buffer->bytes);
    return ctvk_gpu_alive(buffer->gpu, error);
}

/* 16 MiB, or less where a memory limit leaves less. */
static ctvk_status get_staging(ctvk_gpu *gpu, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (uint64_t bytes = CTVK_GPU_STAGING_BYTES; !gpu->staging && bytes >= 1 << 16; bytes /= 16) {
        status = ctvk_gpu_buffer_create(gpu, bytes, CTVK_GPU_MEMORY_DOWNLOAD, "staging buffer", &gpu->staging, error);
        if (status != CTVK_OK && status != CTVK_ERROR_DEVICE_MEMORY)
            break;
    }
    return gpu->staging ? CTVK_OK : status;
}

/* Tells of a copy that began at `begin`. */
static void told(const ctvk_gpu *gpu, const char *name, double begin, uint64_t bytes)
{
    ctvk_trace_event event = {.kind = CTVK_TRACE_TRANSFER, .number = -1, .begin = begin, .end = ctvk_now(), .bytes = (double)bytes};
    ctvk_trace(&gpu->host, &event, name, NULL);
}

static ctvk_status copy_now(ctvk_gpu *gpu, ctvk_gpu_buffer *from, uint64_t from_offset, ctvk_gpu_buffer *to, uint64_t to_offset,
                            uint64_t bytes, ctvk_error *error)
{
    ctvk_gpu_slot *slot;
    ctvk_status status = ctvk_gpu_slot_take(gpu, &slot, error);
    if (status != CTVK_OK)
        return status;
    VkBufferCopy region = {.srcOffset = from_offset, .dstOffset = to_offset, .size = bytes};
    ctvk_gpu_slot_barrier(gpu, slot, 0);
    gpu->vk.CmdCopyBuffer(slot->buffer, from->memory->buffer, to->memory->buffer, 1, &region);
    status = ctvk_gpu_slot_submit(gpu, slot, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_slot_wait(gpu, slot, error);
    ctvk_gpu_slot_give(gpu, slot);
    return status;
}

static ctvk_status upload(ctvk_gpu_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes, ctvk_error *error)
{
    ctvk_gpu *gpu = buffer->gpu;
    ctvk_status status = check_range(buffer, offset, bytes, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_wait_idle(gpu, error); /* submissions end with a barrier towards the host: a mapped buffer needs no more */
    if (status == CTVK_OK && !buffer->mapped)
        status = get_staging(gpu, error);
    if (status != CTVK_OK || bytes == 0)
        return status;
    if (buffer->mapped) {
        memcpy((uint8_t *)buffer->mapped + offset, data, (size_t)bytes);
        return CTVK_OK;
    }
    for (uint64_t done = 0; done < bytes && status == CTVK_OK; done += gpu->staging->bytes) {
        uint64_t part = bytes - done < gpu->staging->bytes ? bytes - done : gpu->staging->bytes;
        memcpy(gpu->staging->mapped, (const uint8_t *)data + done, (size_t)part);
        status = copy_now(gpu, gpu->staging, 0, buffer, offset + done, part, error);
    }
    return status;
}

static ctvk_status download(ctvk_gpu_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, ctvk_error *error)
{
    ctvk_gpu *gpu = buffer->gpu;
    ctvk_status status = check_range(buffer, offset, bytes, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_wait_idle(gpu, error); /* submissions end with a barrier towards the host: a mapped buffer needs no more */
    if (status == CTVK_OK && !buffer->mapped)
        status = get_staging(gpu, error);
    if (status != CTVK_OK || bytes == 0)
        return status;
    if (buffer->mapped) {
        memcpy(data, (const uint8_t *)buffer->mapped + offset, (size_t)bytes);
        return CTVK_OK;
    }
    for (uint64_t done = 0; done < bytes && status == CTVK_OK; done += gpu->staging->bytes) {
        uint64_t part = bytes - done < gpu->staging->bytes ? bytes - done : gpu->staging->bytes;
        status = copy_now(gpu, buffer, offset + done, gpu->staging, 0, part, error);
        if (status == CTVK_OK)
            memcpy((uint8_t *)data + done, gpu->staging->mapped, (size_t)part);
    }
    return status;
}

ctvk_status ctvk_gpu_upload(ctvk_gpu_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes, ctvk_error *error)
{
    double begin = ctvk_now();
    ctvk_status status = upload(buffer, offset, data, bytes, error);
    if (status == CTVK_OK)
        told(buffer->gpu, "upload", begin, bytes);
    return status;
}

ctvk_status ctvk_gpu_download(ctvk_gpu_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, ctvk_error *error)
{
    double begin = ctvk_now();
    ctvk_status status = download(buffer, offset, data, bytes, error);
    if (status == CTVK_OK)
        told(buffer->gpu, "download", begin, bytes);
    return status;
}
