/* gpu/functions.c - fills the tables of functions. */
#include "gpu/functions.h"

static ctvk_status missing(const char *name, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "Vulkan: there is no %s, which version 1.1 has (update the Vulkan loader and driver)",
                     name);
}

ctvk_status ctvk_gpu_instance_functions_load(PFN_vkGetInstanceProcAddr get, VkInstance instance, ctvk_gpu_instance_functions *out,
                                             ctvk_error *error)
{
#define LOAD(name)                                       \
    out->name = (PFN_vk##name)get(instance, "vk" #name); \
    if (!out->name)                                      \
        return missing("vk" #name, error);
    CTVK_GPU_INSTANCE_FUNCTIONS(LOAD)
#undef LOAD
    return CTVK_OK;
}

ctvk_status ctvk_gpu_functions_load(const ctvk_gpu_instance_functions *from, VkDevice device, ctvk_gpu_functions *out, ctvk_error *error)
{
#define LOAD(name)                                                         \
    out->name = (PFN_vk##name)from->GetDeviceProcAddr(device, "vk" #name); \
    if (!out->name)                                                        \
        return missing("vk" #name, error);
    CTVK_GPU_DEVICE_FUNCTIONS(LOAD)
#undef LOAD
    return CTVK_OK;
}
