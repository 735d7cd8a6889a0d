#include "api/api.h"

#include <stdio.h>
#include <string.h>

#define MIB 1048576.0

/* A plan that no allocations of the device hold, although it has the memory: with 16 bits a number the largest tensors share one, float32
 * takes more memory in smaller ones. Tells that where it would fit; else `error` stays as it is. */
static ctvk_status suggest_f32(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t available, ctvk_error *error)
{
    ctvk_llmseg_desc wide = *desc;
    ctvk_llmseg_memory plan;
    wide.half = 0;
    if (!desc->half || ctvk_llmseg_plan(gpu, &wide, &plan, NULL) != CTVK_OK || plan.total > available)
        return CTVK_ERROR_DEVICE_MEMORY;
    return ctvk_fail(
        error, CTVK_ERROR_DEVICE_MEMORY,
        "device memory: with --precision f16 a window of %d x %d x %d needs more in one piece than the %.1f MiB that the device "
        "allocates at once (--precision f32 would fit with %.1f MiB, in smaller pieces)",
        desc->window[0], desc->window[1], desc->window[2], (double)ctvk_gpu_get_caps(gpu)->max_allocation / MIB, (double)plan.total / MIB);
}

ctvk_status ctvk_plan_memory(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t limit, ctvk_memory_info *out, ctvk_error *error)
{
    ctvk_llmseg_memory plan;
    uint64_t heap = ctvk_gpu_get_caps(gpu)->heap_bytes, available = limit && limit < heap ? limit : heap;
    ctvk_status status = ctvk_llmseg_plan(gpu, desc, &plan, error);
    if (status != CTVK_OK)
        return status == CTVK_ERROR_DEVICE_MEMORY ? suggest_f32(gpu, desc, available, error) : status;
    *out = (ctvk_memory_info){sizeof *out, plan.total <= available, plan.weights, plan.activations, plan.staging, plan.total, available};
    return CTVK_OK;
}

/* The largest window that fits, taken smaller by 32 voxels along its longest axis each time. 0: none does. */
static int32_t find_window(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t available, int32_t window[3])
{
    ctvk_llmseg_desc smaller = *desc;
    for (;;) {
        int32_t *longest = &smaller.window[0];
        for (int i = 1; i < 3; i++)
            if (smaller.window[i] > *longest)
                longest = &smaller.window[i];
        if (*longest <= 32)
            return 0;
        *longest -= 32;
        ctvk_llmseg_memory plan;
        if (ctvk_llmseg_plan(gpu, &smaller, &plan, NULL) == CTVK_OK && plan.total <= available) {
            memcpy(window, smaller.window, sizeof smaller.window);
            return 1;
        }
    }
}

ctvk_status ctvk_require_memory(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t limit, const ctvk_memory_info *plan,
                                ctvk_error *error)
{
    if (plan->fits)
        return CTVK_OK;
    int32_t window[3];
    char fits[160] = "no window of this network would fit";
    ctvk_llmseg_desc half = *desc;
    ctvk_llmseg_memory smaller;
    half.half = 1;
    if (!desc->half && ctvk_llmseg_plan(gpu, &half, &smaller, NULL) == CTVK_OK && smaller.total <= plan->available_bytes)
        snprintf(fits, sizeof fits, "--precision f16 would fit with %.1f MiB", (double)smaller.total / MIB);
    else if (find_window(gpu, desc, plan->available_bytes, window))
        snprintf(fits, sizeof fits, "a bundle with a window of %d x %d x %d would fit", window[0], window[1], window[2]);
    int limited = limit && limit <= plan->available_bytes;
    return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY, "device memory: a window of %d x %d x %d needs %.1f MiB, %s %.1f MiB (%s; %s)",
                     desc->window[0], desc->window[1], desc->window[2], (double)plan->planned_bytes / MIB,
                     limited ? "the limit is" : "the device has", (double)plan->available_bytes / MIB,
                     limited ? "raise --memory-limit" : "take a device with more memory", fits);
}

/* Bytes that Linux says can be had without swapping; UINT64_MAX where it does not say. */
static uint64_t available_host_memory(void)
{
    char line[128];
    unsigned long long kib;
    uint64_t bytes = UINT64_MAX;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            bytes = (uint64_t)kib * 1024;
    if (file)
        fclose(file);
    return bytes;
}

uint64_t ctvk_spare_host_memory(const ctvk_host *host)
{
    return host->alloc ? UINT64_MAX : available_host_memory();
}

ctvk_status ctvk_require_host_memory(const ctvk_host *host, uint64_t need, const char *what, const char *remedy, ctvk_error *error)
{
    uint64_t available = ctvk_spare_host_memory(host);
    if (need <= available)
        return CTVK_OK;
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "host memory: %s needs %.1f MiB more, %.1f MiB are left (close other programs, or %s)",
                     what, (double)need / MIB, (double)available / MIB, remedy);
}
