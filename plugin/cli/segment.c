#include "segment.h"

#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    [MODEL] = {"--model", "BUNDLE", "folder of the model bundle (required)", 0},
    [IMAGE] = {"--image", "CT.nii.gz", "the CT, NIfTI in Hounsfield units (required)", 0},
    [OUTPUT] = {"--output", "LABEL.nii.gz", "the label map, on the CT's grid (required); once per text", 1},
    [PROMPT] = {"--prompt", "TEXT",
                "clinical facts as the bundle's text model reads them; may be given\nagain for another contour on the same CT, each with "
                "its --output",
                1},
    [PROMPT_FILE] = {"--prompt-file", "FILE", "the same from a UTF-8 text file", 1},
    [FIELD] = {"--field", "NAME=VALUE", "one clinical fact for the bundle's template; once per field", 1},
    [EMBEDDING] = {"--text-embedding", "FILE.safetensors", "a text embedding made elsewhere (tensor text_embedding)", 1},
    [LLM] = {"--llm", "FILE.gguf", CLI_HELP_LLM, 0},
    [DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [PRECISION] = {"--precision", "auto|f32|f16",
                   "auto is f32; f16: the finest skip connection in 16\nbits a number, little more than half the device memory", 0},
    [MEMORY_LIMIT] = {"--memory-limit", "MIB", "device memory to stay under", 0},
    [LOGITS] = {"--logits", "FILE.safetensors", "also write the logits on the preprocessed grid", 1},
    [PROBABILITY] = {"--probability", "FILE.nii.gz", "also write each class's probability, on the CT's grid", 1},
    [REPORT] = {"--report", "FILE.json", "also write what ran, on what, with which result", 1},
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
    return cli_fail(CLI_USAGE, "--precision %.40s: unknown (auto, f32 or f16)", text);
}

/* The nth value of an option that may be given again, in the order of the command line; NULL: there are fewer. A host that fills value
 * alone has given it once. */
static const char *nth(const cli_arguments *a, int32_t number, int32_t n)
{
    int32_t found = 0;
    for (int32_t i = 0; i < a->many_count; i++)
        if (a->many_option[i] == number && found++ == n)
            return a->many[i];
    return found || n ? NULL : a->value[number];
}

static int32_t count_of(const cli_arguments *a, int32_t number)
{
    int32_t n = 0;
    while (nth(a, number, n))
        n++;
    return n;
}

/* One kind of text, which may be given several times: each is a target with files of its own. Fields make one text together. */
static int parse_texts(const cli_arguments *a, cli_segmentation *s)
{
    static const int kinds[] = {CLI_TEXT_PROMPT, CLI_TEXT_FILE, CLI_TEXT_FIELDS, CLI_TEXT_EMBEDDING};
    static const int numbers[] = {PROMPT, PROMPT_FILE, FIELD, EMBEDDING};
    int given = -1;
    for (int i = 0; i < 4; i++) {
        if (!a->value[numbers[i]])
            continue;
        if (given >= 0)
            return cli_fail(CLI_USAGE, "%s: the text is given already (give one of --prompt, --prompt-file, --field, --text-embedding)",
                            options[numbers[i]].name);
        given = i;
    }
    int32_t fields = count_of(a, FIELD), count = given < 0 || numbers[given] == FIELD ? 1 : count_of(a, numbers[given]);
    if (count > CLI_MAX_TEXTS)
        return cli_fail(CLI_USAGE, "%s: given %d times, %d texts are the most of one run (run it again for the others)",
                        options[numbers[given]].name, count, CLI_MAX_TEXTS);
    for (int32_t i = 0; i < fields; i++)
        s->field[i] = nth(a, FIELD, i);
    for (s->targets = 0; s->targets < count; s->targets++)
        s->target[s->targets].text = given < 0 ? (cli_text_source){CLI_TEXT_NONE, NULL, NULL, 0}
                                               : (cli_text_source){kinds[given], nth(a, numbers[given], s->targets), s->field, fields};
    return CLI_OK;
}

static int check_required(const cli_arguments *a)
{
    static const int required[] = {MODEL, IMAGE, OUTPUT};
    for (int i = 0; i < 3; i++)
        if (!a->value[required[i]])
            return cli_fail(CLI_USAGE, "%s: missing (give %s %s)", options[required[i]].name, options[required[i]].name,
                            options[required[i]].argument);
    for (int32_t i = 0; i < SEGMENT_OPTIONS; i++)
        for (int32_t n = 0; options[i].argument && nth(a, i, n); n++)
            if (!*nth(a, i, n) && i != PROMPT && i != DEVICE)
                return cli_fail(CLI_USAGE, "%s: empty (give %s %s)", options[i].name, options[i].name, options[i].argument);
    if (a->value[PROGRESS] && a->value[QUIET])
        return cli_fail(CLI_USAGE, "--quiet: given together with --progress (give one)");
    return CLI_OK;
}

/* Not an input, and not another output of this run. */
static int check_apart(const cli_arguments *a, const cli_outputs *outputs, const char *name, const char *path)
{
    static const int32_t inputs[] = {IMAGE, PROMPT_FILE, EMBEDDING, LLM};
    for (int32_t i = 0; i < outputs->count; i++)
        if (cli_same_file(path, outputs->output[i].path))
            return cli_fail(CLI_USAGE, "%s: names the same file as %s (choose another name)", name,
                            strcmp(name, outputs->output[i].option) ? outputs->output[i].option : "the one before");
    for (int i = 0; i < 4; i++)
        for (int32_t n = 0; nth(a, inputs[i], n); n++)
            if (cli_same_file(path, nth(a, inputs[i], n)))
                return cli_fail(CLI_USAGE, "%s: would overwrite the file of %s (choose another name)", name, options[inputs[i]].name);
    return CLI_OK;
}

static int check_output(const cli_arguments *a, cli_segmentation *s, int32_t target, int place)
{
    static const int32_t numbers[PLACES] = {OUTPUT, PROBABILITY, LOGITS, REPORT};
    const char *path = nth(a, numbers[place], target), *name = options[numbers[place]].name;
    int32_t count = count_of(a, numbers[place]);
    s->target[target].place[place] = -1;
    if (count && count != s->targets)
        return cli_fail(CLI_USAGE, "%s: given %d times for %d texts (give it once for each text, in the same order)", name, count,
                        s->targets);
    if (!path)
        return CLI_OK;
    const char *extension = place == PLACE_LABEL || place == PLACE_PROBABILITY ? nifti_extension(path) : ".part";
    if (!extension)
        return cli_fail(CLI_USAGE, "%s %.200s: not a NIfTI name (end it with .nii.gz or .nii)", name, path);
    int code = check_apart(a, &s->outputs, name, path);
    if (code != CLI_OK)
        return code;
    s->target[target].place[place] = s->outputs.count;
    return cli_outputs_add(&s->outputs, name, path, extension);
}

static int check_outputs(const cli_arguments *a, cli_segmentation *s)
{
    int code = CLI_OK;
    for (int32_t target = 0; target < s->targets && code == CLI_OK; target++)
        for (int place = 0; place < PLACES && code == CLI_OK; place++)
            code = check_output(a, s, target, place);
    return code;
}

static int parse(const cli_arguments *a, cli_segmentation *s)
{
    s->options = (ctvk_job_options)CTVK_JOB_OPTIONS_INIT;
    s->model = a->value[MODEL];
    s->image_path = a->value[IMAGE];
    s->llm = a->value[LLM];
    s->quiet = a->value[QUIET] != NULL;
    int code = check_required(a);
    if (code == CLI_OK && a->value[MEMORY_LIMIT])
        code = cli_parse_limit(a->value[MEMORY_LIMIT], &s->options.memory_limit);
    if (code == CLI_OK && a->value[PRECISION])
        code = parse_precision(a->value[PRECISION], &s->options.precision);
    if (code == CLI_OK)
        code = cli_parse_self_test(a->value[SELF_TEST]);
    if (code == CLI_OK)
        code = parse_texts(a, s);
    if (code == CLI_OK)
        code = check_outputs(a, s);
    if (code == CLI_OK)
        code = cli_check_llm(a->value[LLM]);
    s->options.device = cli_text(cli_device(a->value[DEVICE]));
    s->options.want = (a->value[PROBABILITY] ? CTVK_WANT_PROBABILITY : 0) | (a->value[LOGITS] ? CTVK_WANT_LOGITS : 0);
    s->options.keep = s->targets > 1 ? CTVK_KEEP_ENCODER : 0;
    return code;
}

static int run(const cli_arguments *a)
{
    cli_segmentation *s = calloc(1, sizeof *s); /* the names of many files: too large for a small stack */
    int code = s ? parse(a, s) : cli_fail(CLI_MEMORY, "segment: no host memory (close other programs)");
    if (code == CLI_OK)
        code = cli_segment_run(s);
    free(s);
    return code;
}

const cli_command cli_segment = {
    "segment",
    "Segments a CT with a model bundle. The label map lies on the CT's own grid and holds the label names (NIfTI extension).",
    "ctvk segment --model BUNDLE --image CT.nii.gz --output LABEL.nii.gz\n"
    "             [--prompt TEXT | --prompt-file FILE | --field NAME=VALUE ... | --text-embedding FILE.safetensors]\n"
    "             [--llm FILE.gguf] [--device SELECTOR] [--precision auto|f32|f16] [--memory-limit MIB]\n"
    "             [--logits FILE.safetensors] [--probability FILE.nii.gz] [--report FILE.json] [--self-test auto|force|skip]\n"
    "             [--progress|--quiet]",
    "Several texts, each with its own --output (and --report, --logits, --probability, where wanted), are contoured on the same CT in one\n"
    "run: what does not depend on the text is computed once.\n"
    "Files appear when all of them are whole; a failed or cancelled run leaves nothing and harms nothing. Ctrl-C cancels.",
    NULL,
    options,
    SEGMENT_OPTIONS,
    run};
