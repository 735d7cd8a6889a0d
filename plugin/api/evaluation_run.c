#include "api/evaluation.h"

#include <stdio.h>
#include <string.h>

/* How far the first step, which reads all voxels, goes. */
#define SCANNED 0.2

static int32_t report(ctvk_evaluation *e, double fraction, const char *stage)
{
    atomic_store(&e->millionths, (unsigned)(fraction * 1e6));
    if (e->progress && e->progress(e->progress_user, fraction, stage))
        atomic_store(&e->cancelled, 1);
    return atomic_load(&e->cancelled);
}

static int32_t on_scan(void *user, double fraction)
{
    return report(user, SCANNED * fraction, "read");
}

static int32_t on_label(void *user, double fraction)
{
    ctvk_evaluation *e = user;
    return report(e, SCANNED + (1 - SCANNED) * (e->next + fraction) / e->label_count, "compare");
}

static ctvk_status warn(const ctvk_evaluation *e, const char *text, char **out, ctvk_error *error)
{
    *out = ctvk_strndup(&e->context->host, text, strlen(text));
    return *out ? CTVK_OK : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "evaluation: no host memory (close other programs)");
}

static ctvk_status scan(ctvk_evaluation *e)
{
    const ctvk_tick tick = {on_scan, e};
    ctvk_status status = ctvk_scan_labels(e, &tick, &e->error);
    if (status != CTVK_OK)
        return status;
    /* By insertion: there are few, and a library's qsort may allocate. */
    for (uint32_t i = 1; i < e->label_count; i++)
        for (uint32_t n = i; n && e->label[n - 1].value > e->label[n].value; n--) {
            ctvk_seen_label kept = e->label[n];
            e->label[n] = e->label[n - 1];
            e->label[n - 1] = kept;
        }
    for (uint32_t i = 0; i < e->label_count; i++)
        e->label[i].scores.nsd = e->nsd + i * CTVK_MAX_TOLERANCES;
    if (!e->label_count)
        status = warn(e, "nothing to compare: both label maps hold only background, and no label was named", &e->empty_warning, &e->error);
    return status;
}

static ctvk_status warn_empty(const ctvk_evaluation *e, ctvk_seen_label *label, ctvk_error *error)
{
    char text[512];
    const ctvk_overlap *o = &label->overlap;
    const char *name = label->name && *label->name ? label->name : NULL;
    snprintf(text, sizeof text, "label %d%s%.200s%s: %s", label->value, name ? " (" : "", name ? name : "", name ? ")" : "",
             o->reference    ? "not in the prediction, so that its distances are undefined, and Dice, IoU and NSD are 0"
             : o->prediction ? "not in the reference, so that its distances are undefined, and Dice, IoU and NSD are 0"
                             : "in neither label map, so that IoU is undefined, and by convention Dice and NSD are 1 and the distances 0");
    ctvk_text_clean(text);
    return warn(e, text, &label->warning, error);
}

static ctvk_status compare(ctvk_evaluation *e)
{
    ctvk_seen_label *label = &e->label[e->next];
    const ctvk_host *host = &e->context->host;
    const ctvk_tick tick = {on_label, e};
    const ctvk_tolerances tolerances = {e->tolerance, e->tolerance_count};
    ctvk_mask_pair pair;
    uint8_t *voxels;
    if (on_label(e, 0))
        return CTVK_CANCELLED;
    if (ctvk_score_overlap(&label->overlap, e->tolerance_count, &label->scores))
        return warn_empty(e, label, &e->error);
    ctvk_status status = ctvk_cut_label(e, label, &pair, &voxels, &e->error);
    if (status == CTVK_OK)
        status = ctvk_score_surfaces(host, &pair, e->spacing, &tolerances, &tick, &label->scores, &e->error);
    ctvk_free(host, voxels);
    return status;
}

ctvk_status ctvk_evaluation_step(ctvk_evaluation *e)
{
    if (!e)
        return CTVK_ERROR_ARGUMENT;
    if (e->status != CTVK_PENDING)
        return e->status;
    ctvk_status status = CTVK_OK;
    if (atomic_load(&e->cancelled)) {
        status = CTVK_CANCELLED;
    } else if (!e->scanned) {
        status = scan(e);
        e->scanned = 1;
    } else if (e->next < e->label_count) {
        status = compare(e);
        e->next++;
    }
    if (status == CTVK_CANCELLED)
        ctvk_fail(&e->error, CTVK_CANCELLED, "evaluation: cancelled (run it again)");
    if (status == CTVK_OK && e->next < e->label_count)
        return CTVK_PENDING;
    if (status == CTVK_OK)
        report(e, 1, "compare");
    e->status = status;
    return status;
}
