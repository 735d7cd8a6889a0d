#include "cli.h"

#include <string.h>

static const cli_command *const commands[] = {&cli_segment, &cli_embed,    &cli_tokenize, &cli_devices,  &cli_inspect,
                                              &cli_verify,  &cli_evaluate, &cli_review,   &cli_selftest, &cli_tune};
enum { COMMANDS = sizeof commands / sizeof *commands };
const char cli_invocation[] = "ctvk ";

static int print_version(void)
{
    printf("ctvk %d.%d.%d\n", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    return cli_flush();
}

static int print_help(void)
{
    printf("ctvk: radiotherapy target volumes from a CT and clinical text, on any Vulkan device. Not for clinical use.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("%s\n    %s\n", commands[i]->usage, commands[i]->summary);
    printf(
        "ctvk --version | --help | COMMAND --help\n\n"
        "exit codes: 0 done, 2 command line, 3 input or output file, 4 bundle or hash, 5 no usable device, 6 memory, 7 cancelled,\n"
        "            8 device failure or internal error\n"
        "environment: CTVK_DEVICE (as --device), CTVK_SELF_TEST (as --self-test), CTVK_LOG=error|warning|info|debug, CTVK_VALIDATION=1,\n"
        "            CTVK_MASK=WORD,... (devices are used without these; ctvk(1) lists them), CTVK_TRACE=FILE (where the time goes, for\n"
        "            Perfetto), and the Vulkan loader's own\n");
    return cli_flush();
}

int main(int argc, char **argv)
{
    cli_arguments arguments;
    if (argc < 2)
        return cli_fail(CLI_USAGE, "command: none was given (segment, embed, tokenize, devices, inspect, verify, evaluate, review, "
                                   "selftest or tune; see ctvk --help)");
    if (strcmp(argv[1], "--version") == 0)
        return argc == 2 ? print_version() : cli_fail(CLI_USAGE, "--version: takes nothing after it (leave the rest out)");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0)
            continue;
        int code = cli_parse(commands[i], argc - 2, argv + 2, &arguments);
        if (code != CLI_OK)
            return code;
        if (!arguments.help) {
            cli_prepare_environment();
            return commands[i]->run(&arguments);
        }
        cli_print_help(commands[i]);
        return cli_flush();
    }
    return cli_fail(CLI_USAGE,
                    "command \"%.80s\": not a command of this version (segment, embed, tokenize, devices, inspect, verify, evaluate, "
                    "review, selftest or tune; see "
                    "ctvk --help)",
                    argv[1]);
}
