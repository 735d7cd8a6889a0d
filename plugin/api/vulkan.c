#include "api/api.h"

_Static_assert((int)CTVK_VULKAN_SHADER_INT16 == (int)CTVK_GPU_GIVEN_INT16, "the same bits inside and outside");
_Static_assert((int)CTVK_VULKAN_SHADER_INT64 == (int)CTVK_GPU_GIVEN_INT64, "");
_Static_assert((int)CTVK_VULKAN_STORAGE_16BIT == (int)CTVK_GPU_GIVEN_STORAGE16, "");
_Static_assert((int)CTVK_VULKAN_STORAGE_8BIT == (int)CTVK_GPU_GIVEN_STORAGE8, "");
_Static_assert((int)CTVK_VULKAN_SHADER_FLOAT16 == (int)CTVK_GPU_GIVEN_FP16, "");
_Static_assert((int)CTVK_VULKAN_SHADER_INT8 == (int)CTVK_GPU_GIVEN_INT8, "");
_Static_assert((int)CTVK_VULKAN_BUFFER_DEVICE_ADDRESS == (int)CTVK_GPU_GIVEN_BUFFER_ADDRESS, "");

static ctvk_status vulkan_use_device(ctvk_context *context, const ctvk_vulkan_device *device)
{
    ctvk_vulkan_device d = CTVK_VULKAN_DEVICE_INIT;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!device)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "Vulkan device: none was given (pass a pointer)");
    ctvk_status status =
        ctvk_take_struct(&d, sizeof d, device, CTVK_UP_TO(ctvk_vulkan_device, lock_user), "Vulkan device", &context->error);
    if (status != CTVK_OK)
        return status;
    const ctvk_gpu_given given = {
        .get_instance_proc_addr = d.get_instance_proc_addr,
        .instance = d.instance,
        .physical_device = d.physical_device,
        .device = d.device,
        .queue = d.queue,
        .api_version = d.api_version,
        .queue_family = d.queue_family,
        .features = d.features,
        .lock = d.lock,
        .unlock = d.unlock,
        .lock_user = d.lock_user,
    };
    uint32_t mask;
    status = ctvk_gpu_mask_parse(context->device_mask, &mask, &context->error);
    if (status != CTVK_OK)
        return status;
    pthread_mutex_lock(&context->lock);
    if (context->instance)
        status = ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT,
                           "Vulkan device: the context has devices already (hand it in before any other call that needs one)");
    else
        status = ctvk_gpu_instance_adopt(&context->host, &given, &context->instance, &context->error);
    if (status == CTVK_OK)
        ctvk_gpu_instance_mask(context->instance, mask);
    pthread_mutex_unlock(&context->lock);
    return status;
}

const ctvk_vulkan_api ctvk_vulkan_table = {
    .struct_size = sizeof(ctvk_vulkan_api),
    .use_device = vulkan_use_device,
};
