#include "evaluate.h"

#include <math.h>

static void json_number(const char *lead, const char *name, double value)
{
    printf(isnan(value) ? "%s\"%s\": null" : "%s\"%s\": %.9g", lead, name, value);
}

static void json_label(const ctvk_label_scores *s, const ctvk_evaluation_info *info)
{
    char name[32];
    printf("{\"value\": %d, \"name\": ", s->value);
    cli_json_string(stdout, s->name.data, s->name.length);
    json_number(", ", "dice", s->dice);
    json_number(", ", "iou", s->iou);
    json_number(", ", "hd_mm", s->hd_mm);
    json_number(", ", "hd95_mm", s->hd95_mm);
    json_number(", ", "msd_mm", s->msd_mm);
    printf(", \"nsd\": {");
    for (uint32_t i = 0; i < info->tolerance_count; i++) {
        snprintf(name, sizeof name, "%.9g", info->tolerances_mm[i]);
        json_number(i ? ", " : "", name, s->nsd[i]);
    }
    printf("}");
    json_number(", ", "volume_reference_ml", s->volume_reference_ml);
    json_number(", ", "volume_prediction_ml", s->volume_prediction_ml);
    printf("}");
}

void cli_evaluation_json(const cli_library *library, ctvk_evaluation *evaluation, const ctvk_evaluation_info *info)
{
    printf("{\"labels\": [");
    for (uint32_t i = 0; i < info->label_count; i++) {
        ctvk_label_scores scores = CTVK_LABEL_SCORES_INIT;
        library->evaluations->label(evaluation, i, &scores);
        printf("%s", i ? ",\n  " : "\n  ");
        json_label(&scores, info);
    }
    printf("%s]}\n", info->label_count ? "\n" : "");
}

static void number(const char *name, int digits, double value, const char *unit)
{
    if (isnan(value))
        printf("  %-24s undefined\n", name);
    else
        printf("  %-24s %.*f%s\n", name, digits, value, unit);
}

void cli_evaluation_text(const cli_library *library, ctvk_evaluation *evaluation, const ctvk_evaluation_info *info)
{
    for (uint32_t i = 0; i < info->label_count; i++) {
        ctvk_label_scores s = CTVK_LABEL_SCORES_INIT;
        char name[48];
        library->evaluations->label(evaluation, i, &s);
        printf("label %d%s%s\n", s.value, s.name.length ? ": " : "", s.name.data);
        number("Dice", 4, s.dice, "");
        number("IoU", 4, s.iou, "");
        number("HD", 3, s.hd_mm, " mm");
        number("HD95", 3, s.hd95_mm, " mm");
        number("mean surface distance", 3, s.msd_mm, " mm");
        for (uint32_t t = 0; t < info->tolerance_count; t++) {
            snprintf(name, sizeof name, "NSD at %.9g mm", info->tolerances_mm[t]);
            number(name, 4, s.nsd[t], "");
        }
        number("volume, reference", 3, s.volume_reference_ml, " ml");
        number("volume, prediction", 3, s.volume_prediction_ml, " ml");
    }
}
