#include "api/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ctvk_result_free(ctvk_result *result)
{
    if (!result)
        return;
    ctvk_host host = result->host;
    ctvk_free(&host, result->labels);
    ctvk_free(&host, result->probability);
    ctvk_free(&host, result->logits);
    ctvk_free(&host, result->embedding);
    ctvk_free(&host, result->label);
    ctvk_free(&host, result->report);
    ctvk_free(&host, result->label_json);
    ctvk_free(&host, result);
}

void ctvk_result_warn(ctvk_result *result, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ctvk_log(&result->host, CTVK_LOG_WARNING, "%s", line);
    if (result->warning_count < CTVK_MAX_WARNINGS)
        memcpy(result->warning[result->warning_count++], line, sizeof line);
}

static void warn_implausible(ctvk_result *result, uint64_t total)
{
    uint64_t found = 0;
    for (int32_t i = 0; i < result->label_count; i++) {
        const ctvk_result_label *label = &result->label[i];
        if (label->value == 0)
            continue;
        found += label->voxels;
        if (label->voxels == 0)
            ctvk_result_warn(result, "no voxel of %s: the result is empty for this label (check image, orientation and prompt)",
                             label->name);
        else if (label->volume_ml < 0.1)
            ctvk_result_warn(result, "%s has only %.3f ml: implausibly small (check the image)", label->name, label->volume_ml);
    }
    if (found * 2 > total)
        ctvk_result_warn(result, "%.0f %% of the image are labelled: implausibly much (check the image)",
                         100.0 * (double)found / (double)total);
}

ctvk_status ctvk_result_measure(ctvk_result *result, const ctvk_manifest *manifest, double voxel_mm3, ctvk_error *error)
{
    uint64_t counts[256] = {0}, total = (uint64_t)result->dim[0] * (uint64_t)result->dim[1] * (uint64_t)result->dim[2];
    for (uint64_t i = 0; i < total; i++)
        counts[result->labels[i]]++;
    result->label = ctvk_calloc(&result->host, (size_t)manifest->label_count, sizeof *result->label);
    if (!result->label)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "result: no host memory (close other programs)");
    result->label_count = manifest->label_count;
    for (int32_t i = 0; i < manifest->label_count; i++) {
        ctvk_result_label *label = &result->label[i];
        label->value = manifest->labels[i].value;
        snprintf(label->name, sizeof label->name, "%s", manifest->labels[i].name);
        label->voxels = label->value >= 0 && label->value < 256 ? counts[label->value] : 0;
        label->volume_ml = (double)label->voxels * voxel_mm3 / 1000;
    }
    warn_implausible(result, total);
    return CTVK_OK;
}

static ctvk_status result_info(const ctvk_result *result, ctvk_result_info *out)
{
    if (!result)
        return CTVK_ERROR_ARGUMENT;
    ctvk_result_info info = {
        .struct_size = sizeof info,
        .classes = (uint32_t)result->classes,
        .label_count = (uint32_t)result->label_count,
        .warning_count = (uint32_t)result->warning_count,
        .embedding_prompts = (uint32_t)result->prompts,
        .embedding_dim = (uint32_t)result->text_dim,
        .windows = result->windows,
    };
    memcpy(info.dim, result->dim, sizeof info.dim);
    memcpy(info.logits_dim, result->logits_dim, sizeof info.logits_dim);
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_result_info, windows), "result info", NULL);
}

static const uint8_t *result_labels(const ctvk_result *result)
{
    return result ? result->labels : NULL;
}

static const float *result_probability(const ctvk_result *result)
{
    return result ? result->probability : NULL;
}

static const float *result_logits(const ctvk_result *result)
{
    return result ? result->logits : NULL;
}

static const float *result_embedding(const ctvk_result *result)
{
    return result ? result->embedding : NULL;
}

static ctvk_status result_copy_labels(const ctvk_result *result, uint8_t *out, const int64_t stride[3])
{
    if (!result || !out || !stride)
        return CTVK_ERROR_ARGUMENT;
    const uint8_t *from = result->labels;
    for (int64_t k = 0; k < result->dim[2]; k++)
        for (int64_t j = 0; j < result->dim[1]; j++)
            for (int64_t i = 0; i < result->dim[0]; i++)
                out[i * stride[0] + j * stride[1] + k * stride[2]] = *from++;
    return CTVK_OK;
}

static ctvk_status result_label_volume(const ctvk_result *result, uint32_t index, ctvk_label_volume *out)
{
    if (!result || index >= (uint32_t)result->label_count)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_result_label *label = &result->label[index];
    ctvk_label_volume volume = {sizeof volume, label->value, ctvk_view(label->name), label->voxels, label->volume_ml};
    return ctvk_give_struct(out, &volume, sizeof volume, CTVK_UP_TO(ctvk_label_volume, volume_ml), "label volume", NULL);
}

static ctvk_status give_text(const ctvk_result *result, const char *text, ctvk_text *out)
{
    if (!result || !out)
        return CTVK_ERROR_ARGUMENT;
    *out = ctvk_view(text);
    return CTVK_OK;
}

static ctvk_status result_warning(const ctvk_result *result, uint32_t index, ctvk_text *out)
{
    if (!result || index >= (uint32_t)result->warning_count)
        return CTVK_ERROR_ARGUMENT;
    return give_text(result, result->warning[index], out);
}

static ctvk_status result_report(const ctvk_result *result, ctvk_text *out)
{
    return give_text(result, result ? result->report : NULL, out);
}

static ctvk_status result_label_json(const ctvk_result *result, ctvk_text *out)
{
    return give_text(result, result ? result->label_json : NULL, out);
}

const ctvk_result_api ctvk_result_table = {
    .struct_size = sizeof(ctvk_result_api),
    .destroy = ctvk_result_free,
    .info = result_info,
    .labels = result_labels,
    .copy_labels = result_copy_labels,
    .probability = result_probability,
    .logits = result_logits,
    .embedding = result_embedding,
    .label_volume = result_label_volume,
    .warning = result_warning,
    .report = result_report,
    .label_json = result_label_json,
};
