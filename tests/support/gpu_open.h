/* support/gpu_open.h - a device of the GPU room under the validation layer, for the room's own tests.
 *
 * The layer must be there: without it these tests prove little, so its absence fails them.
 */
#ifndef CTVK_TESTS_GPU_OPEN_H
#define CTVK_TESTS_GPU_OPEN_H

#include <dlfcn.h>

#include "gpu/internal.h"
#include "support/check.h"

static ctvk_gpu_instance *opened_instance;

/* Read by the sanitizers: what the layer and the drivers do among themselves is not ours. */
#define SEEN_BY_SANITIZERS __attribute__((visibility("default")))
SEEN_BY_SANITIZERS const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libVkLayer_khronos_validation.so\nleak:libvulkan_lvp.so\nleak:libvk_swiftshader.so\nleak:libLLVM\n";
}
SEEN_BY_SANITIZERS const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libVkLayer_khronos_validation.so\nrace:libvk_swiftshader.so\nrace:libvulkan_lvp.so\nrace:libLLVM\n";
}

static inline void print_log(void *user, ctvk_log_level level, const char *message)
{
    (void)user;
    if (level <= CTVK_LOG_WARNING)
        fprintf(stderr, "log: %s\n", message);
}

static inline ctvk_gpu_instance *open_instance(void)
{
    static const ctvk_host host = {.log = print_log};
    ctvk_error error = {0};
    if (!opened_instance) {
        ctvk_status status = ctvk_gpu_instance_create(&host, 1, &opened_instance, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        if (status != CTVK_OK)
            exit(check_done("no Vulkan instance"));
        CHECK_MSG(opened_instance->messenger != NULL, "the validation layer is missing (install vulkan-validationlayers)");
        /* Kept in memory for good, so that the sanitizers know whose addresses these are. */
        static const char *const foreign[] = {"libVkLayer_khronos_validation.so", "libvulkan_lvp.so", "libvk_swiftshader.so"};
        for (int i = 0; i < 3; i++)
            (void)dlopen(foreign[i], RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
    return opened_instance;
}

static inline ctvk_gpu *open_gpu_with(const ctvk_gpu_options *options)
{
    ctvk_error error = {0};
    ctvk_gpu *gpu = NULL;
    uint32_t index = 0;
    ctvk_gpu_instance *instance = open_instance();
    ctvk_status status = ctvk_gpu_select(instance, NULL, &index, &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_create(instance, index, options, &gpu, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status != CTVK_OK)
        exit(check_done("no device"));
    return gpu;
}

static inline ctvk_gpu *open_gpu(uint32_t disable)
{
    ctvk_gpu_options options = {.disable = disable, .validation = 1};
    return open_gpu_with(&options);
}

/* Ends a test file: nothing may have been reported by the layer, and no op may have forgotten to name itself where it records. */
static inline int gpu_done(const char *name)
{
    if (opened_instance) {
        CHECK_MSG(atomic_load(&opened_instance->validation_errors) == 0, "%u messages of the validation layer",
                  atomic_load(&opened_instance->validation_errors));
        CHECK_MSG(atomic_load(&opened_instance->misnamed) == 0, "%u dispatches without ctvk_gpu_cmd_operation of their own",
                  atomic_load(&opened_instance->misnamed));
    }
    ctvk_gpu_instance_destroy(&opened_instance);
    return check_done(name);
}

#endif
