/* gpu/copy.c - copies and fills among the commands. */
#include "gpu/internal.h"

enum { FILL_BYTES_PER_WORK = 1 };

static ctvk_status check_range(const ctvk_gpu_cmd *cmd, const char *what, const ctvk_gpu_buffer *buffer, uint64_t offset, uint64_t bytes,
                               ctvk_error *error)
{
    if (!buffer || buffer->gpu != cmd->gpu)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: no buffer of this device (report this)", what);
    if (bytes == 0 || offset > buffer->bytes || bytes > buffer->bytes - offset)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: %llu bytes at %llu do not lie inside a buffer of %llu (report this)", what,
                         (unsigned long long)bytes, (unsigned long long)offset, (unsigned long long)buffer->bytes);
    return CTVK_OK;
}

ctvk_status ctvk_gpu_cmd_copy(ctvk_gpu_cmd *cmd, ctvk_gpu_buffer *from, uint64_t from_offset, ctvk_gpu_buffer *to, uint64_t to_offset,
                              uint64_t bytes, ctvk_error *error)
{
    ctvk_status status = check_range(cmd, "copy from", from, from_offset, bytes, error);
    if (status == CTVK_OK)
        status = check_range(cmd, "copy to", to, to_offset, bytes, error);
    if (status == CTVK_OK && from == to && from_offset < to_offset + bytes && to_offset < from_offset + bytes)
        status = ctvk_fail(error, CTVK_ERROR_INTERNAL, "copy: source and target overlap (report this)");
    ctvk_gpu_cmd_operation(cmd, "copy", 0, 2.0 * (double)bytes, "%llu bytes", (unsigned long long)bytes);
    if (status == CTVK_OK && cmd->rehearsal)
        return CTVK_OK;
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_prepare(cmd, (double)bytes * FILL_BYTES_PER_WORK, NULL, 1, error);
    if (status != CTVK_OK) {
        cmd->status = status;
        return status;
    }
    VkBufferCopy region = {.srcOffset = from_offset, .dstOffset = to_offset, .size = bytes};
    cmd->gpu->vk.CmdCopyBuffer(cmd->open->buffer, from->memory->buffer, to->memory->buffer, 1, &region);
    return CTVK_OK;
}

ctvk_status ctvk_gpu_cmd_fill(ctvk_gpu_cmd *cmd, ctvk_gpu_buffer *to, uint64_t offset, uint64_t bytes, uint32_t word, ctvk_error *error)
{
    ctvk_status status = check_range(cmd, "fill", to, offset, bytes, error);
    if (status == CTVK_OK && (offset % 4 || bytes % 4))
        status = ctvk_fail(error, CTVK_ERROR_INTERNAL, "fill: offset and size must be multiples of 4 (report this)");
    ctvk_gpu_cmd_operation(cmd, "fill", 0, (double)bytes, "%llu bytes", (unsigned long long)bytes);
    if (status == CTVK_OK && cmd->rehearsal)
        return CTVK_OK;
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_prepare(cmd, (double)bytes * FILL_BYTES_PER_WORK, NULL, 1, error);
    if (status != CTVK_OK) {
        cmd->status = status;
        return status;
    }
    cmd->gpu->vk.CmdFillBuffer(cmd->open->buffer, to->memory->buffer, offset, bytes, word);
    return CTVK_OK;
}
