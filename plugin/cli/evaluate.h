/* cli/evaluate.h - the pieces of ctvk evaluate. */
#ifndef CTVK_CLI_EVALUATE_H
#define CTVK_CLI_EVALUATE_H

#include "cli.h"

enum { CLI_MAX_LABELS = 255, CLI_MAX_LABEL_VALUE = 65535 };

/* --- label_names.c: whoever names a value first keeps it --- */
typedef struct cli_label_names {
    int32_t count;
    int32_t value[CLI_MAX_LABELS];
    char name[CLI_MAX_LABELS][256];
    const char *source[CLI_MAX_LABELS]; /* "prediction", "--label", ... */
} cli_label_names;
/* NAME=VALUE. Returns an exit code. */
int cli_label_names_option(cli_label_names *names, const char *text);
/* The comment of a label map, {"labels": [{"value", "name"}]}; any other text names nothing. source: static. Warns where it disagrees with
 * another source that is no option. */
void cli_label_names_json(cli_label_names *names, const char *text, const char *source);

/* --- evaluate_print.c --- */
void cli_evaluation_json(const cli_library *library, ctvk_evaluation *evaluation, const ctvk_evaluation_info *info);
void cli_evaluation_text(const cli_library *library, ctvk_evaluation *evaluation, const ctvk_evaluation_info *info);

#endif
