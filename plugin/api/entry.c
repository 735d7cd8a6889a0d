#include "api/evaluation.h"
#include "api/self_test.h"
#include "api/text.h"

#include <string.h>

const void *ctvk_interface(const char *name, uint32_t version)
{
    static const struct {
        const char *name;
        uint32_t version;
        const void *table;
    } interfaces[] = {
        {CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION, &ctvk_context_table},
        {CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION, &ctvk_image_table},
        {CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION, &ctvk_bundle_table},
        {CTVK_JOB_NAME, CTVK_JOB_VERSION, &ctvk_job_table},
        {CTVK_RESULT_NAME, CTVK_RESULT_VERSION, &ctvk_result_table},
        {CTVK_TEXT_NAME, CTVK_TEXT_VERSION, &ctvk_text_table},
        {CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION, &ctvk_evaluation_table},
        {CTVK_PLUGIN_NAME, CTVK_PLUGIN_VERSION, &ctvk_plugin_table},
        {CTVK_SELFTEST_NAME, CTVK_SELFTEST_VERSION, &ctvk_selftest_table},
        {CTVK_VULKAN_NAME, CTVK_VULKAN_VERSION, &ctvk_vulkan_table},
        {CTVK_TRACE_NAME, CTVK_TRACE_VERSION, &ctvk_trace_table},
        {CTVK_TUNE_NAME, CTVK_TUNE_VERSION, &ctvk_tune_table},
    };
    for (size_t i = 0; name && i < sizeof interfaces / sizeof *interfaces; i++)
        if (version == interfaces[i].version && strcmp(name, interfaces[i].name) == 0)
            return interfaces[i].table;
    return NULL;
}
