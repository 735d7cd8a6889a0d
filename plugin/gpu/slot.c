/* gpu/slot.c - one submission: command buffer, fence, descriptor sets, views. Slots are kept for reuse. */
#include "gpu/internal.h"

#include "core/clock.h"

static void slot_destroy(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    for (uint32_t i = 0; i < slot->view_count; i++)
        gpu->vk.DestroyBufferView(gpu->device, slot->views[i], NULL);
    ctvk_gpu_stamps_destroy(gpu, slot);
    gpu->vk.DestroyDescriptorPool(gpu->device, slot->sets, NULL);
    gpu->vk.DestroyFence(gpu->device, slot->fence, NULL);
    gpu->vk.DestroyCommandPool(gpu->device, slot->pool, NULL);
    ctvk_free(&gpu->host, slot->views);
    ctvk_free(&gpu->host, slot);
}

static ctvk_status slot_create(ctvk_gpu *gpu, ctvk_gpu_slot **out, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    ctvk_gpu_slot *slot = ctvk_calloc(&gpu->host, 1, sizeof *slot);
    if (slot)
        slot->views = ctvk_calloc(&gpu->host, CTVK_GPU_SLOT_TEXEL, sizeof *slot->views);
    if (!slot || !slot->views) {
        ctvk_free(&gpu->host, slot);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "commands: out of memory (free memory and run again)");
    }
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = gpu->features.family};
    CTVK_VK(gpu, gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &slot->pool));
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = slot->pool,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    CTVK_VK(gpu, gpu->vk.AllocateCommandBuffers(gpu->device, &buffer, &slot->buffer));
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    CTVK_VK(gpu, gpu->vk.CreateFence(gpu->device, &fence, NULL, &slot->fence));
    VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, CTVK_GPU_SLOT_STORAGE},
                                    {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, CTVK_GPU_SLOT_UNIFORM},
                                    {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, CTVK_GPU_SLOT_TEXEL}};
    VkDescriptorPoolCreateInfo sets = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = CTVK_GPU_SLOT_SETS, .poolSizeCount = 3, .pPoolSizes = sizes};
    CTVK_VK(gpu, gpu->vk.CreateDescriptorPool(gpu->device, &sets, NULL, &slot->sets));
    status = ctvk_gpu_stamps_create(gpu, slot, error);
    if (status != CTVK_OK)
        goto error_exit;
    *out = slot;
    return CTVK_OK;
error_exit:
    slot_destroy(gpu, slot);
    return status;
}

ctvk_status ctvk_gpu_slot_take(ctvk_gpu *gpu, ctvk_gpu_slot **out, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    *out = NULL;
    ctvk_gpu_slot *slot = gpu->idle;
    if (slot)
        gpu->idle = slot->next;
    else
        status = slot_create(gpu, &slot, error);
    if (status != CTVK_OK)
        return status;
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    CTVK_VK(gpu, gpu->vk.BeginCommandBuffer(slot->buffer, &begin));
    *out = slot;
    return CTVK_OK;
error_exit:
    ctvk_gpu_slot_give(gpu, slot);
    return status;
}

void ctvk_gpu_slot_give(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    for (uint32_t i = 0; i < slot->view_count; i++)
        gpu->vk.DestroyBufferView(gpu->device, slot->views[i], NULL);
    slot->view_count = slot->used_sets = slot->used_storage = slot->used_uniform = slot->used_texel = 0;
    slot->work = slot->cost = slot->submitted = 0;
    slot->fresh = 0;
    if (slot->stamps)
        slot->stamps->count = 0;
    if (gpu->vk.ResetDescriptorPool(gpu->device, slot->sets, 0) < 0 || gpu->vk.ResetCommandPool(gpu->device, slot->pool, 0) < 0 ||
        gpu->vk.ResetFences(gpu->device, 1, &slot->fence) < 0) {
        slot_destroy(gpu, slot);
        return;
    }
    slot->next = gpu->idle;
    gpu->idle = slot;
}

/* Nothing else of this room touches a queue, so that a host need not lock anything else. */
static VkResult submit_locked(ctvk_gpu *gpu, const VkSubmitInfo *info, VkFence fence)
{
    ctvk_gpu_instance *instance = gpu->instance;
    const ctvk_gpu_given *given = &instance->given;
    if (!given->device)
        return gpu->vk.QueueSubmit(gpu->queue, 1, info, fence);
    if (given->lock)
        given->lock(given->lock_user);
    else
        pthread_mutex_lock(&instance->queue_lock);
    VkResult result = gpu->vk.QueueSubmit(gpu->queue, 1, info, fence);
    if (given->unlock)
        given->unlock(given->lock_user);
    else
        pthread_mutex_unlock(&instance->queue_lock);
    return result;
}

ctvk_status ctvk_gpu_slot_submit(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    ctvk_gpu_trace_close(gpu, slot);
    ctvk_gpu_slot_barrier(gpu, slot, 1);
    CTVK_VK(gpu, gpu->vk.EndCommandBuffer(slot->buffer));
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &slot->buffer};
    slot->submitted = ctvk_now();
    VkResult result = submit_locked(gpu, &submit, slot->fence);
    if (result < 0)
        return ctvk_gpu_vk_fail(gpu, result, "vkQueueSubmit", error);
    slot->next = gpu->in_flight;
    gpu->in_flight = slot;
error_exit:
    return status;
}

ctvk_status ctvk_gpu_slot_wait(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    ctvk_gpu_slot **link = &gpu->in_flight;
    while (*link != slot)
        link = &(*link)->next;
    *link = slot->next;
    CTVK_VK(gpu, gpu->vk.WaitForFences(gpu->device, 1, &slot->fence, VK_TRUE, UINT64_MAX));
error_exit:
    return status;
}

ctvk_status ctvk_gpu_wait_idle(ctvk_gpu *gpu, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (ctvk_gpu_slot *slot = gpu->in_flight; slot; slot = slot->next)
        CTVK_VK(gpu, gpu->vk.WaitForFences(gpu->device, 1, &slot->fence, VK_TRUE, UINT64_MAX));
error_exit:
    return status;
}

void ctvk_gpu_slots_destroy(ctvk_gpu *gpu)
{
    while (gpu->idle) {
        ctvk_gpu_slot *slot = gpu->idle;
        gpu->idle = slot->next;
        slot_destroy(gpu, slot);
    }
}

void ctvk_gpu_slot_barrier(ctvk_gpu *gpu, ctvk_gpu_slot *slot, int to_host)
{
    const VkPipelineStageFlags device = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    const VkAccessFlags reads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = writes,
                               .dstAccessMask = to_host ? VK_ACCESS_HOST_READ_BIT : reads | writes};
    gpu->vk.CmdPipelineBarrier(slot->buffer, device, to_host ? VK_PIPELINE_STAGE_HOST_BIT : device, 0, 1, &barrier, 0, NULL, 0, NULL);
}
