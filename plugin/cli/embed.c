#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL, OUTPUT, PROMPT, PROMPT_FILE, FIELD, LLM, DEVICE, MEMORY_LIMIT, SELF_TEST, PROGRESS, QUIET, EMBED_OPTIONS };

static const cli_option options[] = {
    [MODEL] = {"--model", "BUNDLE", "folder of the model bundle (required)", 0},
    [OUTPUT] = {"--output", "FILE.safetensors", "where the embedding goes (required)", 0},
    [PROMPT] = {"--prompt", "TEXT", "clinical facts as the bundle's text model reads them", 0},
    [PROMPT_FILE] = {"--prompt-file", "FILE", "the same from a UTF-8 text file", 0},
    [FIELD] = {"--field", "NAME=VALUE", "one clinical fact for the bundle's template; once per field", 1},
    [LLM] = {"--llm", "FILE.gguf", CLI_HELP_LLM, 0},
    [DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [MEMORY_LIMIT] = {"--memory-limit", "MIB", "device memory to stay under; weights that do not fit are streamed", 0},
    [SELF_TEST] = {"--self-test", "auto|force|skip", CLI_HELP_SELF_TEST, 0},
    [PROGRESS] = {"--progress", NULL, "show progress on stderr (default)", 0},
    [QUIET] = {"--quiet", NULL, "show no progress", 0},
};
_Static_assert(sizeof options / sizeof *options == EMBED_OPTIONS, "one entry per number");
_Static_assert(EMBED_OPTIONS <= CLI_MAX_OPTIONS, "room for the values");

typedef struct embedding {
    cli_library library;
    cli_encoding what;
    cli_text_source source;
    cli_outputs outputs;
    cli_progress progress;
    ctvk_bundle *bundle;
    ctvk_text_model *model;
    ctvk_text_job *job;
    char *buffer;
} embedding;

static int check_words(const cli_arguments *a, embedding *e)
{
    static const int kinds[] = {CLI_TEXT_PROMPT, CLI_TEXT_FILE, CLI_TEXT_FIELDS}, numbers[] = {PROMPT, PROMPT_FILE, FIELD};
    static const int required[] = {MODEL, OUTPUT};
    for (int i = 0; i < 2; i++)
        if (!a->value[required[i]] || !*a->value[required[i]])
            return cli_fail(CLI_USAGE, "%s: missing (give %s %s)", options[required[i]].name, options[required[i]].name,
                            options[required[i]].argument);
    if (a->value[PROGRESS] && a->value[QUIET])
        return cli_fail(CLI_USAGE, "--quiet: given together with --progress (give one)");
    e->source = (cli_text_source){CLI_TEXT_NONE, NULL, a->many, a->many_count};
    for (int i = 0; i < 3; i++) {
        if (!a->value[numbers[i]])
            continue;
        if (e->source.kind != CLI_TEXT_NONE)
            return cli_fail(CLI_USAGE, "%s: the text is given already (give one of --prompt, --prompt-file, --field)",
                            options[numbers[i]].name);
        e->source.kind = kinds[i];
        e->source.value = a->value[numbers[i]];
    }
    if (e->source.kind == CLI_TEXT_NONE)
        return cli_fail(CLI_USAGE, "--prompt: missing (give one of --prompt, --prompt-file, --field)");
    return CLI_OK;
}

static int write_embedding(embedding *e)
{
    cli_output *output = &e->outputs.output[0];
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    e->library.texts->result(e->job, &info);
    uint64_t shape[2] = {info.prompts, info.dim};
    output->is_staged = 1;
    if (e->library.images->write_tensor(e->library.context, output->staged, CTVK_STRLEN, "text_embedding", 2, shape, info.values) !=
        CTVK_OK)
        return cli_context_error(&e->library);
    if (cli_interrupted())
        return cli_fail(CLI_CANCELLED, "embed: cancelled (nothing was written; run it again)");
    int code = cli_outputs_commit(&e->outputs);
    if (code == CLI_OK && info.truncated)
        cli_warn("the prompt is longer than the model reads: only its first %u tokens were read (shorten it)", info.tokens);
    if (code == CLI_OK && !e->what.quiet && info.device.length)
        fprintf(stderr, "ctvk: embedding: %u x %u, %u tokens read, on %s in %.2f s, %.0f MiB of device memory%s\n", info.prompts, info.dim,
                info.tokens, info.device.data, info.seconds, (double)info.peak_bytes / 1048576, info.streamed ? ", weights streamed" : "");
    else if (code == CLI_OK && !e->what.quiet)
        fprintf(stderr, "ctvk: embedding: %u x %u, from the bundle's cache\n", info.prompts, info.dim);
    return code;
}

static int encode(embedding *e, const char *folder)
{
    ctvk_job_options text = CTVK_JOB_OPTIONS_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    int code = cli_open_bundle(&e->library, folder, &e->bundle);
    if (code != CLI_OK)
        return code;
    e->library.bundles->info(e->bundle, &info);
    if (!info.has_text)
        return cli_fail(CLI_USAGE, "bundle \"%s\": a vision-only model, which takes no text (choose a bundle with text)", info.name.data);
    code = cli_find_text(&e->library, e->bundle, &e->source, &text, &e->buffer);
    e->what.prompt = text.prompt;
    cli_progress_begin(&e->progress, e->what.quiet);
    if (code == CLI_OK)
        code = cli_encode(&e->library, e->bundle, &e->what, &e->progress, &e->job, &e->model);
    return code == CLI_OK ? write_embedding(e) : code;
}

static int run(const cli_arguments *a)
{
    embedding e;
    memset(&e, 0, sizeof e);
    int code = check_words(a, &e);
    if (code == CLI_OK && a->value[MEMORY_LIMIT])
        code = cli_parse_limit(a->value[MEMORY_LIMIT], &e.what.memory_limit);
    if (code == CLI_OK)
        code = cli_parse_self_test(a->value[SELF_TEST]);
    if (code == CLI_OK)
        code = cli_outputs_add(&e.outputs, "--output", a->value[OUTPUT], ".part");
    if (code == CLI_OK)
        code = cli_check_llm(a->value[LLM]);
    if (code != CLI_OK)
        return code;
    e.what.llm = a->value[LLM];
    e.what.quiet = a->value[QUIET] != NULL;
    e.what.device = cli_text(cli_device(a->value[DEVICE]));
    cli_catch_interrupts();
    code = cli_library_open(&e.library);
    if (code == CLI_OK)
        code = encode(&e, a->value[MODEL]);
    cli_outputs_discard(&e.outputs);
    if (e.library.context) {
        e.library.texts->destroy(e.job);
        e.library.texts->close(e.model);
        e.library.bundles->destroy(e.bundle);
    }
    cli_library_close(&e.library);
    free(e.buffer);
    return code;
}

const cli_command cli_embed = {
    "embed",
    "Encodes a prompt with the bundle's language model into a file that segment --text-embedding takes.",
    "ctvk embed --model BUNDLE --output FILE.safetensors [--prompt TEXT | --prompt-file FILE | --field NAME=VALUE ...]\n"
    "             [--llm FILE.gguf] [--device SELECTOR] [--memory-limit MIB] [--self-test auto|force|skip]\n"
    "             [--progress|--quiet]",
    "The file holds the tensor text_embedding, [prompts, embedding_dim], float32. Ctrl-C cancels.",
    NULL,
    options,
    EMBED_OPTIONS,
    run};
