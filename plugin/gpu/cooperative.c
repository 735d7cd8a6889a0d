/* gpu/cooperative.c - which cooperative matrices a device has, and the last step of a module that uses them. */
#include "gpu/internal.h"

#include <string.h>

/* In the order of CTVK_GPU_MATRIX_*. */
static const uint32_t shapes[][3] = {{0, 0, 0}, {16, 16, 16}, {8, 16, 16}, {8, 8, 8}};

uint32_t ctvk_gpu_matrix_of(uint32_t rows, uint32_t columns, uint32_t depth)
{
    for (uint32_t i = 1; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i][0] == rows && shapes[i][1] == columns && shapes[i][2] == depth)
            return i;
    return CTVK_GPU_MATRIX_NONE;
}

static int fits(const VkCooperativeMatrixPropertiesKHR *p)
{
    return p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR && !p->saturatingAccumulation &&
           p->scope == VK_SCOPE_SUBGROUP_KHR;
}

uint32_t ctvk_gpu_matrix_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device)
{
    enum { MOST = 256 };
    VkCooperativeMatrixPropertiesKHR all[MOST];
    uint32_t count = MOST, best = CTVK_GPU_MATRIX_NONE;
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)vkGetInstanceProcAddr(instance->instance,
                                                                                     "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    memset(all, 0, sizeof all);
    for (uint32_t i = 0; i < MOST; i++)
        all[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    if (!get || get(device, &count, all) < 0)
        return best;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t shape = fits(&all[i]) ? ctvk_gpu_matrix_of(all[i].MSize, all[i].NSize, all[i].KSize) : CTVK_GPU_MATRIX_NONE;
        if (shape && (!best || shape < best))
            best = shape;
    }
    return best;
}

enum { HEADER_WORDS = 5, OP_TYPE_FLOAT = 22 };

/* The id of the float of this width that was declared before word `end`; 0: none was. */
static uint32_t float_of(const uint32_t *words, uint32_t end, uint32_t width)
{
    for (uint32_t at = HEADER_WORDS; at < end; at += words[at] >> 16)
        if ((words[at] & 0xFFFF) == OP_TYPE_FLOAT && words[at + 2] == width)
            return words[at + 1];
    return 0;
}

int ctvk_gpu_matrix_complete(uint32_t *words, uint32_t count)
{
    for (uint32_t at = HEADER_WORDS; at < count && words[at] >> 16; at += words[at] >> 16) {
        if ((words[at] & 0xFFFF) != CTVK_GPU_OP_TYPE_COOPERATIVE_MATRIX)
            continue;
        uint32_t type = float_of(words, at, words[at + 2]);
        if (!type)
            return 0;
        words[at + 2] = type;
    }
    return 1;
}
