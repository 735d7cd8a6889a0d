/* gpu/result.c - Vulkan results as statuses and words. */
#include "gpu/internal.h"

#include <stdio.h>
#include <string.h>

const char *ctvk_gpu_result_text(VkResult result)
{
    switch (result) {
#define NAME(x) \
    case x:     \
        return #x
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_UNKNOWN);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
        NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
#undef NAME
    default:
        return "an unnamed Vulkan error";
    }
}

/* "vkQueueSubmit" of "gpu->vk.QueueSubmit(gpu->queue, ...)" and of "vkQueueSubmit(...)": the arguments say nothing to a reader. */
static void name_function(const char *call, char *name, size_t size)
{
    int length = (int)strcspn(call, "(");
    const char *dot = memrchr(call, '.', (size_t)length);
    snprintf(name, size, "%s%.*s", dot ? "vk" : "", dot ? length - (int)(dot + 1 - call) : length, dot ? dot + 1 : call);
}

ctvk_status(ctvk_gpu_vk_fail)(ctvk_gpu *gpu, VkResult result, const char *call, ctvk_error *error)
{
    const char *device = gpu ? gpu->info.name : "Vulkan";
    const char *name = ctvk_gpu_result_text(result);
    char function[64];
    name_function(call, function, sizeof function);
    switch (result) {
    case VK_ERROR_DEVICE_LOST:
        if (gpu)
            gpu->lost = 1;
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE,
            "%s: the device was lost, %s gave %s (look into the system log for a reset of the graphics driver, then run again)", device,
            function, name);
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: %s gave %s (free memory of the computer and run again)", device, function,
                         name);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_MEMORY_MAP_FAILED:
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY, "%s: %s gave %s (close other programs that use the device, or choose another)",
                         device, function, name);
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_INITIALIZATION_FAILED:
    case VK_ERROR_LAYER_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "%s: %s gave %s (install or update a Vulkan driver, or choose another device)",
                         device, function, name);
    default:
        return ctvk_fail(error, CTVK_ERROR_DEVICE, "%s: %s gave %s (%d) (update the driver or choose another device)", device, function,
                         name, (int)result);
    }
}

ctvk_status ctvk_gpu_alive(const ctvk_gpu *gpu, ctvk_error *error)
{
    if (!gpu->lost)
        return CTVK_OK;
    return ctvk_fail(error, CTVK_ERROR_DEVICE, "%s: the device was lost earlier (make a new context)", gpu->info.name);
}
