#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int32_t find_option(const cli_command *command, const char *name, size_t length)
{
    for (int32_t i = 0; i < command->option_count; i++)
        if (strlen(command->options[i].name) == length && memcmp(command->options[i].name, name, length) == 0)
            return i;
    return -1;
}

static int store(const cli_command *command, int32_t number, const char *value, cli_arguments *out)
{
    const cli_option *option = &command->options[number];
    if (option->many) {
        if (out->many_count == CLI_MAX_MANY)
            return cli_fail(CLI_USAGE, "%s: given more than %d times (give fewer)", option->name, CLI_MAX_MANY);
        out->many_option[out->many_count] = number;
        out->many[out->many_count++] = value;
    } else if (out->value[number]) {
        return cli_fail(CLI_USAGE, "%s: given twice (give it once)", option->name);
    }
    out->value[number] = value;
    return CLI_OK;
}

/* One option at argv[*at]; *at moves to its last word. */
static int parse_option(const cli_command *command, int argc, char **argv, int *at, cli_arguments *out)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    int32_t number = find_option(command, word, length);
    if (number < 0)
        return cli_fail(CLI_USAGE, "%.*s: unknown option (see %s%s --help)", (int)(length < 80 ? length : 80), word, cli_invocation,
                        command->name);
    const cli_option *option = &command->options[number];
    if (!option->argument)
        return equals ? cli_fail(CLI_USAGE, "%s: takes no value (leave out \"=...\")", option->name) : store(command, number, "", out);
    if (equals)
        return store(command, number, equals + 1, out);
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
        return cli_fail(CLI_USAGE, "%s: its value is missing (give %s %s; a value that begins with -- as %s=VALUE)", option->name,
                        option->name, option->argument, option->name);
    return store(command, number, argv[++*at], out);
}

int cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *out)
{
    int only_positions = 0;
    int32_t positions = command->position ? strchr(command->position, ' ') ? 2 : 1 : 0;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            out->help = 1;
            return CLI_OK;
        } else if (strcmp(argv[i], "--") == 0) {
            break;
        }
    for (int i = 0; i < argc; i++) {
        int code = CLI_OK;
        if (!only_positions && strcmp(argv[i], "--") == 0)
            only_positions = 1;
        else if (!only_positions && argv[i][0] == '-' && argv[i][1])
            code = parse_option(command, argc, argv, &i, out);
        else if (!command->position)
            code = cli_fail(CLI_USAGE, "%.80s: unexpected word (every argument of %s has an option; see %s%s --help)", argv[i],
                            command->name, cli_invocation, command->name);
        else if (out->position_count == positions)
            code = cli_fail(CLI_USAGE, "%.80s: one word too many after %s (see %s%s --help)", argv[i], command->position, cli_invocation,
                            command->name);
        else
            out->position[out->position_count++] = argv[i];
        if (code != CLI_OK)
            return code;
    }
    if (positions && command->position[0] != '[' && out->position_count < positions)
        return cli_fail(CLI_USAGE, "%s: missing (see %s%s --help)", command->position, cli_invocation, command->name);
    return CLI_OK;
}

int cli_parse_limit(const char *text, uint64_t *bytes)
{
    char *end;
    errno = 0;
    unsigned long long mib = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (!mib || *end || errno || mib > UINT64_MAX >> 21)
        return cli_fail(CLI_USAGE, "--memory-limit %.40s: not a positive whole number of MiB (for example --memory-limit 1024)", text);
    *bytes = (uint64_t)mib << 20;
    return CLI_OK;
}

static void print_option(const char *name, const char *argument, const char *help)
{
    char left[64];
    snprintf(left, sizeof left, "%s %s", name, argument ? argument : "");
    printf("  %-34s", left);
    for (const char *line = help; line;) {
        const char *end = strchr(line, '\n');
        printf("%s%.*s\n", line == help ? "" : "                                    ", end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
    }
}

void cli_print_help(const cli_command *command)
{
    printf("usage: %s\n\n%s\n\n", command->usage, command->summary);
    for (int32_t i = 0; i < command->option_count; i++)
        print_option(command->options[i].name, command->options[i].argument, command->options[i].help);
    print_option("--help", NULL, "this text");
    if (command->notes)
        printf("\n%s\n", command->notes);
}
