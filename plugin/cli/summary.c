#include "segment.h"

int cli_segment_done(const cli_segmentation *s)
{
    const ctvk_result_api *results = s->library.results;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text text;
    /* Of several texts each line says which label map it is about. */
    const char *of = s->targets > 1 ? s->outputs.output[s->target[s->now].place[PLACE_LABEL]].path : NULL;
    results->info(s->result, &info);
    for (uint32_t i = 0; i < info.warning_count; i++)
        if (results->warning(s->result, i, &text) == CTVK_OK)
            cli_warn("%s", text.data);
    for (uint32_t i = 0; i < info.label_count && !s->quiet; i++) {
        ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
        if (results->label_volume(s->result, i, &label) == CTVK_OK && label.value != 0)
            fprintf(stderr, "ctvk: %s%s%s: %.2f ml\n", of ? of : "", of ? ": " : "", label.name.data, label.volume_ml);
    }
    return CLI_OK;
}
