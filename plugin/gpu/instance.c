/* gpu/instance.c - the Vulkan instance, its devices, and the choice among them. */
#include "gpu/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

/* Called by the layer on the thread of the faulty call. */
static VKAPI_ATTR VkBool32 VKAPI_CALL take_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
                                                   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    ctvk_gpu_instance *instance = user;
    (void)types;
    (void)severity;
    atomic_fetch_add(&instance->validation_errors, 1);
    ctvk_log(&instance->host, CTVK_LOG_ERROR, "validation: %s", data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

static int layer_is_there(void)
{
    VkLayerProperties layers[64];
    uint32_t count = 64;
    if (vkEnumerateInstanceLayerProperties(&count, layers) < 0)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(layers[i].layerName, VALIDATION_LAYER) == 0)
            return 1;
    return 0;
}

static ctvk_status open_instance(ctvk_gpu_instance *self, int32_t validation, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    const char *layer = VALIDATION_LAYER;
    const char *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    if (validation && !layer_is_there()) {
        ctvk_log(&self->host, CTVK_LOG_WARNING, "%s is not installed: running without validation", VALIDATION_LAYER);
        validation = 0;
    }
    CTVK_VK(NULL, vkEnumerateInstanceVersion(&self->api_version));
    if (self->api_version < VK_API_VERSION_1_1)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "Vulkan: the loader knows version 1.0 only (update the Vulkan loader)");

    VkValidationFeatureEnableEXT enable = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, .enabledValidationFeatureCount = 1, .pEnabledValidationFeatures = &enable};
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .pNext = &features,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = take_message,
        .pUserData = self};
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pEngineName = "ctvk",
                                     .apiVersion = self->api_version < VK_API_VERSION_1_3 ? self->api_version : VK_API_VERSION_1_3};
    VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                   .pNext = validation ? &messenger : NULL,
                                   .pApplicationInfo = &application,
                                   .enabledLayerCount = validation ? 1 : 0,
                                   .ppEnabledLayerNames = &layer,
                                   .enabledExtensionCount = validation ? 1 : 0,
                                   .ppEnabledExtensionNames = &extension};
    CTVK_VK(NULL, vkCreateInstance(&create, NULL, &self->instance));
    self->api_version = application.apiVersion;
    status = ctvk_gpu_instance_functions_load(vkGetInstanceProcAddr, self->instance, &self->vk, error);
    if (status == CTVK_OK && validation) {
        PFN_vkCreateDebugUtilsMessengerEXT make =
            (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(self->instance, "vkCreateDebugUtilsMessengerEXT");
        messenger.pNext = NULL;
        if (make)
            CTVK_VK(NULL, make(self->instance, &messenger, NULL, &self->messenger));
    }
error_exit:
    return status;
}

static ctvk_status list_devices(ctvk_gpu_instance *self, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    uint32_t count = 0;
    CTVK_VK(NULL, self->vk.EnumeratePhysicalDevices(self->instance, &count, NULL));
    if (count == 0)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE,
                         "Vulkan: there is no device (install a Vulkan driver; mesa-vulkan-drivers brings one for the processor)");
    self->devices = ctvk_calloc(&self->host, count, sizeof *self->devices);
    self->infos = ctvk_calloc(&self->host, count, sizeof *self->infos);
    if (!self->devices || !self->infos)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "device list: out of memory (free memory and run again)");
    CTVK_VK(NULL, self->vk.EnumeratePhysicalDevices(self->instance, &count, self->devices));
    self->count = count;
    for (uint32_t i = 0; i < count; i++)
        ctvk_gpu_info_query(self, self->devices[i], i, &self->infos[i]);
error_exit:
    return status;
}

ctvk_status ctvk_gpu_instance_create(const ctvk_host *host, int32_t validation, ctvk_gpu_instance **out, ctvk_error *error)
{
    *out = NULL;
    ctvk_gpu_instance *self = ctvk_calloc(host, 1, sizeof *self);
    if (!self)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "Vulkan: out of memory (free memory and run again)");
    if (host)
        self->host = *host;
    atomic_init(&self->validation_errors, 0);
    atomic_init(&self->misnamed, 0);
    ctvk_status status = open_instance(self, validation, error);
    if (status == CTVK_OK)
        status = list_devices(self, error);
    if (status != CTVK_OK) {
        ctvk_gpu_instance_destroy(&self);
        return status;
    }
    *out = self;
    return CTVK_OK;
}

void ctvk_gpu_instance_destroy(ctvk_gpu_instance **instance)
{
    if (!instance || !*instance)
        return;
    ctvk_gpu_instance *self = *instance;
    if (self->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT drop =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(self->instance, "vkDestroyDebugUtilsMessengerEXT");
        if (drop)
            drop(self->instance, self->messenger, NULL);
    }
    if (self->given.device)
        pthread_mutex_destroy(&self->queue_lock);
    else if (self->vk.DestroyInstance)
        self->vk.DestroyInstance(self->instance, NULL);
    ctvk_host host = self->host;
    ctvk_free(&host, self->devices);
    ctvk_free(&host, self->infos);
    ctvk_free(&host, self);
    *instance = NULL;
}

uint32_t ctvk_gpu_device_count(const ctvk_gpu_instance *instance)
{
    return instance->count;
}

const ctvk_gpu_info *ctvk_gpu_device_info(const ctvk_gpu_instance *instance, uint32_t index)
{
    return index < instance->count ? &instance->infos[index] : NULL;
}

static int contains_folded(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return 1;
    }
    return 0;
}

static int equal_folded(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && contains_folded(a, b);
}

/* A number of at most 9 digits, or -1. */
static int64_t plain_number(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length)
        return -1;
    return strtol(text, NULL, 10);
}

static ctvk_status choose_auto(const ctvk_gpu_instance *instance, uint32_t *index, ctvk_error *error)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < instance->count; i++)
        if (instance->infos[i].usable && (best == UINT32_MAX || instance->infos[i].type < instance->infos[best].type))
            best = i;
    if (best == UINT32_MAX)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE,
                         "device \"auto\": none of the %u Vulkan devices is usable, %s lacks %s (update the driver)", instance->count,
                         instance->infos[0].name, instance->infos[0].lacks);
    *index = best;
    return CTVK_OK;
}

ctvk_status ctvk_gpu_select(const ctvk_gpu_instance *instance, const char *selector, uint32_t *index, ctvk_error *error)
{
    if (!selector || !*selector || strcmp(selector, "auto") == 0)
        return choose_auto(instance, index, error);
    uint32_t found = UINT32_MAX;
    int64_t number = plain_number(selector);
    if (number >= 0 && number < instance->count)
        found = (uint32_t)number;
    for (uint32_t i = 0; found == UINT32_MAX && i < instance->count; i++)
        if (equal_folded(instance->infos[i].uuid, selector))
            found = i;
    /* Among several of the name, the first usable one. */
    for (uint32_t i = 0; number < 0 && found == UINT32_MAX && i < instance->count; i++)
        if (instance->infos[i].usable && contains_folded(instance->infos[i].name, selector))
            found = i;
    for (uint32_t i = 0; number < 0 && found == UINT32_MAX && i < instance->count; i++)
        if (contains_folded(instance->infos[i].name, selector))
            found = i;
    if (found == UINT32_MAX)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE,
                         "device \"%.80s\": none of the %u Vulkan devices has this index, name or UUID (see `ctvk devices`)", selector,
                         instance->count);
    if (!instance->infos[found].usable)
        return ctvk_fail(error, CTVK_ERROR_NO_DEVICE, "device \"%.80s\": %s lacks %s (choose another one, see `ctvk devices`)", selector,
                         instance->infos[found].name, instance->infos[found].lacks);
    *index = found;
    return CTVK_OK;
}
