/* Wrong Vulkan on purpose, so that the validation run can show that it sees: misuse core | sync | none.
 *   core: a buffer of no bytes.  sync: two writes of one buffer without a barrier between them.  none: the same two with a barrier. */
#include <stdio.h>
#include <string.h>
#include <vulkan/vulkan.h>

static VkInstance instance;
static VkPhysicalDevice physical;
static VkDevice device;

static int open_device(void)
{
    uint32_t one = 1;
    const float priority = 1;
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority}; /* family 0 on both drivers */
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
    return vkCreateInstance(&create, NULL, &instance) == VK_SUCCESS && vkEnumeratePhysicalDevices(instance, &one, &physical) >= 0 && one &&
           vkCreateDevice(physical, &info, NULL, &device) == VK_SUCCESS;
}

static int make_buffer(VkDeviceSize bytes, VkBuffer *buffer, VkDeviceMemory *memory)
{
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = bytes, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    if (vkCreateBuffer(device, &info, NULL, buffer) != VK_SUCCESS)
        return 0;
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device, *buffer, &needs);
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size};
    while (allocate.memoryTypeIndex < 32 && !(needs.memoryTypeBits >> allocate.memoryTypeIndex & 1))
        allocate.memoryTypeIndex++;
    return vkAllocateMemory(device, &allocate, NULL, memory) == VK_SUCCESS && vkBindBufferMemory(device, *buffer, *memory, 0) == VK_SUCCESS;
}

static int write_twice(VkBuffer buffer, int with_barrier)
{
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkQueue queue;
    VkCommandPoolCreateInfo create = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    if (vkCreateCommandPool(device, &create, NULL, &pool) != VK_SUCCESS)
        return 0;
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool, .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                               .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT};
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    int good = vkAllocateCommandBuffers(device, &allocate, &commands) == VK_SUCCESS && vkBeginCommandBuffer(commands, &begin) == VK_SUCCESS;
    if (good) {
        vkCmdFillBuffer(commands, buffer, 0, VK_WHOLE_SIZE, 1);
        if (with_barrier)
            vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, NULL, 0,
                                 NULL);
        vkCmdFillBuffer(commands, buffer, 0, VK_WHOLE_SIZE, 2);
        vkGetDeviceQueue(device, 0, 0, &queue);
        good = vkEndCommandBuffer(commands) == VK_SUCCESS && vkQueueSubmit(queue, 1, &submit, VK_NULL_HANDLE) == VK_SUCCESS &&
               vkQueueWaitIdle(queue) == VK_SUCCESS;
    }
    vkDestroyCommandPool(device, pool, NULL);
    return good;
}

int main(int argc, char **argv)
{
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    const char *kind = argc > 1 ? argv[1] : "none";
    int good = open_device();
    if (good && strcmp(kind, "core") == 0) {
        VkBufferCreateInfo empty = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
        if (vkCreateBuffer(device, &empty, NULL, &buffer) != VK_SUCCESS)
            buffer = VK_NULL_HANDLE; /* the driver may refuse it as well */
    } else if (good) {
        good = make_buffer(4096, &buffer, &memory) && write_twice(buffer, strcmp(kind, "sync") != 0);
    }
    if (device) {
        vkDestroyBuffer(device, buffer, NULL);
        vkFreeMemory(device, memory, NULL);
        vkDestroyDevice(device, NULL);
    }
    if (instance)
        vkDestroyInstance(instance, NULL);
    if (!good)
        fprintf(stderr, "misuse: no device, or a call failed\n");
    return good ? 0 : 1;
}
