/* gpu/device.c - one logical device with one compute queue. */
#include "gpu/internal.h"

#include <string.h>

static ctvk_status make_device(ctvk_gpu *self, int statistics, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    float priority = 1.0f;
    ctvk_gpu_features *features = &self->features;
    if (statistics)
        features->extensions[features->extension_count++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    if (features->cooperative.cooperativeMatrix)
        features->extensions[features->extension_count++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    VkPhysicalDeviceFeatures2 enabled = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                         .pNext = ctvk_gpu_features_chain(features, statistics),
                                         .features = features->core};
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = features->family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                 .pNext = &enabled,
                                 .queueCreateInfoCount = 1,
                                 .pQueueCreateInfos = &queue,
                                 .enabledExtensionCount = features->extension_count,
                                 .ppEnabledExtensionNames = features->extensions};
    CTVK_VK(self, self->instance->vk.CreateDevice(self->physical, &create, NULL, &self->device));
error_exit:
    return status;
}

/* The functions beyond Vulkan 1.1. */
static void load_options(ctvk_gpu *self, int statistics)
{
    PFN_vkGetDeviceProcAddr get = self->instance->vk.GetDeviceProcAddr;
    if (self->caps.buffer_address) {
        const char *name = self->features.api_version >= VK_API_VERSION_1_2 ? "vkGetBufferDeviceAddress" : "vkGetBufferDeviceAddressKHR";
        self->get_address = (PFN_vkGetBufferDeviceAddressKHR)get(self->device, name);
        self->caps.buffer_address = self->get_address != NULL;
    }
    if (statistics) {
        self->get_executables = (PFN_vkGetPipelineExecutablePropertiesKHR)get(self->device, "vkGetPipelineExecutablePropertiesKHR");
        self->get_statistics = (PFN_vkGetPipelineExecutableStatisticsKHR)get(self->device, "vkGetPipelineExecutableStatisticsKHR");
    }
}

static ctvk_status open_device(ctvk_gpu *self, ctvk_error *error)
{
    const ctvk_gpu_given *given = &self->instance->given;
    int statistics = (self->disable & CTVK_GPU_STATISTICS) && self->features.executable.pipelineExecutableInfo && !given->device;
    if (given->device)
        self->device = (VkDevice)given->device;
    ctvk_status status = given->device ? CTVK_OK : make_device(self, statistics, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_functions_load(&self->instance->vk, self->device, &self->vk, error);
    if (status != CTVK_OK) {
        if (self->device && !given->device && self->vk.DestroyDevice)
            self->vk.DestroyDevice(self->device, NULL);
        self->device = NULL;
        return status;
    }
    if (given->device)
        self->queue = (VkQueue)given->queue;
    else
        self->vk.GetDeviceQueue(self->device, self->features.family, 0, &self->queue);
    load_options(self, statistics);
    return CTVK_OK;
}

ctvk_status ctvk_gpu_create(ctvk_gpu_instance *instance, uint32_t index, const ctvk_gpu_options *options, ctvk_gpu **out, ctvk_error *error)
{
    *out = NULL;
    if (index >= instance->count)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "device %u: there are only %u (see `ctvk devices`)", index, instance->count);
    if (!instance->infos[index].usable)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "device %u: %s lacks %s (choose another one, see `ctvk devices`)", index,
                         instance->infos[index].name, instance->infos[index].lacks);
    ctvk_gpu *self = ctvk_calloc(&instance->host, 1, sizeof *self);
    if (!self)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "device %u: out of memory (free memory and run again)", index);
    self->host = instance->host;
    self->instance = instance;
    self->physical = instance->devices[index];
    self->info = instance->infos[index];
    self->disable = instance->mask | (options ? options->disable : 0);
    self->memory_limit = options ? options->memory_limit : 0;
    if (options && options->validation && !instance->messenger && !instance->given.device)
        ctvk_log(&self->host, CTVK_LOG_WARNING, "validation was not asked for when the instance was made: running without it");
    ctvk_gpu_features_query(instance, self->physical, &self->features, &self->caps);
    ctvk_gpu_caps_mask(self->disable, &self->features, &self->caps);
    self->views_grow = self->caps.is_cpu && self->caps.texel_rgba32f;
    if (self->views_grow)
        self->caps.max_allocation -= 2 * CTVK_GPU_VIEW_SLACK;
    if ((self->disable & CTVK_GPU_NO_LARGE_MEMORY) && (!self->memory_limit || self->memory_limit > self->caps.heap_bytes))
        self->memory_limit = self->caps.heap_bytes; /* the driver has more and would give it */
    instance->vk.GetPhysicalDeviceMemoryProperties(self->physical, &self->memory);
    self->budget = self->caps.is_cpu ? 2e9 : 5e9; /* cautious: it doubles with every piece that was quick */
    ctvk_status status = open_device(self, error);
    if (status != CTVK_OK) {
        ctvk_gpu_destroy(&self);
        return status;
    }
    ctvk_gpu_trace_open(self);
    ctvk_gpu_cache_open(self, options ? options->cache_folder : NULL);
    ctvk_gpu_tuned_open(self, options ? options->cache_folder : NULL);
    *out = self;
    return CTVK_OK;
}

void ctvk_gpu_destroy(ctvk_gpu **gpu)
{
    if (!gpu || !*gpu)
        return;
    ctvk_gpu *self = *gpu;
    if (self->device) {
        (void)ctvk_gpu_wait_idle(self, NULL); /* after a loss it fails at once, and all objects may be destroyed */
        ctvk_gpu_buffer_destroy(&self->staging);
        ctvk_gpu_slots_destroy(self);
        ctvk_gpu_pipelines_destroy(self);
        ctvk_gpu_cache_close(self);
        if (!self->instance->given.device)
            self->vk.DestroyDevice(self->device, NULL);
    }
    ctvk_host host = self->host;
    ctvk_free(&host, self->cache_path);
    ctvk_gpu_tuned_close(self);
    ctvk_free(&host, self);
    *gpu = NULL;
}

const ctvk_gpu_caps *ctvk_gpu_get_caps(const ctvk_gpu *gpu)
{
    return &gpu->caps;
}

const ctvk_gpu_info *ctvk_gpu_get_info(const ctvk_gpu *gpu)
{
    return &gpu->info;
}

const ctvk_host *ctvk_gpu_host(const ctvk_gpu *gpu)
{
    return &gpu->host;
}

uint64_t ctvk_gpu_memory_used(const ctvk_gpu *gpu)
{
    return gpu->memory_used;
}

uint64_t ctvk_gpu_memory_peak(const ctvk_gpu *gpu)
{
    return gpu->memory_peak;
}

uint32_t ctvk_gpu_validation_errors(const ctvk_gpu *gpu)
{
    return atomic_load(&gpu->instance->validation_errors);
}
