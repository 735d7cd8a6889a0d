/* gpu/caps.c - the one place that asks what a device can do. Everything beyond Vulkan 1.1's minimum is optional here. */
#include "gpu/internal.h"

#include <stdio.h>
#include <string.h>

typedef struct extension_list {
    VkExtensionProperties items[512];
    uint32_t count;
} extension_list;

static int has_extension(const extension_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].extensionName, name) == 0)
            return 1;
    return 0;
}

/* True where the feature is core from 1.2 on or its extension is there; the extension is then asked for on 1.1. */
static int offers(const extension_list *list, uint32_t api, const char *name, ctvk_gpu_features *out)
{
    if (api >= VK_API_VERSION_1_2)
        return 1;
    if (!has_extension(list, name))
        return 0;
    out->extensions[out->extension_count++] = name;
    return 1;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t compute_family(const ctvk_gpu_instance *instance, VkPhysicalDevice device)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = 32, found = UINT32_MAX;
    instance->vk.GetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    if (instance->given.device) {
        uint32_t family = instance->given.queue_family;
        return family < count && (families[family].queueFlags & VK_QUEUE_COMPUTE_BIT) ? family : UINT32_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0)
            continue;
        if (!(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
            return i; /* a queue of its own leaves the desktop alone */
        if (found == UINT32_MAX)
            found = i;
    }
    return found;
}

static uint64_t largest_heap(const ctvk_gpu_instance *instance, VkPhysicalDevice device)
{
    VkPhysicalDeviceMemoryProperties memory;
    uint64_t largest = 0;
    instance->vk.GetPhysicalDeviceMemoryProperties(device, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) && memory.memoryHeaps[i].size > largest)
            largest = memory.memoryHeaps[i].size;
    return largest;
}

static void query_limits(const ctvk_gpu_instance *instance, VkPhysicalDevice device, const ctvk_gpu_features *features, ctvk_gpu_caps *caps)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceMaintenance4Properties sizes = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
                                                    .pNext = &subgroup};
    VkPhysicalDeviceMaintenance3Properties maintenance = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
                                                          .pNext =
                                                              features->api_version >= VK_API_VERSION_1_3 ? (void *)&sizes : &subgroup};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &maintenance};
    instance->vk.GetPhysicalDeviceProperties2(device, &properties);
    const VkPhysicalDeviceLimits *limits = &properties.properties.limits;
    VkFormatProperties single, words;
    instance->vk.GetPhysicalDeviceFormatProperties(device, VK_FORMAT_R32G32B32A32_SFLOAT, &single);
    instance->vk.GetPhysicalDeviceFormatProperties(device, VK_FORMAT_R32G32_UINT, &words);

    caps->max_storage_range = limits->maxStorageBufferRange;
    caps->max_uniform_range = limits->maxUniformBufferRange;
    caps->max_texel_elements = limits->maxTexelBufferElements;
    caps->heap_bytes = largest_heap(instance, device);
    caps->max_allocation = maintenance.maxMemoryAllocationSize;
    if (sizes.maxBufferSize && caps->max_allocation > sizes.maxBufferSize)
        caps->max_allocation = sizes.maxBufferSize;
    if (caps->max_allocation > caps->heap_bytes)
        caps->max_allocation = caps->heap_bytes;
    caps->storage_alignment = max_u64(16, max_u64(limits->minStorageBufferOffsetAlignment,
                                                  max_u64(limits->minUniformBufferOffsetAlignment, limits->minTexelBufferOffsetAlignment)));
    caps->max_invocations = min_u32(limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0]);
    caps->max_shared_bytes = limits->maxComputeSharedMemorySize;
    caps->max_groups =
        min_u32(limits->maxComputeWorkGroupCount[0], min_u32(limits->maxComputeWorkGroupCount[1], limits->maxComputeWorkGroupCount[2]));
    caps->max_storage_buffers = min_u32(limits->maxPerStageDescriptorStorageBuffers, limits->maxDescriptorSetStorageBuffers);
    caps->subgroup_size = subgroup.subgroupSize;
    caps->subgroup_operations = subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT ? subgroup.supportedOperations : 0;
    caps->push_bytes = limits->maxPushConstantsSize;
    caps->is_cpu = properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    caps->maps_device = caps->is_cpu;
    caps->texel_rgba32f = (single.bufferFeatures & words.bufferFeatures & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT) != 0;
    caps->buffer_address = features->address.bufferDeviceAddress != 0;
    caps->fp16 = features->float16.shaderFloat16 != 0;
    caps->storage16 = features->storage16.storageBuffer16BitAccess != 0;
    caps->storage8 = features->storage8.storageBuffer8BitAccess != 0;
    caps->int64 = features->core.shaderInt64 != 0;
    caps->robust_access = 0; /* never switched on: the shaders keep inside their bindings, and it costs time */
    if (features->cooperative.cooperativeMatrix)
        caps->cooperative = (uint8_t)ctvk_gpu_matrix_query(instance, device);
}

/* Of a host's device only what it was made with is on, whatever the hardware offers. */
static void keep_given(uint32_t given, ctvk_gpu_features *out)
{
    if (!(given & CTVK_GPU_GIVEN_INT16))
        out->core.shaderInt16 = 0;
    if (!(given & CTVK_GPU_GIVEN_INT64))
        out->core.shaderInt64 = 0;
    if (!(given & CTVK_GPU_GIVEN_STORAGE16))
        out->storage16.storageBuffer16BitAccess = 0;
    if (!(given & CTVK_GPU_GIVEN_STORAGE8))
        out->storage8.storageBuffer8BitAccess = 0;
    if (!(given & CTVK_GPU_GIVEN_FP16))
        out->float16.shaderFloat16 = 0;
    if (!(given & CTVK_GPU_GIVEN_INT8))
        out->float16.shaderInt8 = 0;
    if (!(given & CTVK_GPU_GIVEN_BUFFER_ADDRESS))
        out->address.bufferDeviceAddress = 0;
    out->cooperative.cooperativeMatrix = 0; /* a host has no word for it yet */
}

void ctvk_gpu_features_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device, ctvk_gpu_features *out, ctvk_gpu_caps *caps)
{
    memset(out, 0, sizeof *out);
    memset(caps, 0, sizeof *caps);
    instance->vk.GetPhysicalDeviceProperties(device, &out->properties);
    memcpy(out->pipeline_cache_uuid, out->properties.pipelineCacheUUID, VK_UUID_SIZE);
    out->family = compute_family(instance, device);
    uint32_t api = out->api_version = min_u32(out->properties.apiVersion, instance->api_version);
    if (api < VK_API_VERSION_1_1)
        return;

    extension_list list = {.count = sizeof list.items / sizeof list.items[0]};
    if (instance->vk.EnumerateDeviceExtensionProperties(device, NULL, &list.count, list.items) < 0)
        list.count = 0;
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkBaseOutStructure *last = (VkBaseOutStructure *)&features;
#define ASK(field, type)                                 \
    do {                                                 \
        out->field.sType = type;                         \
        last->pNext = (VkBaseOutStructure *)&out->field; \
        last = (VkBaseOutStructure *)&out->field;        \
    } while (0)
    ASK(storage16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
    if (offers(&list, api, VK_KHR_8BIT_STORAGE_EXTENSION_NAME, out))
        ASK(storage8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES_KHR);
    if (offers(&list, api, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME, out))
        ASK(float16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES_KHR);
    if (offers(&list, api, VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME, out))
        ASK(address, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_KHR);
    if (has_extension(&list, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME))
        ASK(executable, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR);
    if (api >= VK_API_VERSION_1_2 && has_extension(&list, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) {
        ASK(memory_model, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
        ASK(cooperative, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
    }
#undef ASK
    instance->vk.GetPhysicalDeviceFeatures2(device, &features);
    out->core.shaderInt64 = features.features.shaderInt64;
    out->core.shaderInt16 = features.features.shaderInt16;
    /* Only what is used is switched on. */
    out->storage16.uniformAndStorageBuffer16BitAccess = out->storage16.storagePushConstant16 = out->storage16.storageInputOutput16 = 0;
    out->storage8.uniformAndStorageBuffer8BitAccess = out->storage8.storagePushConstant8 = 0;
    out->address.bufferDeviceAddressCaptureReplay = out->address.bufferDeviceAddressMultiDevice = 0;
    out->memory_model.vulkanMemoryModelAvailabilityVisibilityChains = 0;
    out->cooperative.cooperativeMatrixRobustBufferAccess = 0;
    /* Where the memory model is on, the atomics of every shader need its scope of the device. */
    if (!out->memory_model.vulkanMemoryModel || !out->memory_model.vulkanMemoryModelDeviceScope || !out->float16.shaderFloat16)
        out->cooperative.cooperativeMatrix = 0;
    if (instance->given.device)
        keep_given(instance->given.features, out);
    query_limits(instance, device, out, caps);
}

void *ctvk_gpu_features_chain(ctvk_gpu_features *f, int statistics)
{
    void *head = NULL;
#define PUT(field, on)             \
    do {                           \
        if (on) {                  \
            f->field.pNext = head; \
            head = &f->field;      \
        }                          \
    } while (0)
    PUT(storage16, f->storage16.storageBuffer16BitAccess);
    PUT(storage8, f->storage8.storageBuffer8BitAccess);
    PUT(float16, f->float16.shaderFloat16 || f->float16.shaderInt8);
    PUT(address, f->address.bufferDeviceAddress);
    PUT(memory_model, f->cooperative.cooperativeMatrix);
    PUT(cooperative, f->cooperative.cooperativeMatrix);
    PUT(executable, statistics && f->executable.pipelineExecutableInfo);
#undef PUT
    return head;
}

static void append(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", word);
}

/* Missing requirements, then missing options; usable follows from the former. */
static void judge(const ctvk_gpu_instance *instance, VkPhysicalDevice device, ctvk_gpu_info *info)
{
    ctvk_gpu_features features;
    ctvk_gpu_caps caps;
    char *lacks = info->lacks;
    size_t size = sizeof info->lacks;
    ctvk_gpu_features_query(instance, device, &features, &caps);
    ctvk_gpu_caps_mask(instance->mask, &features, &caps);
    if (features.api_version < VK_API_VERSION_1_1) {
        append(lacks, size, "Vulkan 1.1");
        return;
    }
    info->memory_bytes = caps.heap_bytes;
    if (features.family == UINT32_MAX)
        append(lacks, size, "a compute queue");
    if (caps.max_storage_range < CTVK_GPU_MIN_STORAGE_RANGE)
        append(lacks, size, "storage bindings of 128 MiB");
    if (caps.max_invocations < CTVK_GPU_MIN_INVOCATIONS)
        append(lacks, size, "workgroups of 256");
    if (caps.max_shared_bytes < CTVK_GPU_MIN_SHARED)
        append(lacks, size, "32 KiB of shared memory");
    if (caps.max_uniform_range < CTVK_GPU_MIN_UNIFORM_RANGE || caps.max_groups < CTVK_GPU_MIN_GROUPS ||
        caps.max_storage_buffers < CTVK_GPU_MIN_STORAGE_BUFFERS || caps.push_bytes < CTVK_GPU_MIN_PUSH ||
        caps.storage_alignment > CTVK_GPU_MAX_ALIGNMENT)
        append(lacks, size, "the limits of Vulkan 1.1");
    info->usable = lacks[0] == 0;
    if (!caps.buffer_address)
        append(lacks, size, "buffer addresses (optional)");
    if (!caps.texel_rgba32f)
        append(lacks, size, "RGBA32F texel buffers (optional)");
    if (!caps.fp16)
        append(lacks, size, "fp16 (optional)");
    if (!caps.storage16)
        append(lacks, size, "16-bit storage (optional)");
    if (!caps.storage8)
        append(lacks, size, "8-bit storage (optional)");
    if (!caps.int64)
        append(lacks, size, "int64 (optional)");
    if (!caps.cooperative)
        append(lacks, size, "cooperative matrices (optional)");
}

static void name_vendor(uint32_t id, char *text, size_t size)
{
    static const struct {
        uint32_t id;
        const char *name;
    } known[] = {{0x1002, "AMD"},         {0x1010, "Imagination"}, {0x10DE, "NVIDIA"},           {0x13B5, "Arm"},
                 {0x14E4, "Broadcom"},    {0x1AE0, "Google"},      {0x5143, "Qualcomm"},         {0x8086, "Intel"},
                 {0x106B, "Apple"},       {0x1AF4, "virtio"},      {0x10005, "Mesa (software)"}, {0x10001, "Vivante"},
                 {0x10002, "VeriSilicon"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].id == id) {
            snprintf(text, size, "%s", known[i].name);
            return;
        }
    }
    snprintf(text, size, "0x%04x", id);
}

static uint32_t type_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return CTVK_GPU_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return CTVK_GPU_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return CTVK_GPU_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return CTVK_GPU_CPU;
    default:
        return CTVK_GPU_OTHER;
    }
}

void ctvk_gpu_info_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device, uint32_t index, ctvk_gpu_info *info)
{
    VkPhysicalDeviceProperties p;
    instance->vk.GetPhysicalDeviceProperties(device, &p);
    memset(info, 0, sizeof *info);
    info->index = index;
    info->type = type_of(p.deviceType);
    info->vendor_id = p.vendorID;
    info->device_id = p.deviceID;
    info->driver_version = p.driverVersion;
    info->api_version = p.apiVersion;
    info->memory_bytes = largest_heap(instance, device);
    snprintf(info->name, sizeof info->name, "%s", p.deviceName);
    name_vendor(p.vendorID, info->vendor, sizeof info->vendor);
    snprintf(info->driver, sizeof info->driver, "version 0x%08x", p.driverVersion);
    uint32_t api = min_u32(p.apiVersion, instance->api_version);
    if (api >= VK_API_VERSION_1_1) {
        VkPhysicalDeviceDriverPropertiesKHR driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES_KHR};
        VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
                                           .pNext = api >= VK_API_VERSION_1_2 ? &driver : NULL};
        VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
        instance->vk.GetPhysicalDeviceProperties2(device, &properties);
        const uint8_t *u = id.deviceUUID;
        snprintf(info->uuid, sizeof info->uuid, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
                 u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
        if (driver.driverName[0])
            snprintf(info->driver, sizeof info->driver, "%.120s%s%.120s", driver.driverName, driver.driverInfo[0] ? " " : "",
                     driver.driverInfo);
    }
    judge(instance, device, info);
}
