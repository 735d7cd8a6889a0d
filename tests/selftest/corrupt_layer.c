/* A Vulkan layer that makes a sound driver compute wrongly, for the tests alone. The loader takes it by VK_LAYER_PATH and
 * VK_INSTANCE_LAYERS. What it does stands in the environment:
 *   CTVK_CORRUPT_DISPATCH=N     the Nth dispatch that is recorded in the process is swallowed
 *   CTVK_CORRUPT_SHADER=FILE    a shader of just these words subtracts wherever it added; one that adds nowhere multiplies no more
 * It says on standard error what it did. */
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

/* One instance and one device at a time are all that the tests have. */
static PFN_vkGetInstanceProcAddr next_instance;
static PFN_vkGetDeviceProcAddr next_device;
static PFN_vkCmdDispatch next_dispatch;
static PFN_vkCreateShaderModule next_module;
static VkInstance the_instance;
static atomic_long dispatches;

static VkLayerInstanceCreateInfo *instance_link(const VkInstanceCreateInfo *info)
{
    const VkLayerInstanceCreateInfo *link = info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO))
        link = link->pNext;
    return (VkLayerInstanceCreateInfo *)(size_t)link;
}

static VkLayerDeviceCreateInfo *device_link(const VkDeviceCreateInfo *info)
{
    const VkLayerDeviceCreateInfo *link = info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO))
        link = link->pNext;
    return (VkLayerDeviceCreateInfo *)(size_t)link;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *memory,
                                                      VkInstance *out)
{
    VkLayerInstanceCreateInfo *link = instance_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)next_instance(NULL, "vkCreateInstance");
    VkResult result = create(info, memory, out);
    the_instance = *out;
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *memory, VkDevice *out)
{
    VkLayerDeviceCreateInfo *link = device_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    PFN_vkGetInstanceProcAddr get = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    next_device = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateDevice create = (PFN_vkCreateDevice)get(the_instance, "vkCreateDevice");
    VkResult result = create(physical, info, memory, out);
    if (result != VK_SUCCESS)
        return result;
    next_dispatch = (PFN_vkCmdDispatch)next_device(*out, "vkCmdDispatch");
    next_module = (PFN_vkCreateShaderModule)next_device(*out, "vkCreateShaderModule");
    return result;
}

static VKAPI_ATTR void VKAPI_CALL cmd_dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z)
{
    const char *wanted = getenv("CTVK_CORRUPT_DISPATCH");
    long number = atomic_fetch_add(&dispatches, 1) + 1;
    if (wanted && atol(wanted) == number)
        fprintf(stderr, "corrupt layer: dispatch %ld is swallowed\n", number);
    else
        next_dispatch(commands, x, y, z);
}

/* Words of the file; NULL: not to be read, or not of this size. */
static uint32_t *read_words(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    uint32_t *words = file ? malloc(bytes + 1) : NULL;
    if (words && fread(words, 1, bytes + 1, file) != bytes) {
        free(words);
        words = NULL;
    }
    if (file)
        fclose(file);
    return words;
}

/* Every instruction `from` becomes `to`, which has the same operands. Returns how many. */
static int replace(uint32_t *words, size_t count, uint32_t from, uint32_t to)
{
    enum { HEADER = 5 };
    int changed = 0;
    for (size_t i = HEADER; i < count && words[i] >> 16; i += words[i] >> 16)
        if ((words[i] & 0xffff) == from) {
            words[i] = (words[i] & 0xffff0000u) | to;
            changed++;
        }
    return changed;
}

static int corrupt(uint32_t *words, size_t count)
{
    enum { OP_F_ADD = 129, OP_F_SUB = 131, OP_F_MUL = 133 };
    int changed = replace(words, count, OP_F_ADD, OP_F_SUB);
    return changed ? changed : replace(words, count, OP_F_MUL, OP_F_ADD);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_module(VkDevice device, const VkShaderModuleCreateInfo *info,
                                                    const VkAllocationCallbacks *memory, VkShaderModule *out)
{
    const char *path = getenv("CTVK_CORRUPT_SHADER");
    uint32_t *words = path ? read_words(path, info->codeSize) : NULL;
    VkShaderModuleCreateInfo other = *info;
    if (words && memcmp(words, info->pCode, info->codeSize) == 0) {
        fprintf(stderr, "corrupt layer: %d instructions of the shader are others\n", corrupt(words, info->codeSize / 4));
        other.pCode = words;
    }
    VkResult result = next_module(device, &other, memory, out);
    free(words);
    return result;
}

static PFN_vkVoidFunction own(const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } all[] = {{"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
               {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
               {"vkCmdDispatch", (PFN_vkVoidFunction)cmd_dispatch},
               {"vkCreateShaderModule", (PFN_vkVoidFunction)create_module}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i].name) == 0)
            return all[i].function;
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char *name)
{
    PFN_vkVoidFunction mine = strcmp(name, "vkGetDeviceProcAddr") == 0 ? (PFN_vkVoidFunction)get_device : own(name);
    return mine ? mine : next_device(device, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction mine = strcmp(name, "vkGetInstanceProcAddr") == 0 ? (PFN_vkVoidFunction)get_instance
                              : strcmp(name, "vkGetDeviceProcAddr") == 0 ? (PFN_vkVoidFunction)get_device
                                                                         : own(name);
    return mine ? mine : next_instance(instance, name);
}

EXPORTED VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *out);
EXPORTED VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *out)
{
    if (out->loaderLayerInterfaceVersion < 2)
        return VK_ERROR_INITIALIZATION_FAILED;
    out->loaderLayerInterfaceVersion = 2;
    out->pfnGetInstanceProcAddr = get_instance;
    out->pfnGetDeviceProcAddr = get_device;
    out->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
