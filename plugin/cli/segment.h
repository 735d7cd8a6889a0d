/* cli/segment.h - one run of `ctvk segment`, after its command line was read. */
#ifndef CTVK_CLI_SEGMENT_H
#define CTVK_CLI_SEGMENT_H

#include "cli.h"

enum {
    MODEL,
    IMAGE,
    OUTPUT,
    PROMPT,
    PROMPT_FILE,
    FIELD,
    EMBEDDING,
    LLM,
    DEVICE,
    PRECISION,
    MEMORY_LIMIT,
    LOGITS,
    PROBABILITY,
    REPORT,
    SELF_TEST,
    PROGRESS,
    QUIET,
    SEGMENT_OPTIONS
};

enum { PLACE_LABEL, PLACE_PROBABILITY, PLACE_LOGITS, PLACE_REPORT, PLACES };

/* One text and the files that it gives. */
typedef struct cli_target {
    cli_text_source text;
    ctvk_text prompt; /* VIEW, of `buffer` where it came from a file */
    char *buffer;
    int32_t place[PLACES]; /* number in outputs by PLACE_*, -1: not asked for */
} cli_target;

typedef struct cli_segmentation {
    const char *model, *image_path, *llm; /* VIEW of the command line */
    int32_t quiet;
    cli_target target[CLI_MAX_TEXTS];
    int32_t targets, now; /* how many; which one is under way */
    const char *field[CLI_MAX_MANY];
    ctvk_job_options options;
    cli_outputs outputs;
    cli_library library;
    cli_progress progress;
    double encoded; /* share of the whole that the prompts took */
    ctvk_bundle *bundle;
    ctvk_text_model *text_model;
    ctvk_text_job *text_job;
    ctvk_image_file *image;
    ctvk_job *job;
    ctvk_result *result;
} cli_segmentation;

/* Everything from opening the bundle to the files in their places. Returns the exit code. */
int cli_segment_run(cli_segmentation *s);
/* Bundle, texts and image, and the texts through the language model where that is needed. Returns the exit code. (segment_inputs.c) */
int cli_segment_open(cli_segmentation *s);
/* Says so; the exit code. */
int cli_segment_cancelled(void);
/* --- summary.c: tells of the result that is there: its files are in their places, or wait for those of the texts to come. Returns the exit
 * code. --- */
int cli_segment_done(const cli_segmentation *s);

#endif
