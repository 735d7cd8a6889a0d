#include "cli.h"

enum { DEVICE, MEMORY_LIMIT, FILES_ONLY };
static const cli_option options[] = {[DEVICE] = {"--device", "SELECTOR", "device of the self-test: " CLI_HELP_DEVICE, 0},
                                     [MEMORY_LIMIT] = {"--memory-limit", "MIB", "device memory to stay under in the self-test", 0},
                                     [FILES_ONLY] = {"--files-only", NULL, "no self-test, so that no device is needed", 0}};

/* What the files take of the whole where there is a self-test. */
#define FILES_SHARE 0.2

typedef struct verification {
    const char *folder;
    int32_t files_only;
    ctvk_bundle_test_options options;
    cli_library library;
    ctvk_bundle *bundle;
    ctvk_bundle_test_info test;
} verification;

static int run_checks(verification *v)
{
    const ctvk_bundle_api *bundles = v->library.bundles;
    ctvk_text message;
    cli_progress progress;
    cli_progress_begin(&progress, 0);
    progress.quiet = !progress.terminal;
    progress.to = v->files_only ? 1 : FILES_SHARE;
    ctvk_status status = bundles->verify(v->bundle, cli_progress_report, &progress);
    if (status == CTVK_OK && !v->files_only) {
        progress.from = FILES_SHARE;
        progress.to = 1;
        v->options.progress = cli_progress_report;
        v->options.progress_user = &progress;
        status = bundles->self_test(v->bundle, &v->options, &v->test);
    }
    cli_progress_end(&progress);
    if (status == CTVK_OK)
        return CLI_OK;
    bundles->last_error(v->bundle, &message);
    return cli_fail_status(status, &message);
}

static int tell(const verification *v)
{
    const ctvk_bundle_api *bundles = v->library.bundles;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_text message;
    bundles->info(v->bundle, &info);
    for (uint32_t i = 0; i < info.warning_count; i++)
        if (bundles->warning(v->bundle, i, &message) == CTVK_OK)
            cli_warn("%s", message.data);
    printf("%s %s: ok: manifest, hashes, %llu tensors (%llu not used by the network), %u cached prompts\n", info.name.data,
           info.version.data, (unsigned long long)info.weight_tensors, (unsigned long long)info.unused_tensors, info.cached_prompt_count);
    if (v->files_only)
        printf("self-test: not run (--files-only)\n");
    else if (!v->test.present)
        printf("self-test: the bundle has none\n");
    else
        printf("self-test: ok: logits off by %.1e of their size (at most %.1e), %llu voxels (%llu expected)\n", v->test.error,
               v->test.tolerance, (unsigned long long)v->test.voxels, (unsigned long long)v->test.expected);
    return cli_flush();
}

static int run(const cli_arguments *a)
{
    verification v = {.folder = a->position[0],
                      .files_only = a->value[FILES_ONLY] != NULL,
                      .options = CTVK_BUNDLE_TEST_OPTIONS_INIT,
                      .test = CTVK_BUNDLE_TEST_INFO_INIT};
    int code = CLI_OK;
    if (a->value[MEMORY_LIMIT])
        code = cli_parse_limit(a->value[MEMORY_LIMIT], &v.options.memory_limit);
    if (code == CLI_OK)
        code = cli_parse_self_test(NULL);
    if (code != CLI_OK)
        return code;
    v.options.device = cli_text(cli_device(a->value[DEVICE]));
    code = cli_library_open(&v.library);
    cli_catch_interrupts();
    if (code == CLI_OK)
        code = cli_open_bundle(&v.library, v.folder, &v.bundle);
    if (code == CLI_OK)
        code = run_checks(&v);
    if (code == CLI_OK)
        code = tell(&v);
    if (v.library.context)
        v.library.bundles->destroy(v.bundle);
    cli_library_close(&v.library);
    return code;
}

const cli_command cli_verify = {
    "verify",
    "Checks a bundle: its manifest, the hashes of its files, shape and name of every tensor, and that no value is NaN or infinite. Then "
    "runs its self-test, if it has one, on the device.",
    "ctvk verify BUNDLE [--device SELECTOR] [--memory-limit MIB] [--files-only]",
    "A self-test that comes out wrong ends with exit code 8: the bundle was changed, or the device computes wrongly.",
    "BUNDLE",
    options,
    sizeof options / sizeof *options,
    run};
