#include "api/evaluation.h"

#include <math.h>

static ctvk_status take_labels(ctvk_evaluation *e, const ctvk_evaluation_options *o, ctvk_error *error)
{
    if (o->label_count && !o->labels)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "evaluation: %u labels without a list (give it)", o->label_count);
    for (uint32_t i = 0; i < o->label_count; i++) {
        const ctvk_label_name *given = &o->labels[i];
        if (given->value < 1 || given->value >= CTVK_LABEL_VALUES)
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "label %d: not from 1 to %d (0 is background)", given->value,
                             CTVK_LABEL_VALUES - 1);
        if (e->place[given->value])
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "label %d: named twice (name it once)", given->value);
        ctvk_seen_label *label = ctvk_evaluation_add_label(e, (uint16_t)given->value);
        if (!label)
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "evaluation: more than %d labels (name fewer)", CTVK_MAX_LABELS);
        ctvk_status status =
            ctvk_copy_text(&e->context->host, given->name.data, given->name.length, 1024, "label name", &label->name, error);
        if (status != CTVK_OK)
            return status;
        ctvk_text_clean(label->name);
    }
    return CTVK_OK;
}

static ctvk_status take_tolerances(ctvk_evaluation *e, const ctvk_evaluation_options *o, ctvk_error *error)
{
    e->tolerance[0] = 3;
    e->tolerance_count = 1;
    if (!o->tolerances_mm || !o->tolerance_count)
        return CTVK_OK;
    if (o->tolerance_count > CTVK_MAX_TOLERANCES)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "evaluation: %u tolerances, at most %d are taken (give fewer)", o->tolerance_count,
                         CTVK_MAX_TOLERANCES);
    for (uint32_t i = 0; i < o->tolerance_count; i++) {
        e->tolerance[i] = o->tolerances_mm[i];
        if (!(e->tolerance[i] >= 0) || isinf(e->tolerance[i]))
            return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "tolerance %g: no distance (give millimetres from 0 on)", e->tolerance[i]);
    }
    e->tolerance_count = o->tolerance_count;
    return CTVK_OK;
}

static ctvk_status take_map(ctvk_evaluation *e, int m, const ctvk_volume *given, const ctvk_text *name, ctvk_error *error)
{
    ctvk_volume volume = CTVK_VOLUME_INIT;
    ctvk_error inner = {0};
    ctvk_label_map *map = &e->map[m];
    const char *plain = m ? "prediction" : "reference";
    ctvk_status status = ctvk_copy_text(&e->context->host, name->length ? name->data : plain, name->length ? name->length : CTVK_STRLEN,
                                        CTVK_MAX_PATH, "name of a label map", &map->name, error);
    if (status != CTVK_OK)
        return status;
    status = ctvk_take_struct(&volume, sizeof volume, given, CTVK_UP_TO(ctvk_volume, sha256), "volume", &inner);
    if (status == CTVK_OK)
        status = ctvk_view_volume(&volume, &map->view, &inner);
    return status == CTVK_OK ? status : ctvk_fail(error, status, "%.300s: %.600s", map->name, inner.message);
}

ctvk_status ctvk_evaluation_fill(ctvk_evaluation *e, const ctvk_volume *reference, const ctvk_volume *prediction,
                                 const ctvk_evaluation_options *options, ctvk_error *error)
{
    ctvk_evaluation_options o = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_status status =
        ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_evaluation_options, progress_user), "evaluation options", error);
    if (status == CTVK_OK)
        status = take_map(e, 0, reference, &o.reference, error);
    if (status == CTVK_OK)
        status = take_map(e, 1, prediction, &o.prediction, error);
    if (status == CTVK_OK)
        status = ctvk_check_label_grids(e->map, e->spacing, error);
    if (status == CTVK_OK)
        status = take_tolerances(e, &o, error);
    if (status == CTVK_OK)
        status = take_labels(e, &o, error);
    e->progress = o.progress;
    e->progress_user = o.progress_user;
    return status;
}
