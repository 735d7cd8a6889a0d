/* ctvk/vulkan.h - interface "ctvk.vulkan": a host with a Vulkan device of its own hands it in, and the library computes on that.
 *
 * No Vulkan header is needed here: handles are pointers, as Vulkan's dispatchable handles are, and a host that has <vulkan/vulkan.h>
 * assigns its own without a cast, but for vkGetInstanceProcAddr. */
#ifndef CTVK_VULKAN_H
#define CTVK_VULKAN_H

#include "ctvk/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_VULKAN_NAME "ctvk.vulkan"
#define CTVK_VULKAN_VERSION 1

/* PFN_vkVoidFunction: any Vulkan function, cast before it is called. */
typedef void (*ctvk_vulkan_function)(void);
/* vkGetInstanceProcAddr: (ctvk_vulkan_get_fn)vkGetInstanceProcAddr. Every Vulkan function is asked from it, none from a loader that the
 * library is linked to. */
typedef ctvk_vulkan_function (*ctvk_vulkan_get_fn)(void *instance, const char *name);
/* Taken around every submission to the queue, on the thread that runs or steps a job; never one inside of the other. Must not call ctvk. */
typedef void (*ctvk_vulkan_lock_fn)(void *user);

/* What may be switched on when a device is made. Everything is optional, and nothing but what is named is used; with all of it the library
 * is fastest. Bits that a library does not know are passed over. */
enum {
    CTVK_VULKAN_SHADER_INT16 = 1,          /* shaderInt16 */
    CTVK_VULKAN_SHADER_INT64 = 2,          /* shaderInt64 */
    CTVK_VULKAN_STORAGE_16BIT = 4,         /* storageBuffer16BitAccess */
    CTVK_VULKAN_STORAGE_8BIT = 8,          /* storageBuffer8BitAccess; on Vulkan 1.1 with VK_KHR_8bit_storage */
    CTVK_VULKAN_SHADER_FLOAT16 = 16,       /* shaderFloat16; on Vulkan 1.1 with VK_KHR_shader_float16_int8 */
    CTVK_VULKAN_SHADER_INT8 = 32,          /* shaderInt8; likewise */
    CTVK_VULKAN_BUFFER_DEVICE_ADDRESS = 64 /* bufferDeviceAddress; on Vulkan 1.1 with VK_KHR_buffer_device_address */
};

/* The host's device; the handles, as Vulkan names them. */
typedef struct ctvk_vulkan_device {
    uint32_t struct_size;
    uint32_t api_version;                      /* of the VkApplicationInfo that the instance was made with: at least VK_API_VERSION_1_1 */
    ctvk_vulkan_get_fn get_instance_proc_addr; /* the loader's own */
    void *instance;                            /* VkInstance */
    void *physical_device;                     /* VkPhysicalDevice, one of the instance's */
    void *device;                              /* VkDevice, made of it */
    void *queue;                               /* VkQueue of the device */
    uint32_t queue_family;                     /* the one that the queue is of; it has to have VK_QUEUE_COMPUTE_BIT */
    uint32_t features;                         /* CTVK_VULKAN_*: what the device was made with; 0: nothing beyond Vulkan 1.1 */
    /* Around whatever else the host does with the queue, the same lock has to be held. Both NULL: the host promises that nothing else
     * touches the queue while a call of ctvk.job or ctvk.text is under way. Jobs of one context never get in each other's way. */
    ctvk_vulkan_lock_fn lock;
    ctvk_vulkan_lock_fn unlock; /* gives back what lock took */
    void *lock_user;
} ctvk_vulkan_device;
#define CTVK_VULKAN_DEVICE_INIT                                                                       \
    {                                                                                                 \
        (uint32_t)sizeof(ctvk_vulkan_device), 0, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL \
    }

typedef struct ctvk_vulkan_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* The context lists this one device from now on, and no other; once, and before the first call that needs a device. The struct is
     * copied. Instance, device, queue and lock are BORROWED until everything made from the context is destroyed: jobs use them while they
     * run and when they are destroyed, and so does ctvk.bundle's `memory`. Nothing of the host's is destroyed, waited for or changed: the
     * library makes buffers, pipelines, command pools and fences of its own and destroys them. The context's `validation` means nothing
     * then: layers are the host's. CTVK_ERROR_ARGUMENT (a handle is missing or belongs elsewhere, no such queue family, the context has
     * devices already), CTVK_ERROR_NO_DEVICE (the device does not suffice: the message names what it lacks), CTVK_ERROR_HOST_MEMORY:
     * message on the context, which is as it was. [one thread at a time] on the context */
    ctvk_status (*use_device)(ctvk_context *context, const ctvk_vulkan_device *device);
} ctvk_vulkan_api;

#ifdef __cplusplus
}
#endif
#endif
