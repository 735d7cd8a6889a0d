#include "api/api.h"

#include <string.h>

static ctvk_status context_create(const ctvk_context_desc *desc, ctvk_context **out)
{
    ctvk_context_desc d = CTVK_CONTEXT_DESC_INIT;
    if (!out)
        return CTVK_ERROR_ARGUMENT;
    *out = NULL;
    if (ctvk_take_struct(&d, sizeof d, desc, CTVK_UP_TO(ctvk_context_desc, cache_folder), "context description", NULL) != CTVK_OK ||
        !d.alloc != !d.free || d.self_test < CTVK_SELF_TEST_AUTO || d.self_test > CTVK_SELF_TEST_SKIP)
        return CTVK_ERROR_ARGUMENT;
    ctvk_host host = {.log = d.log, .log_user = d.log_user, .alloc = d.alloc, .free = d.free, .alloc_user = d.alloc_user};
    ctvk_context *context = ctvk_calloc(&host, 1, sizeof *context);
    if (!context)
        return CTVK_ERROR_HOST_MEMORY;
    context->host = host;
    context->validation = d.validation;
    context->self_test = d.self_test;
    ctvk_status status =
        ctvk_copy_text(&host, d.cache_folder.data, d.cache_folder.length, CTVK_MAX_PATH, "cache folder", &context->cache_folder, NULL);
    if (status == CTVK_OK)
        status = ctvk_copy_text(&host, d.device_mask.data, d.device_mask.length, CTVK_MAX_PATH, "device mask", &context->device_mask, NULL);
    if (status == CTVK_OK && pthread_mutex_init(&context->lock, NULL) != 0)
        status = CTVK_ERROR_HOST_MEMORY;
    if (status != CTVK_OK) {
        ctvk_free(&host, context->cache_folder);
        ctvk_free(&host, context->device_mask);
        ctvk_free(&host, context);
        return status;
    }
    *out = context;
    return CTVK_OK;
}

static void context_destroy(ctvk_context *context)
{
    if (!context)
        return;
    ctvk_host host = context->host;
    ctvk_gpu_instance_destroy(&context->instance);
    pthread_mutex_destroy(&context->lock);
    ctvk_free(&host, context->cache_folder);
    ctvk_free(&host, context->device_mask);
    ctvk_free(&host, context);
}

static ctvk_status context_last_error(const ctvk_context *context, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "context: none was given (create one)"};
    return ctvk_give_error(context ? &context->error : &none, message);
}

/* Loads Vulkan where that has not happened. [any thread] */
static ctvk_status load_instance(ctvk_context *context, ctvk_error *error)
{
    uint32_t mask;
    ctvk_status status = ctvk_gpu_mask_parse(context->device_mask, &mask, error);
    if (status != CTVK_OK)
        return status;
    pthread_mutex_lock(&context->lock);
    if (!context->instance) {
        status = ctvk_gpu_instance_create(&context->host, context->validation, &context->instance, error);
        if (status == CTVK_OK)
            ctvk_gpu_instance_mask(context->instance, mask);
    }
    pthread_mutex_unlock(&context->lock);
    return status;
}

ctvk_status ctvk_context_open_device(ctvk_context *context, uint32_t index, uint64_t memory_limit, ctvk_gpu **out, ctvk_error *error)
{
    ctvk_gpu_options options = {.memory_limit = memory_limit, .validation = context->validation};
    ctvk_status status = load_instance(context, error);
    *out = NULL;
    if (status != CTVK_OK)
        return status;
    if (context->cache_folder[0])
        options.cache_folder = context->cache_folder;
    pthread_mutex_lock(&context->lock);
    status = ctvk_gpu_create(context->instance, index, &options, out, error);
    pthread_mutex_unlock(&context->lock);
    return status;
}

static ctvk_status select_device(ctvk_context *context, const char *selector, uint32_t *index, ctvk_error *error)
{
    ctvk_status status = load_instance(context, error);
    return status == CTVK_OK ? ctvk_gpu_select(context->instance, selector, index, error) : status;
}

ctvk_status ctvk_context_open_selected(ctvk_context *context, const char *selector, uint64_t memory_limit, ctvk_gpu **out,
                                       ctvk_error *error)
{
    uint32_t index;
    ctvk_status status = select_device(context, selector, &index, error);
    *out = NULL;
    return status == CTVK_OK ? ctvk_context_open_device(context, index, memory_limit, out, error) : status;
}

void ctvk_context_close_device(ctvk_context *context, ctvk_gpu **gpu)
{
    pthread_mutex_lock(&context->lock);
    ctvk_gpu_destroy(gpu);
    pthread_mutex_unlock(&context->lock);
}

static ctvk_status context_device_count(ctvk_context *context, uint32_t *out)
{
    if (out)
        *out = 0;
    if (!context || !out)
        return context ? ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "device count: no place for it (pass a pointer)")
                       : CTVK_ERROR_ARGUMENT;
    ctvk_status status = load_instance(context, &context->error);
    if (status == CTVK_OK)
        *out = ctvk_gpu_device_count(context->instance);
    return status;
}

static ctvk_status context_device_info(ctvk_context *context, uint32_t index, ctvk_device_info *out)
{
    uint32_t count;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    ctvk_status status = context_device_count(context, &count);
    if (status != CTVK_OK)
        return status;
    if (index >= count)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "device %u: there are %u (ask device_count)", index, count);
    const ctvk_gpu_info *gpu = ctvk_gpu_device_info(context->instance, index);
    ctvk_device_info info = {
        .struct_size = sizeof info,
        .index = index,
        .type = (ctvk_device_type)gpu->type,
        .usable = gpu->usable,
        .vendor_id = gpu->vendor_id,
        .device_id = gpu->device_id,
        .driver_version = gpu->driver_version,
        .api_version = gpu->api_version,
        .memory_bytes = gpu->memory_bytes,
        .name = ctvk_view(gpu->name),
        .vendor = ctvk_view(gpu->vendor),
        .driver = ctvk_view(gpu->driver),
        .uuid = ctvk_view(gpu->uuid),
        .lacks = ctvk_view(gpu->lacks),
    };
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_device_info, lacks), "device info", &context->error);
}

static ctvk_status context_device_select(ctvk_context *context, const char *selector, uint64_t length, uint32_t *index)
{
    char *text;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!index)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "device: no place for its index (pass a pointer)");
    *index = 0;
    ctvk_status status = ctvk_copy_text(&context->host, selector, length, CTVK_MAX_PATH, "device selector", &text, &context->error);
    if (status == CTVK_OK)
        status = select_device(context, text, index, &context->error);
    ctvk_free(&context->host, text);
    return status;
}

const ctvk_context_api ctvk_context_table = {
    .struct_size = sizeof(ctvk_context_api),
    .version = CTVK_VERSION_MAJOR * 65536 + CTVK_VERSION_MINOR * 256 + CTVK_VERSION_PATCH,
    .create = context_create,
    .destroy = context_destroy,
    .status_name = ctvk_status_text,
    .last_error = context_last_error,
    .device_count = context_device_count,
    .device_info = context_device_info,
    .device_select = context_device_select,
};
