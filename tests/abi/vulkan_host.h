/* abi/vulkan_host.h - a small program that has a Vulkan device of its own, and watches what is done with it: every function is handed out
 * by it, submissions must come under its lock, and nothing of its may be made anew, destroyed or waited for. */
#ifndef CTVK_TESTS_ABI_VULKAN_HOST_H
#define CTVK_TESTS_ABI_VULKAN_HOST_H

#include "abi/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <vulkan/vulkan.h>

typedef struct vulkan_host {
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t features; /* CTVK_VULKAN_* */
    pthread_mutex_t lock;
} vulkan_host;

/* What was seen, of every such program in this process. */
static struct {
    atomic_int messages;             /* of the validation layer */
    atomic_int locks, unlocks, held; /* held: by the library */
    atomic_int submits, unlocked;    /* unlocked: submissions without the lock, where one was given */
    atomic_int forbidden;            /* calls that only the owner of a device may make */
    atomic_int locking;              /* a lock was given */
    const char *withheld;            /* a function that is not handed out; NULL: none */
    int hides_compute;               /* queue families are shown without compute */
    int expected;                    /* messages are wanted, and not printed */
} seen;

static VKAPI_ATTR VkBool32 VKAPI_CALL take_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
                                                   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity, (void)types, (void)user;
    atomic_fetch_add(&seen.messages, 1);
    if (!seen.expected)
        fprintf(stderr, "validation: %s\n", data->pMessage);
    return VK_FALSE;
}

static void take_lock(void *user)
{
    vulkan_host *v = user;
    pthread_mutex_lock(&v->lock);
    atomic_fetch_add(&seen.locks, 1);
    atomic_fetch_add(&seen.held, 1);
}

static void give_lock(void *user)
{
    vulkan_host *v = user;
    atomic_fetch_sub(&seen.held, 1);
    atomic_fetch_add(&seen.unlocks, 1);
    pthread_mutex_unlock(&v->lock);
}

/* --- what the library gets in place of Vulkan's own functions --- */

static VKAPI_ATTR VkResult VKAPI_CALL watched_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *infos, VkFence fence)
{
    atomic_fetch_add(&seen.submits, 1);
    if (atomic_load(&seen.locking) && atomic_load(&seen.held) != 1)
        atomic_fetch_add(&seen.unlocked, 1);
    return vkQueueSubmit(queue, count, infos, fence);
}

/* Stands for every function that belongs to the owner of instance, device and queue; so it has many types, and is counted without a call.
 */
static const char *const owners[] = {"vkCreateInstance", "vkCreateDevice",   "vkDestroyDevice", "vkDestroyInstance",
                                     "vkGetDeviceQueue", "vkDeviceWaitIdle", "vkQueueWaitIdle"};
static VKAPI_ATTR void VKAPI_CALL forbidden(void)
{
    atomic_fetch_add(&seen.forbidden, 1);
}

static VKAPI_ATTR void VKAPI_CALL watched_families(VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *families)
{
    vkGetPhysicalDeviceQueueFamilyProperties(device, count, families);
    for (uint32_t i = 0; seen.hides_compute && families && i < *count; i++)
        families[i].queueFlags &= ~(VkQueueFlags)VK_QUEUE_COMPUTE_BIT;
}

static PFN_vkVoidFunction watched(const char *name, PFN_vkVoidFunction own)
{
    if (seen.withheld && strcmp(name, seen.withheld) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (strcmp(name, owners[i]) == 0)
            return forbidden;
    if (strcmp(name, "vkQueueSubmit") == 0)
        return (PFN_vkVoidFunction)watched_submit;
    if (strcmp(name, "vkGetPhysicalDeviceQueueFamilyProperties") == 0)
        return (PFN_vkVoidFunction)watched_families;
    return own;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL watched_device_get(VkDevice device, const char *name)
{
    return watched(name, vkGetDeviceProcAddr(device, name));
}

static ctvk_vulkan_function watched_get(void *instance, const char *name)
{
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (ctvk_vulkan_function)watched_device_get;
    return watched(name, vkGetInstanceProcAddr(instance, name));
}

/* --- the program's own side --- */

static inline void make_instance(vulkan_host *v, uint32_t api)
{
    const char *layer = "VK_LAYER_KHRONOS_validation", *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkValidationFeatureEnableEXT enable = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, .enabledValidationFeatureCount = 1, .pEnabledValidationFeatures = &enable};
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .pNext = &features,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = take_message};
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = api};
    VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                   .pNext = &messenger,
                                   .pApplicationInfo = &application,
                                   .enabledLayerCount = 1,
                                   .ppEnabledLayerNames = &layer,
                                   .enabledExtensionCount = 1,
                                   .ppEnabledExtensionNames = &extension};
    uint32_t one = 1;
    memset(v, 0, sizeof *v);
    REQUIRE(pthread_mutex_init(&v->lock, NULL) == 0);
    REQUIRE(vkCreateInstance(&create, NULL, &v->instance) == VK_SUCCESS); /* fails without the package vulkan-validationlayers */
    PFN_vkCreateDebugUtilsMessengerEXT make =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(v->instance, "vkCreateDebugUtilsMessengerEXT");
    messenger.pNext = NULL;
    REQUIRE(make && make(v->instance, &messenger, NULL, &v->messenger) == VK_SUCCESS);
    REQUIRE(vkEnumeratePhysicalDevices(v->instance, &one, &v->physical) >= 0 && one == 1);
}

/* all: with every feature that the library can use and the device has; else with none. */
static inline void make_device(vulkan_host *v, int all)
{
    const float priority = 1;
    VkPhysicalDeviceVulkan12Features twelve = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceVulkan11Features eleven = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &twelve};
    VkPhysicalDeviceFeatures2 has = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &eleven};
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority}; /* family 0 on both drivers */
    VkDeviceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = all ? &has : NULL, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
    if (all) {
        vkGetPhysicalDeviceFeatures2(v->physical, &has);
        twelve = (VkPhysicalDeviceVulkan12Features){.sType = twelve.sType,
                                                    .storageBuffer8BitAccess = twelve.storageBuffer8BitAccess,
                                                    .shaderFloat16 = twelve.shaderFloat16,
                                                    .shaderInt8 = twelve.shaderInt8,
                                                    .bufferDeviceAddress = twelve.bufferDeviceAddress};
        eleven = (VkPhysicalDeviceVulkan11Features){
            .sType = eleven.sType, .pNext = &twelve, .storageBuffer16BitAccess = eleven.storageBuffer16BitAccess};
        has.features = (VkPhysicalDeviceFeatures){.shaderInt16 = has.features.shaderInt16, .shaderInt64 = has.features.shaderInt64};
        v->features =
            (has.features.shaderInt16 ? CTVK_VULKAN_SHADER_INT16 : 0) | (has.features.shaderInt64 ? CTVK_VULKAN_SHADER_INT64 : 0) |
            (eleven.storageBuffer16BitAccess ? CTVK_VULKAN_STORAGE_16BIT : 0) |
            (twelve.storageBuffer8BitAccess ? CTVK_VULKAN_STORAGE_8BIT : 0) | (twelve.shaderFloat16 ? CTVK_VULKAN_SHADER_FLOAT16 : 0) |
            (twelve.shaderInt8 ? CTVK_VULKAN_SHADER_INT8 : 0) | (twelve.bufferDeviceAddress ? CTVK_VULKAN_BUFFER_DEVICE_ADDRESS : 0);
    }
    REQUIRE(vkCreateDevice(v->physical, &create, NULL, &v->device) == VK_SUCCESS);
    vkGetDeviceQueue(v->device, 0, 0, &v->queue);
}

/* What the library is given. */
static inline ctvk_vulkan_device describe(vulkan_host *v, uint32_t api, int locking)
{
    ctvk_vulkan_device given = CTVK_VULKAN_DEVICE_INIT;
    given.api_version = api;
    given.get_instance_proc_addr = watched_get;
    given.instance = v->instance;
    given.physical_device = v->physical;
    given.device = v->device;
    given.queue = v->queue;
    given.features = v->features;
    if (locking) {
        given.lock = take_lock;
        given.unlock = give_lock;
        given.lock_user = v;
    }
    atomic_store(&seen.locking, locking);
    return given;
}

/* The program's own work: fills a buffer on its queue, under its lock, and reads it. 0: it came out right. */
static inline int own_work(vulkan_host *v, uint32_t word)
{
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkCommandPool pool = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    VkCommandBuffer commands;
    VkMemoryRequirements needs;
    VkPhysicalDeviceMemoryProperties types;
    void *mapped = NULL;
    const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 4096, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkCommandPoolCreateInfo create = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    VkFenceCreateInfo fresh = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT, .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
    vkGetPhysicalDeviceMemoryProperties(v->physical, &types);
    int good = vkCreateBuffer(v->device, &info, NULL, &buffer) == VK_SUCCESS;
    vkGetBufferMemoryRequirements(v->device, buffer, &needs);
    while (allocate.memoryTypeIndex < types.memoryTypeCount &&
           (!(needs.memoryTypeBits >> allocate.memoryTypeIndex & 1) ||
            (types.memoryTypes[allocate.memoryTypeIndex].propertyFlags & wanted) != wanted))
        allocate.memoryTypeIndex++;
    allocate.allocationSize = needs.size;
    good = good && vkAllocateMemory(v->device, &allocate, NULL, &memory) == VK_SUCCESS &&
           vkBindBufferMemory(v->device, buffer, memory, 0) == VK_SUCCESS &&
           vkMapMemory(v->device, memory, 0, VK_WHOLE_SIZE, 0, &mapped) == VK_SUCCESS &&
           vkCreateCommandPool(v->device, &create, NULL, &pool) == VK_SUCCESS &&
           vkCreateFence(v->device, &fresh, NULL, &fence) == VK_SUCCESS;
    VkCommandBufferAllocateInfo buffers = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool, .commandBufferCount = 1};
    good = good && vkAllocateCommandBuffers(v->device, &buffers, &commands) == VK_SUCCESS &&
           vkBeginCommandBuffer(commands, &begin) == VK_SUCCESS;
    if (good) {
        vkCmdFillBuffer(commands, buffer, 0, VK_WHOLE_SIZE, word);
        vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
        VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
        good = vkEndCommandBuffer(commands) == VK_SUCCESS;
        pthread_mutex_lock(&v->lock);
        good = good && vkQueueSubmit(v->queue, 1, &submit, fence) == VK_SUCCESS;
        pthread_mutex_unlock(&v->lock);
        good = good && vkWaitForFences(v->device, 1, &fence, VK_TRUE, UINT64_MAX) == VK_SUCCESS;
        for (size_t i = 0; good && i < 1024; i++)
            good = ((const uint32_t *)mapped)[i] == word;
    }
    vkDestroyFence(v->device, fence, NULL);
    vkDestroyCommandPool(v->device, pool, NULL);
    vkDestroyBuffer(v->device, buffer, NULL);
    vkFreeMemory(v->device, memory, NULL);
    return good ? 0 : -1;
}

/* The layer names every object that is left on the device when it is destroyed. */
static inline void end_vulkan(vulkan_host *v)
{
    if (v->device)
        vkDestroyDevice(v->device, NULL);
    PFN_vkDestroyDebugUtilsMessengerEXT drop =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(v->instance, "vkDestroyDebugUtilsMessengerEXT");
    drop(v->instance, v->messenger, NULL);
    vkDestroyInstance(v->instance, NULL);
    pthread_mutex_destroy(&v->lock);
}

#endif
