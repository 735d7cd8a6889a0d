#include "selftest.h"

#include <math.h>

/* Share of voxels that are equal; both maps are packed uint8 of one grid. */
static double equal_share(const ctvk_volume *first, const ctvk_volume *second)
{
    const uint8_t *a = first->data, *b = second->data;
    uint64_t count = (uint64_t)(first->dim[0] * first->dim[1] * first->dim[2]), equal = 0;
    for (uint64_t i = 0; i < count; i++)
        equal += a[i] == b[i];
    return count ? (double)equal / (double)count : 1;
}

static int take_scores(const cli_library *library, ctvk_evaluation *evaluation, cli_agreement *out)
{
    ctvk_evaluation_info info = CTVK_EVALUATION_INFO_INIT;
    ctvk_text message;
    ctvk_status status = library->evaluations->run(evaluation);
    if (status == CTVK_OK)
        status = library->evaluations->info(evaluation, &info);
    out->dice = out->hd95_mm = NAN;
    for (uint32_t i = 0; status == CTVK_OK && i < info.label_count; i++) {
        ctvk_label_scores scores = CTVK_LABEL_SCORES_INIT;
        status = library->evaluations->label(evaluation, i, &scores);
        out->dice = fmin(out->dice, scores.dice); /* of a number and NaN the number */
        out->hd95_mm = fmax(out->hd95_mm, scores.hd95_mm);
    }
    if (status == CTVK_OK)
        return CLI_OK;
    library->evaluations->last_error(evaluation, &message);
    return cli_fail_status(status, &message);
}

static int32_t asked_to_stop(void *user, double fraction, const char *stage)
{
    (void)user, (void)fraction, (void)stage;
    return cli_interrupted();
}

int cli_selftest_compare(cli_selftest_run *run, const ctvk_volume *first, const ctvk_volume *second, cli_agreement *out)
{
    ctvk_evaluation_options options = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_evaluation *evaluation = NULL;
    options.progress = asked_to_stop;
    out->equal = equal_share(first, second);
    if (run->library.evaluations->create(run->library.context, first, second, &options, &evaluation) != CTVK_OK)
        return cli_context_error(&run->library);
    int code = take_scores(&run->library, evaluation, out);
    run->library.evaluations->destroy(evaluation);
    return code;
}
