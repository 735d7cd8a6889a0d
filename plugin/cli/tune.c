#include "tune.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DEVICE, MODEL, MEMORY_LIMIT, JSON, QUIET, OPTIONS };
static const cli_option options[OPTIONS] = {
    [DEVICE] = {"--device", "SELECTOR", CLI_HELP_DEVICE, 0},
    [MODEL] = {"--model", "BUNDLE", "whose network and window are meant (default: the published\nnetwork of 48 features, 384 x 384 x 128)",
               0},
    [MEMORY_LIMIT] = {"--memory-limit", "MIB", "device memory to stay under", 0},
    [JSON] = {"--json", "FILE.json", "also write everything that was measured", 0},
    [QUIET] = {"--quiet", NULL, "show no progress", 0},
};

static int fail_tune(const cli_tune_run *run, ctvk_status status)
{
    ctvk_text message;
    run->tunes->last_error(run->tune, &message);
    return cli_fail_status(status, &message);
}

static int open_all(cli_tune_run *run, const cli_arguments *a)
{
    int code = cli_library_open(&run->library);
    run->tunes = ctvk_interface(CTVK_TUNE_NAME, CTVK_TUNE_VERSION);
    if (code == CLI_OK && !run->tunes)
        code = cli_fail(CLI_FAILED, "libctvk.so.1: it lacks an interface that this command needs (install both from one release)");
    if (code == CLI_OK && a->value[MODEL])
        code = cli_open_bundle(&run->library, a->value[MODEL], &run->bundle);
    return code;
}

static int measure(cli_tune_run *run, const cli_arguments *a)
{
    ctvk_tune_options o = CTVK_TUNE_OPTIONS_INIT;
    int code = a->value[MEMORY_LIMIT] ? cli_parse_limit(a->value[MEMORY_LIMIT], &o.memory_limit) : CLI_OK;
    if (code != CLI_OK)
        return code;
    o.device = cli_text(cli_device(a->value[DEVICE]));
    o.progress = cli_progress_report;
    o.progress_user = &run->progress;
    if (run->tunes->create(run->library.context, run->bundle, &o, &run->tune) != CTVK_OK)
        return cli_context_error(&run->library);
    ctvk_status status = run->tunes->run(run->tune);
    cli_progress_end(&run->progress);
    if (status != CTVK_OK)
        return fail_tune(run, status);
    run->info = (ctvk_tune_info)CTVK_TUNE_INFO_INIT;
    run->device = (ctvk_device_info)CTVK_DEVICE_INFO_INIT;
    status = run->tunes->info(run->tune, &run->info);
    if (status != CTVK_OK)
        return fail_tune(run, status);
    if (run->library.contexts->device_info(run->library.context, run->info.device_index, &run->device) != CTVK_OK)
        return cli_context_error(&run->library);
    return CLI_OK;
}

static int write_json(const cli_tune_run *run, cli_output *output)
{
    unlink(output->staged); /* left by a process of the same number that was killed */
    FILE *file = fopen(output->staged, "wxe");
    output->is_staged = 1;
    if (file)
        cli_tune_json(file, run);
    int failed = !file || fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0, reason = errno;
    if (file && fclose(file) != 0)
        failed = 1;
    return failed ? cli_fail(CLI_INPUT, "%s: %s (check the folder and the disk)", output->option, strerror(reason)) : CLI_OK;
}

static int tell(const cli_tune_run *run, cli_outputs *outputs)
{
    int code = outputs->count ? write_json(run, &outputs->output[0]) : CLI_OK;
    if (code == CLI_OK)
        code = cli_outputs_commit(outputs);
    if (code != CLI_OK)
        return code;
    cli_tune_table(stdout, run);
    return cli_flush();
}

static void close_all(cli_tune_run *run)
{
    if (run->library.context && run->tunes) {
        run->tunes->destroy(run->tune);
        run->library.bundles->destroy(run->bundle);
    }
    cli_library_close(&run->library);
}

static int run_command(const cli_arguments *a)
{
    cli_tune_run run = {.tune = NULL};
    cli_outputs outputs = {.count = 0};
    int code = CLI_OK;
    for (int i = 0; i < OPTIONS && code == CLI_OK; i++)
        if (a->value[i] && options[i].argument && !*a->value[i] && i != DEVICE)
            code = cli_fail(CLI_USAGE, "%s: empty (give %s %s)", options[i].name, options[i].name, options[i].argument);
    if (code == CLI_OK && a->value[JSON])
        code = cli_outputs_add(&outputs, options[JSON].name, a->value[JSON], ".part");
    if (code == CLI_OK)
        code = cli_parse_self_test(NULL);
    if (code != CLI_OK)
        return code;
    cli_catch_interrupts();
    cli_progress_begin(&run.progress, a->value[QUIET] != NULL);
    code = open_all(&run, a);
    if (code == CLI_OK)
        code = measure(&run, a);
    if (code == CLI_OK)
        code = tell(&run, &outputs);
    cli_outputs_discard(&outputs);
    close_all(&run);
    return code;
}

const cli_command cli_tune = {
    "tune",
    "Measures which variant of each convolution is fastest on a device, and keeps the answer for this device and driver.",
    "ctvk tune [--device SELECTOR] [--model BUNDLE] [--memory-limit MIB] [--json FILE.json] [--quiet]",
    "Nobody has to: untuned, the device's class and a model of its cost choose. The answer lies in the cache folder, holds "
    "for this\ndevice, driver version and version of ctvk, and is taken by every run after it; the report of a run names it. The "
    "device should do\nnothing else meanwhile. Results of tuned and untuned runs agree within the product's tolerance, not bit for "
    "bit.",
    NULL,
    options,
    OPTIONS,
    run_command};
