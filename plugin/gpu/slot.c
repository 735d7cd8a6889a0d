/* gpu/slot.c - one submission: command buffer, fence, descriptor sets, views. Slots are kept for reuse. */
#include "gpu/internal.h"

#include <string.h>
#include <time.h>

double ctvk_gpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void slot_destroy(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    for (uint32_t i = 0; i < slot->view_count; i++)
        vkDestroyBufferView(gpu->device, slot->views[i], NULL);
    vkDestroyDescriptorPool(gpu->device, slot->sets, NULL);
    vkDestroyFence(gpu->device, slot->fence, NULL);
    vkDestroyCommandPool(gpu->device, slot->pool, NULL);
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
    CTVK_VK(gpu, vkCreateCommandPool(gpu->device, &pool, NULL, &slot->pool));
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = slot->pool,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    CTVK_VK(gpu, vkAllocateCommandBuffers(gpu->device, &buffer, &slot->buffer));
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    CTVK_VK(gpu, vkCreateFence(gpu->device, &fence, NULL, &slot->fence));
    VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, CTVK_GPU_SLOT_STORAGE},
                                    {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, CTVK_GPU_SLOT_UNIFORM},
                                    {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, CTVK_GPU_SLOT_TEXEL}};
    VkDescriptorPoolCreateInfo sets = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = CTVK_GPU_SLOT_SETS, .poolSizeCount = 3, .pPoolSizes = sizes};
    CTVK_VK(gpu, vkCreateDescriptorPool(gpu->device, &sets, NULL, &slot->sets));
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
    CTVK_VK(gpu, vkBeginCommandBuffer(slot->buffer, &begin));
    *out = slot;
    return CTVK_OK;
error_exit:
    ctvk_gpu_slot_give(gpu, slot);
    return status;
}

void ctvk_gpu_slot_give(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    for (uint32_t i = 0; i < slot->view_count; i++)
        vkDestroyBufferView(gpu->device, slot->views[i], NULL);
    slot->view_count = slot->used_sets = slot->used_storage = slot->used_uniform = slot->used_texel = 0;
    slot->work = slot->cost = slot->submitted = 0;
    slot->fresh = 0;
    if (vkResetDescriptorPool(gpu->device, slot->sets, 0) < 0 || vkResetCommandPool(gpu->device, slot->pool, 0) < 0 ||
        vkResetFences(gpu->device, 1, &slot->fence) < 0) {
        slot_destroy(gpu, slot);
        return;
    }
    slot->next = gpu->idle;
    gpu->idle = slot;
}

ctvk_status ctvk_gpu_slot_submit(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    ctvk_gpu_slot_barrier(slot, 1);
    CTVK_VK(gpu, vkEndCommandBuffer(slot->buffer));
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &slot->buffer};
    slot->submitted = ctvk_gpu_now();
    CTVK_VK(gpu, vkQueueSubmit(gpu->queue, 1, &submit, slot->fence));
    gpu->in_flight++;
error_exit:
    return status;
}

ctvk_status ctvk_gpu_slot_wait(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    VkResult result = vkWaitForFences(gpu->device, 1, &slot->fence, VK_TRUE, UINT64_MAX);
    gpu->in_flight--;
    CTVK_VK(gpu, result);
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

void ctvk_gpu_slot_barrier(ctvk_gpu_slot *slot, int to_host)
{
    const VkPipelineStageFlags device = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    const VkAccessFlags reads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = writes,
                               .dstAccessMask = to_host ? VK_ACCESS_HOST_READ_BIT : reads | writes};
    vkCmdPipelineBarrier(slot->buffer, device, to_host ? VK_PIPELINE_STAGE_HOST_BIT : device, 0, 1, &barrier, 0, NULL, 0, NULL);
}
