/* What a context's devices are used without. */
#include "abi/host.h"

static abi_host host;

/* A host of the first release, whose description ends with cache_folder: what lies behind it is not read. */
static void check_older_host(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
    ctvk_context *context = NULL;
    memset(&desc.device_mask, 0xa5, sizeof desc.device_mask);
    desc.struct_size = 64;
    CHECK(host.contexts->create(&desc, &context) == CTVK_OK && context);
    CHECK(host.contexts->device_info(context, 0, &info) == CTVK_OK && info.usable && !strstr(info.lacks.data, "buffer addresses"));
    host.contexts->destroy(context);
}

/* The mask is read with the first call that needs a device, which then tells what is left. */
static void check_device_mask(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
    ctvk_context *context = NULL;
    ctvk_text message;
    uint32_t count = 1;
    desc.device_mask = (ctvk_text){"address, warps", CTVK_STRLEN};
    CHECK(host.contexts->create(&desc, &context) == CTVK_OK && context);
    CHECK(host.contexts->device_count(context, &count) == CTVK_ERROR_ARGUMENT && count == 0);
    CHECK(host.contexts->last_error(context, &message) == CTVK_ERROR_ARGUMENT && strstr(message.data, "\"warps\"") &&
          strstr(message.data, "subgroup"));
    host.contexts->destroy(context);
    desc.device_mask.length = 7;
    CHECK(host.contexts->create(&desc, &context) == CTVK_OK && context);
    CHECK(host.contexts->device_info(context, 0, &info) == CTVK_OK && info.usable && strstr(info.lacks.data, "buffer addresses"));
    host.contexts->destroy(context);
}

int main(void)
{
    abi_tables(&host);
    check_older_host();
    check_device_mask();
    return check_done("mask");
}
