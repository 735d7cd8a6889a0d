/* cli/tune.h - what `ctvk tune` found, and the two ways in which it is told. */
#ifndef CTVK_CLI_TUNE_H
#define CTVK_CLI_TUNE_H

#include "cli.h"
#include "ctvk/draft/tune.h"

typedef struct cli_tune_run {
    cli_library library;
    cli_progress progress;
    const ctvk_tune_api *tunes;
    ctvk_bundle *bundle; /* NULL: the published network */
    ctvk_tune *tune;
    ctvk_tune_info info;
    ctvk_device_info device;
} cli_tune_run;

/* Milliseconds of all convolutions of a window: untuned or as chosen. */
double cli_tune_sum(const cli_tune_run *run, int32_t chosen);
/* --- the two ways (tune_print.c) --- */
void cli_tune_table(FILE *file, const cli_tune_run *run);
void cli_tune_json(FILE *file, const cli_tune_run *run);

#endif
