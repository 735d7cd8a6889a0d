#include "api/api.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define VERSION TEXT(CTVK_VERSION_MAJOR) "." TEXT(CTVK_VERSION_MINOR) "." TEXT(CTVK_VERSION_PATCH)
/* name: of the macros; header: below the include folder */
#define INTERFACE(name, header) \
    "    {\"name\": \"" CTVK_##name##_NAME "\", \"version\": " TEXT(CTVK_##name##_VERSION) ", \"header\": \"ctvk/" header "\"}"

/* One literal: it needs no memory, no context, and has no place where it could go stale. */
/* clang-format off */
static const char manifest[] =
    "{\n"
    "  \"schema\": \"ctvk-plugin/1\",\n"
    "  \"name\": \"ctvk\",\n"
    "  \"version\": \"" VERSION "\",\n"
    "  \"description\": \"Radiotherapy target volumes from CT and text, on Vulkan\",\n"
    "  \"intended_use\": \"research; no medical device, not for clinical use without a physician's check\",\n"
    "  \"license\": \"Apache-2.0\",\n"
    "  \"library\": \"libctvk.so.1\",\n"
    "  \"entry\": \"ctvk_interface\",\n"
    "  \"interfaces\": [\n"
    INTERFACE(CONTEXT, "context.h") ",\n"
    INTERFACE(BUNDLE, "bundle.h") ",\n"
    INTERFACE(IMAGE, "image.h") ",\n"
    INTERFACE(JOB, "job.h") ",\n"
    INTERFACE(RESULT, "result.h") ",\n"
    INTERFACE(TEXT, "text.h") ",\n"
    INTERFACE(EVALUATION, "evaluation.h") ",\n"
    INTERFACE(SELFTEST, "selftest.h") ",\n"
    INTERFACE(PLUGIN, "plugin.h") ",\n"
    INTERFACE(VULKAN, "vulkan.h") ",\n"
    INTERFACE(TRACE, "draft/trace.h") ",\n"
    INTERFACE(TUNE, "draft/tune.h") "\n"
    "  ],\n"
    "  \"capabilities\": {\n"
    "    \"task\": \"segmentation\",\n"
    "    \"modality\": [\"CT\"],\n"
    "    \"prompt\": [\"none\", \"cached\", \"embedding\", \"text\"],\n"
    "    \"device\": [\"vulkan-1.1\"],\n"
    "    \"precision\": [\"f32\", \"f16\"],\n"
    "    \"text_model\": [\"llama-gguf\"],\n"
    "    \"bundle_schema\": [\"ctvk-bundle/1\"],\n"
    "    \"volume_scalar\": [\"uint8\", \"int16\", \"uint16\", \"float32\", \"int8\", \"int32\", \"uint32\", \"float64\", \"int64\", \"uint64\"],\n"
    "    \"volume_convention\": [\"RAS\", \"LPS\"],\n"
    "    \"file_format\": [\"nifti-1\"],\n"
    "    \"result\": [\"labels\", \"probability\", \"logits\", \"report\"]\n"
    "  }\n"
    "}\n";
/* clang-format on */

static ctvk_status plugin_manifest(ctvk_text *out)
{
    if (!out)
        return CTVK_ERROR_ARGUMENT;
    *out = (ctvk_text){manifest, sizeof manifest - 1};
    return CTVK_OK;
}

const ctvk_plugin_api ctvk_plugin_table = {
    .struct_size = sizeof(ctvk_plugin_api),
    .manifest = plugin_manifest,
};
