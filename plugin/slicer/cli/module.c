#include "slicer/cli/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_MODEL,
    S_PROMPT,
    S_FIELD,
    S_LLM,
    S_DEVICE,
    S_MEMORY_LIMIT,
    S_REPORT,
    S_RETURNS,
    S_SHARED,
    S_IN_MEMORY,
    S_XML,
    S_VERSION,
    S_OPTIONS
};

static const cli_option options[] = {
    [S_MODEL] = {"--model", "BUNDLE", "folder of the model bundle (required)", 0},
    [S_PROMPT] = {"--prompt", "TEXT", "clinical facts as the bundle's text model reads them", 0},
    [S_FIELD] = {"--field", "NAME=VALUE,...", "clinical facts for the bundle's template; again, or with commas", 1},
    [S_LLM] = {"--llm", "FILE.gguf", CLI_HELP_LLM, 0},
    [S_DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [S_MEMORY_LIMIT] = {"--memory_limit", "MIB", "device memory to stay under; 0: what the device has", 0},
    [S_REPORT] = {"--report", "FILE.json", "also write what ran, on what, with which result", 0},
    [S_RETURNS] = {"--returnparameterfile", "FILE", "volumes in ml and warnings, as lines NAME = VALUE", 0},
    [S_SHARED] = {"--processinformationaddress", "HEX", "set by Slicer for a module in its own process", 0},
    [S_IN_MEMORY] = {"--allow_in_memory_transfer", NULL, "refused: this module reads files", 0},
    [S_XML] = {"--xml", NULL, "print the module's description (Slicer Execution Model)", 0},
    [S_VERSION] = {"--version", NULL, "print the version", 0},
};
_Static_assert(sizeof options / sizeof *options == S_OPTIONS, "one entry per number");
_Static_assert(S_OPTIONS <= CLI_MAX_OPTIONS, "room for the values");

static const cli_command module = {"ctvk-slicer",
                                   "Segments a CT with a model bundle, as a CLI module of 3D Slicer.",
                                   "ctvk-slicer --model BUNDLE [options] CT.nii.gz LABEL.nii.gz",
                                   "Progress goes to stdout as Slicer reads it. Exit codes as of ctvk.",
                                   "CT.nii.gz LABEL.nii.gz",
                                   options,
                                   S_OPTIONS,
                                   NULL};
const char cli_invocation[] = "";
slicer_run slicer_now;

static int refuse_reference(const char *what, const char *value)
{
    if (value && strncmp(value, "slicer:", 7) == 0)
        return cli_fail(CLI_USAGE,
                        "%s %.120s: a reference into Slicer's memory, and this module reads files (let Slicer write the volume to a "
                        ".nii.gz file: use the executable ctvk-slicer, or turn in-memory transfer off)",
                        what, value);
    return CLI_OK;
}

static int check_references(const cli_arguments *a)
{
    static const int paths[] = {S_MODEL, S_LLM, S_REPORT, S_RETURNS};
    int code = refuse_reference("CT", a->position[0]);
    if (code == CLI_OK)
        code = refuse_reference("LABEL", a->position[1]);
    for (size_t i = 0; i < sizeof paths / sizeof *paths && code == CLI_OK; i++)
        code = refuse_reference(options[paths[i]].name, a->value[paths[i]]);
    if (code == CLI_OK && a->value[S_IN_MEMORY])
        code = cli_fail(CLI_USAGE, "--allow_in_memory_transfer: not possible, this module reads files (leave it out)");
    return code;
}

/* Slicer hands on what its dialog holds, so an empty value means that nothing was given. */
static const char *given(const char *value)
{
    return value && *value ? value : NULL;
}

/* Cuts "side=left,n_stage=N0" at the commas that a NAME= follows: values may hold commas. text is written. */
static int split_fields(char *text, cli_arguments *out)
{
    for (char *piece = text; piece;) {
        char *comma = strchr(piece, ',');
        while (comma) {
            char *next = strchr(comma + 1, ','), *equals = strchr(comma + 1, '=');
            if (equals && (!next || equals < next))
                break;
            comma = next;
        }
        if (comma)
            *comma++ = 0;
        if (out->many_count == CLI_MAX_MANY)
            return cli_fail(CLI_USAGE, "--field: more than %d facts (give fewer)", CLI_MAX_MANY);
        out->many_option[out->many_count] = FIELD;
        out->many[out->many_count++] = piece;
        out->value[FIELD] = piece;
        piece = comma;
    }
    return CLI_OK;
}

/* buffer: OWNED by the caller (free); the fields lie in it. */
static int translate_fields(const cli_arguments *a, cli_arguments *out, char **buffer)
{
    size_t bytes = 1;
    int code = CLI_OK;
    for (int32_t i = 0; i < a->many_count; i++)
        bytes += strlen(a->many[i]) + 1;
    char *at = *buffer = malloc(bytes);
    if (!at)
        return cli_fail(CLI_MEMORY, "--field: no memory for it (close other programs)");
    for (int32_t i = 0; i < a->many_count && code == CLI_OK; i++) {
        size_t length = strlen(a->many[i]);
        if (!length)
            continue;
        memcpy(at, a->many[i], length + 1);
        code = split_fields(at, out);
        at += length + 1;
    }
    return code;
}

/* The command line of `ctvk segment` that means the same. */
static int translate(const cli_arguments *a, cli_arguments *out, char **buffer)
{
    const char *limit = given(a->value[S_MEMORY_LIMIT]);
    memset(out, 0, sizeof *out);
    out->value[MODEL] = given(a->value[S_MODEL]);
    out->value[IMAGE] = a->position[0];
    out->value[OUTPUT] = a->position[1];
    out->value[PROMPT] = given(a->value[S_PROMPT]);
    out->value[LLM] = given(a->value[S_LLM]);
    out->value[DEVICE] = given(a->value[S_DEVICE]);
    out->value[MEMORY_LIMIT] = limit && strcmp(limit, "0") != 0 ? limit : NULL;
    out->value[REPORT] = given(a->value[S_REPORT]);
    return translate_fields(a, out, buffer);
}

/* Before hours of work: a file that cannot be written is an error now. */
static int check_returns(const char *path)
{
    FILE *file = path ? fopen(path, "ae") : NULL;
    if (path && (!file || fclose(file) != 0))
        return cli_fail(CLI_INPUT, "--returnparameterfile %.300s: %s (check the folder and the disk)", path, strerror(errno));
    return CLI_OK;
}

static int parse_address(const char *text, slicer_shared **out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long address = text ? strtoull(text, &end, 16) : 0;
    if (text && (!address || *end || errno || address > UINTPTR_MAX))
        return cli_fail(CLI_USAGE, "--processinformationaddress %.40s: no address (leave it out)", text);
    *out = (slicer_shared *)(uintptr_t)address;
    return CLI_OK;
}

static int run(const cli_arguments *a, int in_process)
{
    cli_arguments segment;
    char *buffer = NULL;
    int code = check_references(a);
    if (code == CLI_OK)
        code = translate(a, &segment, &buffer);
    if (code == CLI_OK)
        code = check_returns(given(a->value[S_RETURNS]));
    /* In a process of its own the address would be one of another process. */
    if (code == CLI_OK && in_process)
        code = parse_address(given(a->value[S_SHARED]), &slicer_now.shared);
    slicer_now.returns = given(a->value[S_RETURNS]);
    if (code == CLI_OK)
        code = cli_segment.run(&segment);
    free(buffer);
    return code;
}

int slicer_module(int argc, char **argv, int in_process)
{
    cli_arguments arguments;
    memset(&slicer_now, 0, sizeof slicer_now);
    /* These two stand alone on Slicer's command line; the parser would miss the images. */
    if (argc == 2 && strcmp(argv[1], "--xml") == 0) {
        fputs(XMLModuleDescription, stdout);
        return cli_flush();
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("ctvk-slicer %d.%d.%d\n", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
        return cli_flush();
    }
    int code = cli_parse(&module, argc - 1, argv + 1, &arguments);
    if (code != CLI_OK)
        return code;
    if (arguments.help) {
        cli_print_help(&module);
        return cli_flush();
    }
    if (arguments.value[S_XML] || arguments.value[S_VERSION])
        return cli_fail(CLI_USAGE, "%s: stands alone (leave the rest out)", arguments.value[S_XML] ? "--xml" : "--version");
    code = run(&arguments, in_process);
    int written = cli_flush();
    memset(&slicer_now, 0, sizeof slicer_now);
    return code == CLI_OK ? written : code;
}
