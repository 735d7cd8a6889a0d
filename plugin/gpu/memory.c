/* gpu/memory.c - buffers, each with an allocation of its own, and the account of all of them. */
#include "gpu/internal.h"

#include <string.h>

static double mib(uint64_t bytes)
{
    return (double)bytes / 1048576.0;
}

/* The first type that has all of `need` and, if possible, `want` and none of `avoid`. UINT32_MAX: none. */
static uint32_t find_type(const ctvk_gpu *gpu, uint32_t allowed, VkMemoryPropertyFlags need, VkMemoryPropertyFlags want,
                          VkMemoryPropertyFlags avoid)
{
    uint32_t best = UINT32_MAX;
    int best_score = -1;
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[i].propertyFlags;
        /* Protected, lazily allocated and device-coherent types need more than a plain buffer offers. */
        if (!(allowed & 1u << i) || (flags & need) != need || flags > 0xF)
            continue;
        int score = ((flags & want) == want) * 2 + ((flags & avoid) == 0);
        if (score > best_score)
            best = i, best_score = score;
    }
    return best;
}

static int is_mapped(const ctvk_gpu *gpu, int kind)
{
    return kind != CTVK_GPU_MEMORY_DEVICE || gpu->caps.maps_device;
}

static uint32_t type_for(const ctvk_gpu *gpu, uint32_t allowed, int kind)
{
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (kind == CTVK_GPU_MEMORY_UPLOAD)
        return find_type(gpu, allowed, host, 0, local | VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    if (kind == CTVK_GPU_MEMORY_DOWNLOAD)
        return find_type(gpu, allowed, host, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, local);
    if (is_mapped(gpu, kind))
        return find_type(gpu, allowed, host, local, 0);
    return find_type(gpu, allowed, local, 0, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
}

static ctvk_status check_size(const ctvk_gpu *gpu, uint64_t bytes, const char *what, ctvk_error *error)
{
    if (bytes == 0)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: a buffer of no bytes was asked for (report this)", what);
    if (bytes > gpu->caps.max_allocation)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "%s: %.1f MiB are needed, %s allows %.1f MiB in one piece (choose another device)", what, mib(bytes),
                         gpu->info.name, mib(gpu->caps.max_allocation));
    uint64_t limit = gpu->memory_limit;
    if (limit && (bytes > limit || gpu->memory_used > limit - bytes))
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE_MEMORY,
            "%s: %.1f MiB are needed beside the %.1f MiB in use, the limit is %.1f MiB and %s has %.1f MiB (raise the memory limit)", what,
            mib(bytes), mib(gpu->memory_used), mib(limit), gpu->info.name, mib(gpu->caps.heap_bytes));
    return CTVK_OK;
}

/* What the room adds behind a buffer. Lavapipe translates a shader anew for texel buffers in buffers whose size is a power of two: where
 * there are any, none has one. */
static uint64_t slack_of(const ctvk_gpu *gpu, uint64_t size)
{
    if (!gpu->views_grow)
        return 0;
    size += CTVK_GPU_VIEW_SLACK;
    return (size & (size - 1)) == 0 ? CTVK_GPU_VIEW_SLACK + 16 : CTVK_GPU_VIEW_SLACK;
}

static uint64_t whole(uint64_t bytes)
{
    return (bytes + 15) & ~UINT64_C(15);
}

static ctvk_status make_buffer(ctvk_gpu *gpu, ctvk_gpu_buffer *self, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (gpu->caps.texel_rgba32f)
        usage |= VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT;
    if (gpu->caps.buffer_address)
        usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    VkBufferCreateInfo create = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                 .size = whole(self->bytes) + slack_of(gpu, whole(self->bytes)),
                                 .usage = usage,
                                 .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    CTVK_VK(gpu, gpu->vk.CreateBuffer(gpu->device, &create, NULL, &self->memory->buffer));
error_exit:
    return status;
}

static ctvk_status allocate(ctvk_gpu *gpu, ctvk_gpu_buffer *self, int kind, const char *what, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    VkMemoryRequirements needs;
    gpu->vk.GetBufferMemoryRequirements(gpu->device, self->memory->buffer, &needs);
    uint32_t type = type_for(gpu, needs.memoryTypeBits, kind);
    if (type == UINT32_MAX)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY, "%s: %s has no memory of the kind that is needed (choose another device)", what,
                         gpu->info.name);
    VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                       .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .pNext = gpu->caps.buffer_address ? &flags : NULL,
                                 .allocationSize = needs.size,
                                 .memoryTypeIndex = type};
    VkResult result = gpu->vk.AllocateMemory(gpu->device, &info, NULL, &self->memory->memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        uint64_t heap = gpu->memory.memoryHeaps[gpu->memory.memoryTypes[type].heapIndex].size;
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE_MEMORY,
            "%s: %.1f MiB are needed beside the %.1f MiB in use, %s has %.1f MiB in all and no more is free (close other programs that "
            "use the device, or choose another)",
            what, mib(needs.size), mib(gpu->memory_used), gpu->info.name, mib(heap));
    }
    CTVK_VK(gpu, result);
    self->memory->bytes = needs.size - slack_of(gpu, whole(self->bytes)); /* of what was asked for: a plan knows no slack */
    gpu->memory_used += self->memory->bytes;
    if (gpu->memory_used > gpu->memory_peak)
        gpu->memory_peak = gpu->memory_used;
    CTVK_VK(gpu, gpu->vk.BindBufferMemory(gpu->device, self->memory->buffer, self->memory->memory, 0));
    if (is_mapped(gpu, kind))
        CTVK_VK(gpu, gpu->vk.MapMemory(gpu->device, self->memory->memory, 0, VK_WHOLE_SIZE, 0, &self->mapped));
    if (gpu->caps.buffer_address) {
        VkBufferDeviceAddressInfo address = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = self->memory->buffer};
        self->address = gpu->get_address(gpu->device, &address);
    }
error_exit:
    return status;
}

ctvk_status ctvk_gpu_buffer_create(ctvk_gpu *gpu, uint64_t bytes, int kind, const char *what, ctvk_gpu_buffer **out, ctvk_error *error)
{
    *out = NULL;
    what = what ? what : "device buffer";
    ctvk_status status = ctvk_gpu_alive(gpu, error);
    if (status == CTVK_OK)
        status = check_size(gpu, bytes, what, error);
    if (status != CTVK_OK)
        return status;
    ctvk_gpu_buffer *self = ctvk_calloc(&gpu->host, 1, sizeof *self);
    struct ctvk_gpu_memory *memory = ctvk_calloc(&gpu->host, 1, sizeof *memory);
    if (!self || !memory) {
        ctvk_free(&gpu->host, self);
        ctvk_free(&gpu->host, memory);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: out of memory (free memory and run again)", what);
    }
    self->gpu = gpu;
    self->bytes = bytes;
    self->memory = memory;
    status = make_buffer(gpu, self, error);
    if (status == CTVK_OK)
        status = allocate(gpu, self, kind, what, error);
    if (status != CTVK_OK) {
        ctvk_gpu_buffer_destroy(&self);
        return status;
    }
    *out = self;
    return CTVK_OK;
}

void ctvk_gpu_buffer_destroy(ctvk_gpu_buffer **buffer)
{
    if (!buffer || !*buffer)
        return;
    ctvk_gpu_buffer *self = *buffer;
    ctvk_gpu *gpu = self->gpu;
    (void)ctvk_gpu_wait_idle(gpu, NULL); /* a failure means a lost device, on which destroying is allowed */
    gpu->vk.DestroyBuffer(gpu->device, self->memory->buffer, NULL);
    gpu->vk.FreeMemory(gpu->device, self->memory->memory, NULL);
    gpu->memory_used -= self->memory->bytes;
    ctvk_free(&gpu->host, self->memory);
    ctvk_free(&gpu->host, self);
    *buffer = NULL;
}
