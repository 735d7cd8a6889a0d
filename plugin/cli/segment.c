#include "segment.h"

#include <string.h>

static const cli_option options[] = {
    [MODEL] = {"--model", "BUNDLE", "folder of the model bundle (required)", 0},
    [IMAGE] = {"--image", "CT.nii.gz", "the CT, NIfTI in Hounsfield units (required)", 0},
    [OUTPUT] = {"--output", "LABEL.nii.gz", "the label map, on the CT's grid (required)", 0},
    [PROMPT] = {"--prompt", "TEXT", "clinical facts as the bundle's text model reads them", 0},
    [PROMPT_FILE] = {"--prompt-file", "FILE", "the same from a UTF-8 text file", 0},
    [FIELD] = {"--field", "NAME=VALUE", "one clinical fact for the bundle's template; once per field", 1},
    [EMBEDDING] = {"--text-embedding", "FILE.safetensors", "a text embedding made elsewhere (tensor text_embedding)", 0},
    [LLM] = {"--llm", "FILE.gguf", CLI_HELP_LLM, 0},
    [DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [PRECISION] = {"--precision", "auto|f32|f16", "auto is f32; this version has no f16", 0},
    [MEMORY_LIMIT] = {"--memory-limit", "MIB", "device memory to stay under", 0},
    [LOGITS] = {"--logits", "FILE.safetensors", "also write the logits on the preprocessed grid", 0},
    [PROBABILITY] = {"--probability", "FILE.nii.gz", "also write each class's probability, on the CT's grid", 0},
    [REPORT] = {"--report", "FILE.json", "also write what ran, on what, with which result", 0},
    [SELF_TEST] = {"--self-test", "auto|force|skip", CLI_HELP_SELF_TEST, 0},
    [PROGRESS] = {"--progress", NULL, "show progress on stderr (default)", 0},
    [QUIET] = {"--quiet", NULL, "show no progress", 0},
};
_Static_assert(sizeof options / sizeof *options == SEGMENT_OPTIONS, "one entry per number");

_Static_assert(SEGMENT_OPTIONS <= CLI_MAX_OPTIONS, "room for the values");

static const char *nifti_extension(const char *path)
{
    size_t length = strlen(path);
    if (length > 7 && strcmp(path + length - 7, ".nii.gz") == 0)
        return ".nii.gz";
    return length > 4 && strcmp(path + length - 4, ".nii") == 0 ? ".nii" : NULL;
}

static int parse_precision(const char *text, ctvk_precision *out)
{
    static const char *const names[] = {"auto", "f32", "f16"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return CLI_OK;
        }
    return cli_fail(CLI_USAGE, "--precision %.40s: unknown (auto or f32)", text);
}

static int parse_text(const cli_arguments *a, cli_text_source *out)
{
    static const int kinds[] = {CLI_TEXT_PROMPT, CLI_TEXT_FILE, CLI_TEXT_FIELDS, CLI_TEXT_EMBEDDING};
    static const int numbers[] = {PROMPT, PROMPT_FILE, FIELD, EMBEDDING};
    *out = (cli_text_source){CLI_TEXT_NONE, NULL, a->many, a->many_count};
    for (int i = 0; i < 4; i++) {
        const char *value = a->value[numbers[i]];
        if (!value)
            continue;
        if (out->kind != CLI_TEXT_NONE)
            return cli_fail(CLI_USAGE, "%s: the text is given already (give one of --prompt, --prompt-file, --field, --text-embedding)",
                            options[numbers[i]].name);
        out->kind = kinds[i];
        out->value = value;
    }
    return CLI_OK;
}

static int check_required(const cli_arguments *a)
{
    static const int required[] = {MODEL, IMAGE, OUTPUT};
    for (int i = 0; i < 3; i++)
        if (!a->value[required[i]])
            return cli_fail(CLI_USAGE, "%s: missing (give %s %s)", options[required[i]].name, options[required[i]].name,
                            options[required[i]].argument);
    for (int i = 0; i < SEGMENT_OPTIONS; i++)
        if (a->value[i] && options[i].argument && !*a->value[i] && i != PROMPT && i != DEVICE)
            return cli_fail(CLI_USAGE, "%s: empty (give %s %s)", options[i].name, options[i].name, options[i].argument);
    if (a->value[PROGRESS] && a->value[QUIET])
        return cli_fail(CLI_USAGE, "--quiet: given together with --progress (give one)");
    return CLI_OK;
}

static int check_outputs(const cli_arguments *a, cli_segmentation *s)
{
    static const int numbers[] = {OUTPUT, PROBABILITY, LOGITS, REPORT};
    static const int inputs[] = {IMAGE, PROMPT_FILE, EMBEDDING, LLM};
    for (int i = 0; i < 4; i++) {
        const char *path = a->value[numbers[i]], *name = options[numbers[i]].name;
        s->place[i] = -1;
        if (!path)
            continue;
        const char *extension = i < 2 ? nifti_extension(path) : ".part";
        if (!extension)
            return cli_fail(CLI_USAGE, "%s %.200s: not a NIfTI name (end it with .nii.gz or .nii)", name, path);
        for (int j = 0; j < i; j++)
            if (a->value[numbers[j]] && cli_same_file(path, a->value[numbers[j]]))
                return cli_fail(CLI_USAGE, "%s: names the same file as %s (choose another name)", name, options[numbers[j]].name);
        for (int j = 0; j < 4; j++)
            if (a->value[inputs[j]] && cli_same_file(path, a->value[inputs[j]]))
                return cli_fail(CLI_USAGE, "%s: would overwrite the file of %s (choose another name)", name, options[inputs[j]].name);
        s->place[i] = s->outputs.count;
        int code = cli_outputs_add(&s->outputs, name, path, extension);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

static int run(const cli_arguments *a)
{
    cli_segmentation s;
    memset(&s, 0, sizeof s);
    s.options = (ctvk_job_options)CTVK_JOB_OPTIONS_INIT;
    s.model = a->value[MODEL];
    s.image_path = a->value[IMAGE];
    s.llm = a->value[LLM];
    s.quiet = a->value[QUIET] != NULL;
    int code = check_required(a);
    if (code == CLI_OK && a->value[MEMORY_LIMIT])
        code = cli_parse_limit(a->value[MEMORY_LIMIT], &s.options.memory_limit);
    if (code == CLI_OK && a->value[PRECISION])
        code = parse_precision(a->value[PRECISION], &s.options.precision);
    if (code == CLI_OK && s.options.precision == CTVK_PRECISION_F16)
        code = cli_fail(CLI_USAGE, "--precision f16: not part of this version (auto or f32)");
    if (code == CLI_OK)
        code = cli_parse_self_test(a->value[SELF_TEST]);
    if (code == CLI_OK)
        code = parse_text(a, &s.text);
    if (code == CLI_OK)
        code = check_outputs(a, &s);
    if (code == CLI_OK)
        code = cli_check_llm(a->value[LLM]);
    if (code != CLI_OK)
        return code;
    s.options.device = cli_text(cli_device(a->value[DEVICE]));
    s.options.want = (s.place[PLACE_PROBABILITY] >= 0 ? CTVK_WANT_PROBABILITY : 0) | (s.place[PLACE_LOGITS] >= 0 ? CTVK_WANT_LOGITS : 0);
    return cli_segment_run(&s);
}

const cli_command cli_segment = {
    "segment",
    "Segments a CT with a model bundle. The label map lies on the CT's own grid and holds the label names (NIfTI extension).",
    "ctvk segment --model BUNDLE --image CT.nii.gz --output LABEL.nii.gz\n"
    "             [--prompt TEXT | --prompt-file FILE | --field NAME=VALUE ... | --text-embedding FILE.safetensors]\n"
    "             [--llm FILE.gguf] [--device SELECTOR] [--precision auto|f32|f16] [--memory-limit MIB]\n"
    "             [--logits FILE.safetensors] [--probability FILE.nii.gz] [--report FILE.json] [--self-test auto|force|skip]\n"
    "             [--progress|--quiet]",
    "Files appear when all of them are whole; a failed or cancelled run leaves nothing and harms nothing. Ctrl-C cancels.",
    NULL,
    options,
    SEGMENT_OPTIONS,
    run};
