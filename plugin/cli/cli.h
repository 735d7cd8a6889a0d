/* cli/cli.h - the command's own pieces. It is a host like any other: include/ and nothing else.
 *
 * Slicer's CLI module (plugin/slicer/cli) is built from the same pieces. Where it speaks or listens in another way it brings a file of its
 * own instead: progress.c, summary.c and, inside of Slicer's process, interrupt.c. */
#ifndef CTVK_CLI_CLI_H
#define CTVK_CLI_CLI_H

#include "ctvk/ctvk.h"

#include <stdio.h>

#define CLI_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Exit codes: the tens of the library's status codes (contract.md). */
enum { CLI_OK = 0, CLI_USAGE = 2, CLI_INPUT = 3, CLI_BUNDLE = 4, CLI_DEVICE = 5, CLI_MEMORY = 6, CLI_CANCELLED = 7, CLI_FAILED = 8 };

/* --- errors.c: one line each on stderr; control characters never reach the terminal --- */
int cli_fail(int exit_code, const char *format, ...) CLI_PRINTF(2, 3);
int cli_fail_status(ctvk_status status, const ctvk_text *message);
void cli_warn(const char *format, ...) CLI_PRINTF(1, 2);
/* Ends stdout; a full disk or a closed pipe is an error too. */
int cli_flush(void);

/* --- options.c --- */
typedef struct cli_option {
    const char *name;     /* "--model" */
    const char *argument; /* "BUNDLE"; NULL: a switch */
    const char *help;     /* lines separated by \n */
    int32_t many;         /* may be given more than once */
} cli_option;

#define CLI_MAX_OPTIONS 24
#define CLI_MAX_MANY 64
typedef struct cli_arguments {
    const char *value[CLI_MAX_OPTIONS]; /* by the option's number; "" for a switch; NULL: not given */
    const char *many[CLI_MAX_MANY];     /* values of the options that may be given more than once, in their order */
    int32_t many_option[CLI_MAX_MANY];  /* which option each is of */
    int32_t many_count;
    const char *position[2];
    int32_t position_count;
    int32_t help;
} cli_arguments;

typedef struct cli_command {
    const char *name, *summary, *usage, *notes;
    const char
        *position; /* what the positional arguments are, one word each, at most two, in brackets where they may be missing; NULL: none */
    const cli_option *options;
    int32_t option_count;
    int (*run)(const cli_arguments *arguments);
} cli_command;

extern const cli_command cli_segment, cli_embed, cli_tokenize, cli_devices, cli_inspect, cli_verify, cli_evaluate, cli_review, cli_selftest,
    cli_tune;
/* What stands before a command's name on the command line; defined beside main. */
extern const char cli_invocation[];
int cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *out);
void cli_print_help(const cli_command *command);
/* --memory-limit: a positive whole number of MiB. */
int cli_parse_limit(const char *text, uint64_t *bytes);
#define CLI_HELP_DEVICE \
    "index of ctvk devices, part of a name, UUID, or auto (default):\ndiscrete, integrated, virtual, CPU; also CTVK_DEVICE"
#define CLI_HELP_SELF_TEST \
    "whether the device is tried before its first use: auto (default,\nonce for each driver), force or skip; also CTVK_SELF_TEST"
#define CLI_HELP_LLM                                                                                                            \
    "language model for prompts that are not cached; without it the\nbundle's own is looked for in its folder and in the data " \
    "folder\n(~/.local/share/ctvk)"

/* --- library.c: the tables, one context --- */
typedef struct cli_library {
    const ctvk_context_api *contexts;
    const ctvk_image_api *images;
    const ctvk_bundle_api *bundles;
    const ctvk_job_api *jobs;
    const ctvk_result_api *results;
    const ctvk_text_api *texts;
    const ctvk_evaluation_api *evaluations;
    const ctvk_selftest_api *selftests;
    ctvk_context *context;
} cli_library;
/* How devices are tried: --self-test, else CTVK_SELF_TEST, else auto; before cli_library_open. */
int cli_parse_self_test(const char *option);
int cli_library_open(cli_library *library);
void cli_library_close(cli_library *library);
/* Prints the context's last error. */
int cli_context_error(const cli_library *library);
/* Ctrl-C ends it too. */
int cli_open_image(const cli_library *library, const char *path, ctvk_image_file **image);
/* The same, but says nothing: the message is on the context. */
ctvk_status cli_read_image(const cli_library *library, const char *path, ctvk_image_file **image);
int cli_open_bundle(const cli_library *library, const char *folder, ctvk_bundle **bundle);
/* --device, else CTVK_DEVICE, else nothing. */
const char *cli_device(const char *option);
ctvk_text cli_text(const char *text);

/* --- trace.c: CTVK_TRACE=FILE, a Chrome trace of where the time goes; nothing of it happens where the variable is not set --- */
/* To be called before the context's first device. Returns an exit code. */
int cli_trace_open(ctvk_context *context);
double cli_trace_now(void); /* seconds of the trace's clock */
/* Something of the command's own that began at `begin` and is over. */
void cli_trace_stage(const char *name, double begin);
/* The reading of the image, which may lie beside other stages. */
void cli_trace_image(double begin);
void cli_trace_close(void);

/* --- environment.c: what this process sets for itself before Vulkan is loaded; for main alone --- */
void cli_prepare_environment(void);
/* The user's cache folder for ctvk, made where it is missing; NULL: none. Static. */
const char *cli_cache_folder(void);

/* --- interrupt.c --- */
void cli_catch_interrupts(void);
int32_t cli_interrupted(void);

/* --- progress.c --- */
typedef struct cli_progress {
    int32_t quiet, terminal;
    double begin, last; /* seconds */
    double from, to;    /* what share of the whole the work under way is */
    int32_t tenth;      /* plain lines: tenths printed */
    int32_t drawn;
} cli_progress;
void cli_progress_begin(cli_progress *progress, int32_t quiet);
/* A fraction of the work under way as one of the whole, which may be several jobs. */
static inline double cli_progress_whole(const cli_progress *progress, double fraction)
{
    return progress->from + (progress->to - progress->from) * fraction;
}
/* A ctvk_progress_fn; user: cli_progress. Non-zero once Ctrl-C was pressed. */
int32_t cli_progress_report(void *user, double fraction, const char *stage);
/* Clears the bar. */
void cli_progress_end(cli_progress *progress);

/* --- outputs.c: all of a run's files appear, or none and nothing is harmed --- */
enum { CLI_MAX_TEXTS = 8, CLI_MAX_OUTPUTS = 4 * CLI_MAX_TEXTS }; /* texts of one run, with up to four files each */
typedef struct cli_output {
    const char *option, *path; /* VIEW */
    char staged[4352], kept[4352];
    int32_t is_staged, is_kept, is_placed;
} cli_output;
typedef struct cli_outputs {
    cli_output output[CLI_MAX_OUTPUTS];
    int32_t count;
} cli_outputs;
/* Checks folder and target before hours of work; extension: what the staged name ends with. Returns an exit code. */
int cli_outputs_add(cli_outputs *outputs, const char *option, const char *path, const char *extension);
int cli_outputs_commit(cli_outputs *outputs);
/* Removes what was staged. After commit it does nothing. */
void cli_outputs_discard(cli_outputs *outputs);
/* By name, or by what the names lead to: an output would then harm an input. */
int cli_same_file(const char *a, const char *b);

/* --- text.c: the prompt, from one of four places --- */
enum { CLI_TEXT_PROMPT, CLI_TEXT_FILE, CLI_TEXT_FIELDS, CLI_TEXT_EMBEDDING, CLI_TEXT_NONE };
typedef struct cli_text_source {
    int32_t kind;
    const char *value; /* prompt, file or embedding file */
    const char *const *fields;
    int32_t field_count;
} cli_text_source;
/* Fills prompt or embedding of the options. buffer: OWNED by the caller (free), set where a file was read. */
int cli_find_text(const cli_library *library, ctvk_bundle *bundle, const cli_text_source *source, ctvk_job_options *options, char **buffer);
/* The whole file without a byte order mark and its last line's end; checked for zero bytes, which no text has. *out: OWNED by the caller
 * (free). Returns an exit code. */
int cli_read_prompt(const char *path, char **out);

/* --- encode.c: prompts through a language model --- */
typedef struct cli_encoding {
    ctvk_text prompt, device;
    const char *llm; /* --llm; NULL: looked for */
    uint64_t memory_limit;
    int32_t quiet;
} cli_encoding;
/* Where this user's language models lie: $XDG_DATA_HOME/ctvk or ~/.local/share/ctvk; "": nowhere. Static. */
const char *cli_data_folder(void);
int cli_check_llm(const char *path);
/* bundle NULL: to tokenise only, llm must be given. */
int cli_open_model(const cli_library *library, ctvk_bundle *bundle, const char *llm, ctvk_text_model **model);
/* Encodes a prompt, or finds it where the bundle knows it. job (NULL before) and model (NULL, or open already) are the caller's to destroy,
 * job first. */
int cli_encode(const cli_library *library, ctvk_bundle *bundle, const cli_encoding *what, cli_progress *progress, ctvk_text_job **job,
               ctvk_text_model **model);
/* Its parts, for whoever has something else to do meanwhile: the job; then its run; or run by oneself, what its status means. */
int cli_encode_begin(const cli_library *library, ctvk_bundle *bundle, const cli_encoding *what, cli_progress *progress, ctvk_text_job **job,
                     ctvk_text_model **model);
int cli_encode_run(const cli_library *library, ctvk_text_job *job, cli_progress *progress);
int cli_encode_end(const cli_library *library, ctvk_text_job *job, ctvk_status status, cli_progress *progress);

/* --- json.c --- */
/* The text of a field of one JSON object, decoded in place; -1: there is none. */
int cli_json_text_field(char *line, size_t length, const char *name, uint64_t *bytes);
void cli_json_string(FILE *file, const char *text, uint64_t length);
const char *cli_device_type(ctvk_device_type type);

#endif
