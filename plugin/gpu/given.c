/* gpu/given.c - an instance that stands for a device of the host's. */
#include "gpu/internal.h"

#include <string.h>

static ctvk_status check_given(const ctvk_gpu_given *given, ctvk_error *error)
{
    const char *lack = NULL;
    if (!given->get_instance_proc_addr)
        lack = "vkGetInstanceProcAddr";
    else if (!given->instance)
        lack = "VkInstance";
    else if (!given->physical_device)
        lack = "VkPhysicalDevice";
    else if (!given->device)
        lack = "VkDevice";
    else if (!given->queue)
        lack = "VkQueue";
    if (lack)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "Vulkan device: it has no %s (give all five)", lack);
    if (!given->lock != !given->unlock)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "Vulkan device: lock and unlock are needed together (give both or none)");
    if (given->api_version < VK_API_VERSION_1_1)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE,
                         "Vulkan device: its instance was made for Vulkan %u.%u, 1.1 is the least (raise VkApplicationInfo.apiVersion)",
                         given->api_version ? VK_API_VERSION_MAJOR(given->api_version) : 1, VK_API_VERSION_MINOR(given->api_version));
    return CTVK_OK;
}

/* CTVK_ERROR_ARGUMENT unless the physical device is one of the instance's. */
static ctvk_status find_physical(ctvk_gpu_instance *self, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    uint32_t count = 0, found = 0;
    CTVK_VK(NULL, self->vk.EnumeratePhysicalDevices(self->instance, &count, NULL));
    VkPhysicalDevice *all = ctvk_calloc(&self->host, count, sizeof *all);
    if (!all)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "Vulkan device: out of memory (free memory and run again)");
    VkResult result = self->vk.EnumeratePhysicalDevices(self->instance, &count, all);
    for (uint32_t i = 0; result >= 0 && i < count; i++)
        found += all[i] == self->devices[0];
    ctvk_free(&self->host, all);
    CTVK_VK(NULL, result);
    if (!found)
        status =
            ctvk_fail(error, CTVK_ERROR_ARGUMENT,
                      "Vulkan device: the VkPhysicalDevice is none of the %u of the VkInstance (give handles that belong together)", count);
error_exit:
    return status;
}

static ctvk_status check_family(const ctvk_gpu_instance *self, ctvk_error *error)
{
    uint32_t count = 0;
    self->vk.GetPhysicalDeviceQueueFamilyProperties(self->devices[0], &count, NULL);
    if (self->given.queue_family < count)
        return CTVK_OK;
    return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "Vulkan device: queue family %u was named, there are %u (name the one of the queue)",
                     self->given.queue_family, count);
}

static ctvk_status adopt(ctvk_gpu_instance *self, ctvk_error *error)
{
    ctvk_gpu_functions functions;
    self->devices = ctvk_calloc(&self->host, 1, sizeof *self->devices);
    self->infos = ctvk_calloc(&self->host, 1, sizeof *self->infos);
    if (!self->devices || !self->infos)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "Vulkan device: out of memory (free memory and run again)");
    self->devices[0] = (VkPhysicalDevice)self->given.physical_device;
    PFN_vkGetInstanceProcAddr get = (PFN_vkGetInstanceProcAddr)self->given.get_instance_proc_addr;
    ctvk_status status = ctvk_gpu_instance_functions_load(get, self->instance, &self->vk, error);
    if (status == CTVK_OK)
        status = find_physical(self, error);
    if (status == CTVK_OK)
        status = check_family(self, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_functions_load(&self->vk, (VkDevice)self->given.device, &functions, error);
    if (status != CTVK_OK)
        return status;
    ctvk_gpu_info_query(self, self->devices[0], 0, &self->infos[0]);
    self->count = 1;
    if (!self->infos[0].usable)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "Vulkan device: %s lacks %s (make another one, or let ctvk choose)",
                         self->infos[0].name, self->infos[0].lacks);
    return CTVK_OK;
}

ctvk_status ctvk_gpu_instance_adopt(const ctvk_host *host, const ctvk_gpu_given *given, ctvk_gpu_instance **out, ctvk_error *error)
{
    *out = NULL;
    ctvk_status status = check_given(given, error);
    if (status != CTVK_OK)
        return status;
    ctvk_gpu_instance *self = ctvk_calloc(host, 1, sizeof *self);
    if (!self || pthread_mutex_init(&self->queue_lock, NULL) != 0) {
        ctvk_free(host, self);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "Vulkan device: out of memory (free memory and run again)");
    }
    if (host)
        self->host = *host;
    atomic_init(&self->validation_errors, 0);
    atomic_init(&self->misnamed, 0);
    self->given = *given;
    self->instance = (VkInstance)given->instance;
    self->api_version = given->api_version;
    status = adopt(self, error);
    if (status != CTVK_OK) {
        ctvk_gpu_instance_destroy(&self);
        return status;
    }
    *out = self;
    return CTVK_OK;
}
