#include "cli.h"

#include <stdarg.h>
#include <string.h>

static void print_line(const char *kind, const char *format, va_list arguments)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = *c == '\n' || *c == '\r' || *c == '\t' ? ' ' : '?';
    fprintf(stderr, "ctvk: %s: %s\n", kind, line);
}

int cli_fail(int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("error", format, arguments);
    va_end(arguments);
    return exit_code;
}

int cli_fail_status(ctvk_status status, const ctvk_text *message)
{
    int code = status >= CTVK_ERROR_ARGUMENT && status < 90 ? status / 10 : CLI_FAILED;
    if (message && message->length)
        return cli_fail(code, "%s", message->data);
    return cli_fail(code, "library: status %d without a message (report this)", status);
}

void cli_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("warning", format, arguments);
    va_end(arguments);
}

int cli_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(CLI_INPUT, "standard output: cannot be written (check the disk or the pipe)");
    return CLI_OK;
}
