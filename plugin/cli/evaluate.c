#include "evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCE, PREDICTION, TOLERANCE, LABEL, JSON, OPTIONS };
static const cli_option options[OPTIONS] = {
    {"--reference", "R.nii.gz", "label map to measure against", 0},
    {"--prediction", "P.nii.gz", "label map to measure, on the same grid", 0},
    {"--tolerance", "MM", "for NSD, the share of both surfaces within it of the other\none; may be given more than once (default 3)", 1},
    {"--label", "NAME=VALUE",
     "a label's name, where the files have none or another one, and a\nlabel to report though neither file may hold it; "
     "may be given\nmore than once",
     1},
    {"--json", NULL, "print JSON", 0}};

/* What one call needs: made in this order, given back in the other one. */
typedef struct call {
    cli_library library;
    ctvk_image_file *image[2]; /* reference, prediction */
    ctvk_volume volume[2];
    ctvk_evaluation *evaluation;
    double tolerance[CLI_MAX_MANY];
    uint32_t tolerance_count;
    cli_label_names names;
} call;

static int parse_tolerance(const char *text, double *out)
{
    char *end = NULL;
    *out = strspn(text, "0123456789.eE+-") == strlen(text) && *text ? strtod(text, &end) : -1;
    if (!end || *end || !(*out >= 0) || isinf(*out))
        return cli_fail(CLI_USAGE, "--tolerance %.40s: not a distance in millimetres (for example --tolerance 2.5)", text);
    return CLI_OK;
}

static int take_tolerances(const cli_arguments *a, call *c)
{
    for (int32_t i = 0; i < a->many_count; i++) {
        if (a->many_option[i] != TOLERANCE)
            continue;
        int code = parse_tolerance(a->many[i], &c->tolerance[c->tolerance_count]);
        for (uint32_t n = 0; code == CLI_OK && n < c->tolerance_count; n++)
            if (c->tolerance[n] == c->tolerance[c->tolerance_count])
                code = cli_fail(CLI_USAGE, "--tolerance %.40s: given twice (give it once)", a->many[i]);
        if (code != CLI_OK)
            return code;
        c->tolerance_count++;
    }
    return CLI_OK;
}

static int open_images(call *c, const cli_arguments *a)
{
    const ctvk_image_api *images = c->library.images;
    for (int m = 0; m < 2; m++) {
        ctvk_text message;
        c->volume[m] = (ctvk_volume)CTVK_VOLUME_INIT;
        int code = cli_open_image(&c->library, a->value[m ? PREDICTION : REFERENCE], &c->image[m]);
        if (code != CLI_OK)
            return code;
        ctvk_status status = images->volume(c->image[m], &c->volume[m]);
        if (status == CTVK_OK)
            continue;
        images->last_error(c->image[m], &message);
        return cli_fail_status(status, &message);
    }
    return CLI_OK;
}

/* The prediction's names before the reference's, --label before both. */
static int take_label_options(call *c, const cli_arguments *a)
{
    int code = CLI_OK;
    for (int32_t i = 0; code == CLI_OK && i < a->many_count; i++)
        if (a->many_option[i] == LABEL)
            code = cli_label_names_option(&c->names, a->many[i]);
    return code;
}

static void take_label_comments(call *c)
{
    static const char *const which[2] = {"reference", "prediction"};
    ctvk_text comment = CTVK_TEXT_INIT;
    for (int m = 1; m >= 0; m--)
        if (c->library.images->comment(c->image[m], &comment) == CTVK_OK)
            cli_label_names_json(&c->names, comment.data, which[m]);
}

static ctvk_status create(call *c, const cli_arguments *a, cli_progress *progress)
{
    ctvk_label_name labels[CLI_MAX_LABELS];
    ctvk_evaluation_options o = CTVK_EVALUATION_OPTIONS_INIT;
    for (int32_t i = 0; i < c->names.count; i++)
        labels[i] = (ctvk_label_name){c->names.value[i], 0, cli_text(c->names.name[i])};
    o.labels = labels;
    o.label_count = (uint32_t)c->names.count;
    o.tolerances_mm = c->tolerance;
    o.tolerance_count = c->tolerance_count;
    o.reference = cli_text(a->value[REFERENCE]);
    o.prediction = cli_text(a->value[PREDICTION]);
    o.progress = cli_progress_report;
    o.progress_user = progress;
    return c->library.evaluations->create(c->library.context, &c->volume[0], &c->volume[1], &o, &c->evaluation);
}

static int evaluate(call *c, const cli_arguments *a)
{
    const ctvk_evaluation_api *api = c->library.evaluations;
    ctvk_evaluation_info info = CTVK_EVALUATION_INFO_INIT;
    ctvk_text text;
    cli_progress progress;
    cli_progress_begin(&progress, 0);
    /* Scripts call this for many cases, and each takes seconds: no lines but on a terminal, where they go away again. */
    progress.quiet = !progress.terminal;
    if (create(c, a, &progress) != CTVK_OK)
        return cli_context_error(&c->library);
    ctvk_status status = api->run(c->evaluation);
    cli_progress_end(&progress);
    if (status == CTVK_OK)
        status = api->info(c->evaluation, &info);
    if (status != CTVK_OK) {
        api->last_error(c->evaluation, &text);
        return cli_fail_status(status, &text);
    }
    for (uint32_t i = 0; i < info.warning_count; i++)
        if (api->warning(c->evaluation, i, &text) == CTVK_OK)
            cli_warn("%s", text.data);
    (a->value[JSON] ? cli_evaluation_json : cli_evaluation_text)(&c->library, c->evaluation, &info);
    return cli_flush();
}

static int check_required(const cli_arguments *a)
{
    for (int i = REFERENCE; i <= PREDICTION; i++)
        if (!a->value[i] || !*a->value[i])
            return cli_fail(CLI_USAGE, "%s: missing (give %s %s)", options[i].name, options[i].name, options[i].argument);
    return CLI_OK;
}

static int run(const cli_arguments *a)
{
    call c = {.names.count = 0};
    int code = check_required(a);
    if (code == CLI_OK)
        code = take_tolerances(a, &c);
    if (code == CLI_OK)
        code = take_label_options(&c, a);
    if (code != CLI_OK)
        return code;
    code = cli_library_open(&c.library);
    cli_catch_interrupts();
    if (code == CLI_OK)
        code = open_images(&c, a);
    if (code == CLI_OK) {
        take_label_comments(&c);
        code = evaluate(&c, a);
    }
    if (c.library.context) {
        c.library.evaluations->destroy(c.evaluation);
        for (int m = 0; m < 2; m++)
            c.library.images->destroy(c.image[m]);
    }
    cli_library_close(&c.library);
    return code;
}

const cli_command cli_evaluate = {
    "evaluate",
    "Measures how well one label map meets another one: Dice, IoU, surface distances and volumes, label by label.",
    "ctvk evaluate --reference R.nii.gz --prediction P.nii.gz [--tolerance MM ...] [--label NAME=VALUE ...] [--json]",
    "HD is the largest distance between the surfaces, HD95 the larger of the two 95th percentiles, the mean surface distance the mean of\n"
    "the two means. Surfaces count by area. Names of labels come from the files that ctvk wrote, the prediction before the reference.\n"
    "In neither file: Dice and NSD are 1, distances 0, IoU undefined. In one only: Dice, IoU and NSD are 0, distances undefined.",
    NULL,
    options,
    OPTIONS,
    run};
