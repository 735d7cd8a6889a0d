#include "api/bundle.h"

#include "nets/soft_prompt.h"

#include <string.h>

static void fill_desc(const ctvk_manifest *m, ctvk_llmseg_desc *desc)
{
    *desc = (ctvk_llmseg_desc){.in_channels = m->in_channels,
                               .out_channels = m->out_channels,
                               .feature_size = m->feature_size,
                               .has_text = m->has_text,
                               .text_dim = m->text_dim,
                               .prompts = m->prompts,
                               .window = {m->window[0], m->window[1], m->window[2]}};
}

static void bundle_destroy(ctvk_bundle *bundle)
{
    if (!bundle)
        return;
    const ctvk_host *host = &bundle->context->host;
    ctvk_bundle_forget_prompts(bundle);
    pthread_mutex_destroy(&bundle->lock);
    ctvk_bundle_close(&bundle->files);
    ctvk_free(host, bundle->embedding);
    ctvk_free(host, bundle->prompt);
    ctvk_free(host, bundle->folder);
    ctvk_free(host, bundle);
}

/* The text encoder's two learned tensors are used, though not by the network. */
static ctvk_status check_soft_prompt(ctvk_bundle *bundle, ctvk_error *error)
{
    const ctvk_manifest *m = &bundle->files->manifest;
    ctvk_soft_prompt soft;
    ctvk_status status =
        ctvk_soft_prompt_find(bundle->files->weights, m->soft_prompt, m->segment_token, m->prompts, m->text_dim, &soft, error);
    if (status == CTVK_OK)
        bundle->files->unused_tensors -= 2;
    return status;
}

static ctvk_status bundle_open_with_progress(ctvk_context *context, const char *folder, uint64_t length, ctvk_progress_fn progress,
                                             void *user, ctvk_bundle **out)
{
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    ctvk_error *error = &context->error;
    if (!out)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "bundle: no place for it (pass a pointer)");
    *out = NULL;
    ctvk_bundle *bundle = ctvk_calloc(&context->host, 1, sizeof *bundle);
    if (!bundle)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "bundle: no host memory (close other programs)");
    bundle->context = context;
    if (pthread_mutex_init(&bundle->lock, NULL) != 0) {
        ctvk_free(&context->host, bundle);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "bundle: the system has no lock left (close other programs)");
    }
    ctvk_status status = ctvk_copy_path(&context->host, folder, length, "bundle", &bundle->folder, error);
    if (status == CTVK_OK)
        status = ctvk_bundle_open(&context->host, bundle->folder, progress, user, &bundle->files, error);
    if (status == CTVK_OK) {
        fill_desc(&bundle->files->manifest, &bundle->desc);
        status = ctvk_llmseg_check(&bundle->desc, bundle->files->weights, &bundle->files->unused_tensors, error);
        if (status == CTVK_OK && bundle->files->manifest.has_encoder)
            status = check_soft_prompt(bundle, error);
    }
    if (status != CTVK_OK) {
        bundle_destroy(bundle);
        return status;
    }
    for (uint64_t i = 0; i < ctvk_safetensors_count(bundle->files->weights); i++)
        bundle->weight_bytes += ctvk_safetensors_at(bundle->files->weights, i)->bytes;
    *out = bundle;
    return CTVK_OK;
}

static ctvk_status bundle_open(ctvk_context *context, const char *folder, uint64_t length, ctvk_bundle **out)
{
    return bundle_open_with_progress(context, folder, length, NULL, NULL, out);
}

static ctvk_status bundle_last_error(const ctvk_bundle *bundle, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "bundle: none was given (open one)"};
    return ctvk_give_error(bundle ? &bundle->error : &none, message);
}

static ctvk_status bundle_info(ctvk_bundle *bundle, ctvk_bundle_info *out)
{
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_manifest *m = &bundle->files->manifest;
    ctvk_bundle_info info = {
        .struct_size = sizeof info,
        .has_text = m->has_text,
        .name = ctvk_view(m->name),
        .version = ctvk_view(m->version),
        .intended_use = ctvk_view(m->intended_use),
        .license = ctvk_view(m->license),
        .citation = ctvk_view(m->citation),
        .architecture = ctvk_view("llmseg"),
        .sha256 = ctvk_view(bundle->files->sha256),
        .in_channels = m->in_channels,
        .out_channels = m->out_channels,
        .feature_size = m->feature_size,
        .text_dim = m->has_text ? m->text_dim : 0,
        .text_prompts = m->has_text ? m->prompts : 0,
        .has_encoder = m->has_encoder,
        .encoder_file = ctvk_view(m->encoder_file),
        .text_template = ctvk_view(m->text_template),
        .label_count = (uint32_t)m->label_count,
        .field_count = (uint32_t)m->field_count,
        .cached_prompt_count = bundle->files->cache ? (uint32_t)ctvk_safetensors_count(bundle->files->cache) : 0,
        .warning_count = (uint32_t)m->warning_count,
        .orientation = ctvk_view(m->orientation),
        .has_spacing = m->has_spacing,
        .gaussian = m->gaussian,
        .rotate90 = m->rotate90,
        .overlap = m->overlap,
        .sigma_scale = m->sigma_scale,
        .weight_tensors = ctvk_safetensors_count(bundle->files->weights),
        .unused_tensors = bundle->files->unused_tensors,
        .weight_bytes = bundle->weight_bytes,
    };
    memcpy(info.spacing_mm, m->spacing_mm, sizeof info.spacing_mm);
    memcpy(info.window_hu, m->window_hu, sizeof info.window_hu);
    memcpy(info.window, m->window, sizeof info.window);
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_bundle_info, weight_bytes), "bundle info", &bundle->error);
}

/* Shared by everything that is asked for by number. */
static ctvk_status check_index(ctvk_bundle *bundle, uint32_t index, uint64_t count, const void *out, const char *what)
{
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "%s: no place for it (pass a pointer)", what);
    if (index >= count)
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "%s %u: there are %llu (ask info)", what, index, (unsigned long long)count);
    return CTVK_OK;
}

static ctvk_status bundle_label(ctvk_bundle *bundle, uint32_t index, ctvk_label_info *out)
{
    ctvk_status status = check_index(bundle, index, bundle ? (uint64_t)bundle->files->manifest.label_count : 0, out, "label");
    if (status != CTVK_OK)
        return status;
    const ctvk_label_def *label = &bundle->files->manifest.labels[index];
    ctvk_label_info info = {sizeof info, label->value, ctvk_view(label->name), ctvk_view(label->color)};
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_label_info, color), "label info", &bundle->error);
}

static ctvk_status bundle_field(ctvk_bundle *bundle, uint32_t index, ctvk_field_info *out)
{
    ctvk_status status = check_index(bundle, index, bundle ? (uint64_t)bundle->files->manifest.field_count : 0, out, "field");
    if (status != CTVK_OK)
        return status;
    const ctvk_field_def *field = &bundle->files->manifest.fields[index];
    ctvk_field_info info = {sizeof info, (uint32_t)field->count, ctvk_view(field->name)};
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_field_info, name), "field info", &bundle->error);
}

static ctvk_status bundle_field_value(ctvk_bundle *bundle, uint32_t field, uint32_t value, ctvk_text *out)
{
    ctvk_status status = check_index(bundle, field, bundle ? (uint64_t)bundle->files->manifest.field_count : 0, out, "field");
    if (status == CTVK_OK)
        status = check_index(bundle, value, (uint64_t)bundle->files->manifest.fields[field].count, out, "field value");
    if (status == CTVK_OK)
        *out = ctvk_view(bundle->files->manifest.fields[field].values[value]);
    return status;
}

static ctvk_status bundle_cached_prompt(ctvk_bundle *bundle, uint32_t index, ctvk_text *out)
{
    const ctvk_safetensors *cache = bundle ? bundle->files->cache : NULL;
    ctvk_status status = check_index(bundle, index, cache ? ctvk_safetensors_count(cache) : 0, out, "cached prompt");
    if (status == CTVK_OK)
        *out = ctvk_view(ctvk_safetensors_at(cache, index)->name);
    return status;
}

static ctvk_status bundle_warning(ctvk_bundle *bundle, uint32_t index, ctvk_text *out)
{
    ctvk_status status = check_index(bundle, index, bundle ? (uint64_t)bundle->files->manifest.warning_count : 0, out, "warning");
    if (status == CTVK_OK)
        *out = ctvk_view(bundle->files->manifest.warnings[index]);
    return status;
}

static ctvk_status bundle_memory(ctvk_bundle *bundle, uint32_t device, ctvk_memory_info *out)
{
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    ctvk_memory_info info;
    ctvk_gpu *gpu = NULL;
    ctvk_status status = ctvk_context_open_device(bundle->context, device, 0, &gpu, &bundle->error);
    if (status == CTVK_OK)
        status = ctvk_plan_memory(gpu, &bundle->desc, 0, &info, &bundle->error);
    ctvk_context_close_device(bundle->context, &gpu);
    return status == CTVK_OK
               ? ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_memory_info, available_bytes), "memory info", &bundle->error)
               : status;
}

const ctvk_bundle_api ctvk_bundle_table = {
    .struct_size = sizeof(ctvk_bundle_api),
    .open = bundle_open,
    .destroy = bundle_destroy,
    .last_error = bundle_last_error,
    .info = bundle_info,
    .label = bundle_label,
    .field = bundle_field,
    .field_value = bundle_field_value,
    .cached_prompt = bundle_cached_prompt,
    .warning = bundle_warning,
    .fill_template = ctvk_bundle_fill_template,
    .read_embedding = ctvk_bundle_read_embedding,
    .memory = bundle_memory,
    .verify = ctvk_bundle_verify,
    .self_test = ctvk_bundle_self_test,
    .open_with_progress = bundle_open_with_progress,
};
