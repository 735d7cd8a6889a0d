/* cli/selftest.h - what `ctvk selftest` finds, and the three ways in which it is told. */
#ifndef CTVK_CLI_SELFTEST_H
#define CTVK_CLI_SELFTEST_H

#include "cli.h"

enum { SELFTEST_DEVICES = 16, SELFTEST_OPERATIONS = 32 };

/* One device. */
typedef struct cli_tried {
    ctvk_device_info device;
    ctvk_selftest *selftest;
    ctvk_selftest_info info;
    ctvk_selftest_operation operation[SELFTEST_OPERATIONS];
    int32_t passed;          /* every operation and both networks are right */
    ctvk_text message;       /* why not; VIEW of the self-test */
    ctvk_result *result;     /* of the bundle; NULL: none */
    ctvk_memory_info memory; /* planned for the bundle */
    double bundle_seconds;
} cli_tried;

/* One device's label map against another's: the worst label's scores (NaN: undefined), and the share of voxels that are equal. */
typedef struct cli_agreement {
    int32_t first, second; /* places among the devices tried */
    double dice, hd95_mm, equal;
} cli_agreement;

enum { SELFTEST_PAIRS = SELFTEST_DEVICES * (SELFTEST_DEVICES - 1) / 2 };
typedef struct cli_selftest_run {
    cli_library library;
    cli_progress progress;
    const char *selector;                          /* --device; NULL: all */
    const char *bundle_path, *image_path, *prompt; /* NULL: not given */
    ctvk_bundle *bundle;
    ctvk_bundle_info bundle_info;
    ctvk_image_file *image;
    ctvk_volume volume;      /* of the image */
    float *embedding;        /* made up, for a bundle that has no prompt at hand; OWNED */
    const char *text_source; /* "prompt", "cached prompt", "made up", "none" */
    cli_tried tried[SELFTEST_DEVICES];
    int32_t count;
    cli_agreement network[SELFTEST_PAIRS], segmentation[SELFTEST_PAIRS];
    int32_t network_pairs, segmentation_pairs;
} cli_selftest_run;

/* Every device, then the comparisons. Returns an exit code: 0 also where a device computes wrongly. */
int cli_selftest_try(cli_selftest_run *run);
/* The bundle on every device, and its comparisons. (selftest_bundle.c) */
int cli_selftest_bundle(cli_selftest_run *run);
/* Two label maps on one grid. (selftest_compare.c) */
int cli_selftest_compare(cli_selftest_run *run, const ctvk_volume *first, const ctvk_volume *second, cli_agreement *out);
void cli_selftest_release(cli_selftest_run *run);

/* --- the three ways (selftest_table.c, selftest_json.c, selftest_html.c) --- */
/* The device that most operations were tried on: all, unless each was lost before the end. */
const cli_tried *cli_selftest_longest(const cli_selftest_run *run);
void cli_selftest_table(FILE *file, const cli_selftest_run *run);
void cli_selftest_json(FILE *file, const cli_selftest_run *run);
void cli_selftest_html(FILE *file, const cli_selftest_run *run);

#endif
