/* gpu/cache.c - first version: a cache in memory only. */
#include "gpu/internal.h"

void ctvk_gpu_cache_open(ctvk_gpu *gpu, const char *folder)
{
    (void)folder;
    VkPipelineCacheCreateInfo create = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    if (vkCreatePipelineCache(gpu->device, &create, NULL, &gpu->cache) < 0)
        gpu->cache = VK_NULL_HANDLE;
}

void ctvk_gpu_cache_close(ctvk_gpu *gpu)
{
    vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
    gpu->cache = VK_NULL_HANDLE;
}
