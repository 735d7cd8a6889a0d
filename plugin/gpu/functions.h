/* gpu/functions.h - the Vulkan functions of this room, by the handle that they are asked from.
 *
 * Everything but the making of an instance goes through these tables and not through the loader that the library is linked to: a host's
 * own device may come from another loader, or from a driver without any, whose handles ours would not understand.
 */
#ifndef CTVK_GPU_FUNCTIONS_H
#define CTVK_GPU_FUNCTIONS_H

#include <vulkan/vulkan.h>

#include "core/error.h"

#define CTVK_GPU_INSTANCE_FUNCTIONS(X)    \
    X(CreateDevice)                       \
    X(DestroyInstance)                    \
    X(EnumerateDeviceExtensionProperties) \
    X(EnumeratePhysicalDevices)           \
    X(GetDeviceProcAddr)                  \
    X(GetPhysicalDeviceFeatures2)         \
    X(GetPhysicalDeviceFormatProperties)  \
    X(GetPhysicalDeviceMemoryProperties)  \
    X(GetPhysicalDeviceProperties)        \
    X(GetPhysicalDeviceProperties2)       \
    X(GetPhysicalDeviceQueueFamilyProperties)

#define CTVK_GPU_DEVICE_FUNCTIONS(X) \
    X(AllocateCommandBuffers)        \
    X(AllocateDescriptorSets)        \
    X(AllocateMemory)                \
    X(BeginCommandBuffer)            \
    X(BindBufferMemory)              \
    X(CmdBindDescriptorSets)         \
    X(CmdBindPipeline)               \
    X(CmdCopyBuffer)                 \
    X(CmdDispatch)                   \
    X(CmdFillBuffer)                 \
    X(CmdPipelineBarrier)            \
    X(CmdPushConstants)              \
    X(CmdResetQueryPool)             \
    X(CmdWriteTimestamp)             \
    X(CreateBuffer)                  \
    X(CreateBufferView)              \
    X(CreateCommandPool)             \
    X(CreateComputePipelines)        \
    X(CreateDescriptorPool)          \
    X(CreateDescriptorSetLayout)     \
    X(CreateFence)                   \
    X(CreatePipelineCache)           \
    X(CreatePipelineLayout)          \
    X(CreateQueryPool)               \
    X(CreateShaderModule)            \
    X(DestroyBuffer)                 \
    X(DestroyBufferView)             \
    X(DestroyCommandPool)            \
    X(DestroyDescriptorPool)         \
    X(DestroyDescriptorSetLayout)    \
    X(DestroyDevice)                 \
    X(DestroyFence)                  \
    X(DestroyPipeline)               \
    X(DestroyPipelineCache)          \
    X(DestroyPipelineLayout)         \
    X(DestroyQueryPool)              \
    X(DestroyShaderModule)           \
    X(EndCommandBuffer)              \
    X(FreeMemory)                    \
    X(GetBufferMemoryRequirements)   \
    X(GetDeviceQueue)                \
    X(GetFenceStatus)                \
    X(GetPipelineCacheData)          \
    X(GetQueryPoolResults)           \
    X(MapMemory)                     \
    X(QueueSubmit)                   \
    X(ResetCommandPool)              \
    X(ResetDescriptorPool)           \
    X(ResetFences)                   \
    X(UpdateDescriptorSets)          \
    X(WaitForFences)

#define CTVK_GPU_MEMBER(name) PFN_vk##name name;
typedef struct ctvk_gpu_instance_functions {
    CTVK_GPU_INSTANCE_FUNCTIONS(CTVK_GPU_MEMBER)
} ctvk_gpu_instance_functions;
typedef struct ctvk_gpu_functions {
    CTVK_GPU_DEVICE_FUNCTIONS(CTVK_GPU_MEMBER)
} ctvk_gpu_functions;
#undef CTVK_GPU_MEMBER

/* CTVK_ERROR_NO_DEVICE names a function that is not there. */
ctvk_status ctvk_gpu_instance_functions_load(PFN_vkGetInstanceProcAddr get, VkInstance instance, ctvk_gpu_instance_functions *out,
                                             ctvk_error *error);
ctvk_status ctvk_gpu_functions_load(const ctvk_gpu_instance_functions *from, VkDevice device, ctvk_gpu_functions *out, ctvk_error *error);

#endif
