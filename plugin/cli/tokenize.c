#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LLM, PROMPT, JSONL, TOKENIZE_OPTIONS };

static const cli_option options[] = {
    [LLM] = {"--llm", "FILE.gguf", "the language model, or a GGUF with its vocabulary alone (required)", 0},
    [PROMPT] = {"--prompt", "TEXT", "text to tokenise", 0},
    [JSONL] = {"--jsonl", NULL, "read lines {\"text\": \"...\"} from standard input and answer each\nwith {\"tokens\": [...]}", 0},
};
_Static_assert(sizeof options / sizeof *options == TOKENIZE_OPTIONS, "one entry per number");

static int print_tokens(const cli_library *library, ctvk_text_model *model, const char *text, uint64_t length, const char *before,
                        const char *after)
{
    const int32_t *ids;
    uint64_t count;
    ctvk_text message;
    ctvk_status status = library->texts->tokenize(model, text, length, &ids, &count);
    if (status != CTVK_OK) {
        library->texts->last_error(model, &message);
        return cli_fail_status(status, &message);
    }
    printf("%s[", before);
    for (uint64_t i = 0; i < count; i++)
        printf("%s%d", i ? ", " : "", ids[i]);
    printf("]%s\n", after);
    return CLI_OK;
}

static int answer_lines(const cli_library *library, ctvk_text_model *model)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length;
    int code = CLI_OK;
    while (code == CLI_OK && !cli_interrupted() && (length = getline(&line, &room, stdin)) >= 0) {
        uint64_t bytes;
        number++;
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = 0;
        if (cli_json_text_field(line, (size_t)length, "text", &bytes) != 0)
            code = cli_fail(CLI_INPUT, "standard input: line %zu is not {\"text\": \"...\"} (one JSON object a line)", number);
        else
            code = print_tokens(library, model, line, bytes, "{\"tokens\": ", "}");
    }
    free(line);
    if (code == CLI_OK && cli_interrupted())
        return cli_fail(CLI_CANCELLED, "tokenize: cancelled (run it again)");
    if (code == CLI_OK && ferror(stdin))
        return cli_fail(CLI_INPUT, "standard input: %s (check the pipe)", strerror(errno));
    return code;
}

static int run(const cli_arguments *a)
{
    cli_library library;
    ctvk_text_model *model = NULL;
    if (!a->value[LLM] || !*a->value[LLM])
        return cli_fail(CLI_USAGE, "--llm: missing (give --llm FILE.gguf)");
    if (!a->value[PROMPT] == !a->value[JSONL])
        return cli_fail(CLI_USAGE, "--prompt: %s (give one of --prompt, --jsonl)",
                        a->value[PROMPT] ? "given together with --jsonl" : "missing");
    int code = cli_library_open(&library);
    cli_catch_interrupts();
    if (code == CLI_OK)
        code = cli_open_model(&library, NULL, a->value[LLM], &model);
    if (code == CLI_OK && a->value[PROMPT])
        code = print_tokens(&library, model, a->value[PROMPT], CTVK_STRLEN, "", "");
    else if (code == CLI_OK)
        code = answer_lines(&library, model);
    if (library.context)
        library.texts->close(model);
    cli_library_close(&library);
    return code == CLI_OK ? cli_flush() : code;
}

const cli_command cli_tokenize = {"tokenize",
                                  "Prints the token ids of a text as a JSON array, as the language model reads it: no BOS, no <SEG>.",
                                  "ctvk tokenize --llm FILE.gguf [--prompt TEXT | --jsonl]",
                                  "Markup in the text (<s>, <|im_start|>) is plain text.",
                                  NULL,
                                  options,
                                  TOKENIZE_OPTIONS,
                                  run};
