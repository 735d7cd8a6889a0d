#include "cli.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Length of the folder part of a path, with its slash; 0: the working folder. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static int check_target(const char *option, const char *path)
{
    struct stat info;
    char folder[4096];
    size_t length = folder_length(path);
    if (length >= sizeof folder - 1)
        return cli_fail(CLI_USAGE, "%s: the path is too long (use a shorter one)", option);
    memcpy(folder, length ? path : "./", length ? length : 2);
    folder[length ? length : 2] = 0;
    if (!path[length])
        return cli_fail(CLI_USAGE, "%s: %.200s names no file (add a file name)", option, path);
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return cli_fail(CLI_INPUT, "%.300s: the folder of %s is not there (make it first)", path, option);
    if (access(folder, W_OK | X_OK) != 0)
        return cli_fail(CLI_INPUT, "%.300s: %s (choose a folder that can be written)", path, strerror(errno));
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return cli_fail(CLI_INPUT, "%.300s: is there and is no ordinary file (choose another name for %s)", path, option);
    return CLI_OK;
}

int cli_same_file(const char *a, const char *b)
{
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return 1;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int cli_outputs_add(cli_outputs *outputs, const char *option, const char *path, const char *extension)
{
    int code = check_target(option, path);
    if (code != CLI_OK)
        return code;
    cli_output *output = &outputs->output[outputs->count];
    int length = (int)folder_length(path);
    output->option = option;
    output->path = path;
    snprintf(output->staged, sizeof output->staged, "%.*s.ctvk-%ld-%d%s", length, path, (long)getpid(), outputs->count, extension);
    snprintf(output->kept, sizeof output->kept, "%.*s.ctvk-%ld-%d.old", length, path, (long)getpid(), outputs->count);
    outputs->count++;
    return CLI_OK;
}

/* Puts back what commit replaced so far. */
static void roll_back(cli_outputs *outputs)
{
    for (int32_t i = 0; i < outputs->count; i++) {
        cli_output *output = &outputs->output[i];
        if (!output->is_placed)
            continue;
        if (output->is_kept)
            rename(output->kept, output->path);
        else
            unlink(output->path);
        output->is_placed = 0;
    }
}

/* A second name for what is there, so that it can be put back; on file systems without links it is moved for a moment. */
static int keep(cli_output *output)
{
    struct stat info;
    if (lstat(output->path, &info) != 0)
        return 0;
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
        errno = EEXIST; /* it was not there when the run began */
        return -1;
    }
    if (link(output->path, output->kept) != 0 && rename(output->path, output->kept) != 0)
        return -1;
    output->is_kept = 1;
    return 0;
}

int cli_outputs_commit(cli_outputs *outputs)
{
    int code = CLI_OK;
    for (int32_t i = 0; i < outputs->count && code == CLI_OK; i++) {
        cli_output *output = &outputs->output[i];
        if (keep(output) != 0 || rename(output->staged, output->path) != 0) {
            code = cli_fail(CLI_INPUT, "%.300s: %s (choose another name for %s)", output->path, strerror(errno), output->option);
            if (output->is_kept && rename(output->kept, output->path) == 0)
                output->is_kept = 0;
        } else {
            output->is_staged = 0;
            output->is_placed = 1;
        }
    }
    if (code != CLI_OK)
        roll_back(outputs);
    cli_outputs_discard(outputs);
    return code;
}

void cli_outputs_discard(cli_outputs *outputs)
{
    for (int32_t i = 0; i < outputs->count; i++) {
        cli_output *output = &outputs->output[i];
        if (output->is_staged)
            unlink(output->staged);
        /* The second name goes once the first one stands again: were it the only one left, it would be the user's file. */
        if (access(output->path, F_OK) == 0)
            unlink(output->kept);
        output->is_staged = output->is_kept = 0;
    }
}
