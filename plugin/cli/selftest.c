#include "selftest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DEVICE, ALL, BUNDLE, IMAGE, PROMPT, JSON, HTML, QUIET, OPTIONS };
static const cli_option options[OPTIONS] = {
    [DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [ALL] = {"--all", NULL, "every device that ctvk devices lists, each against every other", 0},
    [BUNDLE] = {"--bundle", "BUNDLE", "also segment with this bundle, on every device", 0},
    [IMAGE] = {"--image", "CT.nii.gz", "the CT for it", 0},
    [PROMPT] = {"--prompt", "TEXT", "a prompt of the bundle's cache (default: its first one)", 0},
    [JSON] = {"--json", "FILE.json", "also write everything that was found", 0},
    [HTML] = {"--html", "FILE.html", "also write the table as one page", 0},
    [QUIET] = {"--quiet", NULL, "show no progress", 0},
};

static int check_options(const cli_arguments *a)
{
    for (int i = 0; i < OPTIONS; i++)
        if (a->value[i] && options[i].argument && !*a->value[i] && i != DEVICE)
            return cli_fail(CLI_USAGE, "%s: empty (give %s %s)", options[i].name, options[i].name, options[i].argument);
    if (a->value[DEVICE] && a->value[ALL])
        return cli_fail(CLI_USAGE, "--all: given together with --device (give one)");
    if (!a->value[BUNDLE] != !a->value[IMAGE])
        return cli_fail(CLI_USAGE, "%s: missing (give both --bundle and --image, or neither)", a->value[BUNDLE] ? "--image" : "--bundle");
    if (a->value[PROMPT] && !a->value[BUNDLE])
        return cli_fail(CLI_USAGE, "--prompt: without a bundle it says nothing (give --bundle and --image too)");
    if (a->value[JSON] && a->value[HTML] && cli_same_file(a->value[JSON], a->value[HTML]))
        return cli_fail(CLI_USAGE, "--html: names the same file as --json (choose another name)");
    for (int i = JSON; i <= HTML; i++)
        if (a->value[i] && a->value[IMAGE] && cli_same_file(a->value[i], a->value[IMAGE]))
            return cli_fail(CLI_USAGE, "%s: would overwrite the file of --image (choose another name)", options[i].name);
    return CLI_OK;
}

static int write_one(const cli_selftest_run *run, cli_output *output, void (*write)(FILE *file, const cli_selftest_run *run))
{
    unlink(output->staged); /* left by a process of the same number that was killed */
    FILE *file = fopen(output->staged, "wxe");
    output->is_staged = 1;
    if (file)
        write(file, run);
    int failed = !file || fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0, reason = errno;
    if (file && fclose(file) != 0)
        failed = 1;
    return failed ? cli_fail(CLI_INPUT, "%s: %s (check the folder and the disk)", output->option, strerror(reason)) : CLI_OK;
}

/* Exit code of what was found: 8 where a device computes wrongly. */
static int verdict(const cli_selftest_run *run)
{
    for (int32_t i = 0; i < run->count; i++)
        if (!run->tried[i].passed)
            return cli_fail_status(CTVK_ERROR_DEVICE, &run->tried[i].message);
    return CLI_OK;
}

static int tell(const cli_selftest_run *run, const cli_arguments *a, cli_outputs *outputs)
{
    int code = CLI_OK;
    int32_t next = 0;
    if (a->value[JSON])
        code = write_one(run, &outputs->output[next++], cli_selftest_json);
    if (code == CLI_OK && a->value[HTML])
        code = write_one(run, &outputs->output[next++], cli_selftest_html);
    if (code == CLI_OK)
        code = cli_outputs_commit(outputs);
    if (code != CLI_OK)
        return code;
    cli_selftest_table(stdout, run);
    code = cli_flush();
    return code == CLI_OK ? verdict(run) : code;
}

static int run_command(const cli_arguments *a)
{
    static cli_selftest_run run;
    cli_outputs outputs = {.count = 0};
    int code = check_options(a);
    run.selector = a->value[ALL] ? NULL : cli_device(a->value[DEVICE]);
    run.bundle_path = a->value[BUNDLE];
    run.image_path = a->value[IMAGE];
    run.prompt = a->value[PROMPT];
    for (int i = JSON; i <= HTML && code == CLI_OK; i++)
        if (a->value[i])
            code = cli_outputs_add(&outputs, options[i].name, a->value[i], ".part");
    if (code == CLI_OK)
        code = cli_parse_self_test("skip"); /* what a job would try first is tried here */
    if (code != CLI_OK)
        return code;
    cli_catch_interrupts();
    code = cli_library_open(&run.library);
    cli_progress_begin(&run.progress, a->value[QUIET] != NULL);
    if (code == CLI_OK)
        code = cli_selftest_try(&run);
    if (code == CLI_OK)
        code = tell(&run, a, &outputs);
    cli_outputs_discard(&outputs);
    cli_selftest_release(&run);
    return code;
}

const cli_command cli_selftest = {"selftest",
                                  "Tries whether a device computes rightly: every operation, and small networks with text, against double "
                                  "precision; devices against each "
                                  "other.",
                                  "ctvk selftest [--device SELECTOR | --all] [--bundle BUNDLE --image CT.nii.gz [--prompt TEXT]]\n"
                                  "              [--json FILE.json] [--html FILE.html] [--quiet]",
                                  "Exit code 8: a device computes wrongly; the table, on stdout, says what. Before a first segmentation a "
                                  "device is tried in less than a\n"
                                  "second (see ctvk segment --self-test); this is the whole of it.",
                                  NULL,
                                  options,
                                  OPTIONS,
                                  run_command};
