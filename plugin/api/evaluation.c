#include "api/evaluation.h"

#include <string.h>

/* --- making --- */

static void evaluation_destroy(ctvk_evaluation *e)
{
    if (!e)
        return;
    const ctvk_host *host = &e->context->host;
    for (uint32_t i = 0; i < e->label_count; i++) {
        ctvk_free(host, e->label[i].name);
        ctvk_free(host, e->label[i].warning);
    }
    for (int m = 0; m < 2; m++)
        ctvk_free(host, e->map[m].name);
    ctvk_free(host, e->nsd);
    ctvk_free(host, e->empty_warning);
    ctvk_free(host, e);
}

ctvk_seen_label *ctvk_evaluation_add_label(ctvk_evaluation *e, uint16_t value)
{
    if (e->place[value])
        return &e->label[e->place[value] - 1];
    if (e->label_count == CTVK_MAX_LABELS)
        return NULL;
    ctvk_seen_label *label = &e->label[e->label_count++];
    e->place[value] = (uint8_t)e->label_count;
    label->value = value;
    for (int i = 0; i < 3; i++) {
        label->first[i] = INT64_MAX;
        label->last[i] = -1;
    }
    return label;
}

static ctvk_status evaluation_create(ctvk_context *context, const ctvk_volume *reference, const ctvk_volume *prediction,
                                     const ctvk_evaluation_options *options, ctvk_evaluation **out)
{
    if (!context || !out)
        return CTVK_ERROR_ARGUMENT;
    *out = NULL;
    if (!reference || !prediction)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "evaluation: a volume was not given (pass both)");
    ctvk_evaluation *e = ctvk_calloc(&context->host, 1, sizeof *e);
    if (!e)
        return ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "evaluation: no host memory (close other programs)");
    e->context = context;
    e->status = CTVK_PENDING;
    e->nsd = ctvk_calloc(&context->host, CTVK_MAX_LABELS * CTVK_MAX_TOLERANCES, sizeof *e->nsd);
    ctvk_status status;
    if (e->nsd)
        status = ctvk_evaluation_fill(e, reference, prediction, options, &context->error);
    else
        status = ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "evaluation: no host memory (close other programs)");
    if (status != CTVK_OK) {
        evaluation_destroy(e);
        return status;
    }
    *out = e;
    return CTVK_OK;
}

/* --- running --- */

static ctvk_status evaluation_run(ctvk_evaluation *e)
{
    ctvk_status status;
    do
        status = ctvk_evaluation_step(e);
    while (status == CTVK_PENDING);
    return status;
}

static void evaluation_cancel(ctvk_evaluation *e)
{
    if (e)
        atomic_store(&e->cancelled, 1);
}

static double evaluation_progress(const ctvk_evaluation *e)
{
    return e ? (double)atomic_load(&e->millionths) * 1e-6 : 0;
}

/* --- answers --- */

static ctvk_status evaluation_last_error(const ctvk_evaluation *e, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "evaluation: none was given (create one)"};
    return ctvk_give_error(e ? &e->error : &none, message);
}

static ctvk_status require_done(ctvk_evaluation *e)
{
    if (!e)
        return CTVK_ERROR_ARGUMENT;
    return e->status == CTVK_OK ? CTVK_OK : ctvk_fail(&e->error, CTVK_ERROR_ARGUMENT, "evaluation: there is no result (call run first)");
}

static uint32_t count_warnings(const ctvk_evaluation *e)
{
    uint32_t count = e->empty_warning != NULL;
    for (uint32_t i = 0; i < e->label_count; i++)
        count += e->label[i].warning != NULL;
    return count;
}

static ctvk_status evaluation_info(ctvk_evaluation *e, ctvk_evaluation_info *out)
{
    ctvk_status status = require_done(e);
    if (status != CTVK_OK)
        return status;
    ctvk_evaluation_info info = {.struct_size = sizeof info,
                                 .label_count = e->label_count,
                                 .tolerance_count = e->tolerance_count,
                                 .warning_count = count_warnings(e),
                                 .tolerances_mm = e->tolerance,
                                 .voxel_ml = ctvk_view_voxel_mm3(&e->map[0].view) / 1000};
    memcpy(info.spacing_mm, e->spacing, sizeof info.spacing_mm);
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_evaluation_info, voxel_ml), "evaluation info", &e->error);
}

static ctvk_status evaluation_label(ctvk_evaluation *e, uint32_t index, ctvk_label_scores *out)
{
    ctvk_status status = require_done(e);
    if (status != CTVK_OK)
        return status;
    if (index >= e->label_count)
        return ctvk_fail(&e->error, CTVK_ERROR_ARGUMENT, "label number %u: there are %u (ask info)", index, e->label_count);
    const ctvk_seen_label *label = &e->label[index];
    const double voxel_ml = ctvk_view_voxel_mm3(&e->map[0].view) / 1000;
    ctvk_label_scores scores = {.struct_size = sizeof scores,
                                .value = label->value,
                                .name = ctvk_view(label->name),
                                .voxels_reference = label->overlap.reference,
                                .voxels_prediction = label->overlap.prediction,
                                .voxels_both = label->overlap.both,
                                .volume_reference_ml = (double)label->overlap.reference * voxel_ml,
                                .volume_prediction_ml = (double)label->overlap.prediction * voxel_ml,
                                .dice = label->scores.dice,
                                .iou = label->scores.iou,
                                .hd_mm = label->scores.hd,
                                .hd95_mm = label->scores.hd95,
                                .msd_mm = label->scores.msd,
                                .nsd = label->scores.nsd};
    return ctvk_give_struct(out, &scores, sizeof scores, CTVK_UP_TO(ctvk_label_scores, nsd), "label scores", &e->error);
}

static ctvk_status evaluation_warning(ctvk_evaluation *e, uint32_t index, ctvk_text *out)
{
    ctvk_status status = require_done(e);
    if (status != CTVK_OK)
        return status;
    if (!out || index >= count_warnings(e))
        return ctvk_fail(&e->error, CTVK_ERROR_ARGUMENT, "warning number %u: there are %u (ask info)", index, count_warnings(e));
    const char *text = e->empty_warning;
    for (uint32_t i = 0, n = 0; !text; i++)
        if (e->label[i].warning && n++ == index)
            text = e->label[i].warning;
    *out = ctvk_view(text);
    return CTVK_OK;
}

const ctvk_evaluation_api ctvk_evaluation_table = {
    .struct_size = sizeof(ctvk_evaluation_api),
    .create = evaluation_create,
    .destroy = evaluation_destroy,
    .last_error = evaluation_last_error,
    .run = evaluation_run,
    .step = ctvk_evaluation_step,
    .cancel = evaluation_cancel,
    .progress = evaluation_progress,
    .info = evaluation_info,
    .label = evaluation_label,
    .warning = evaluation_warning,
};
