#include "cli.h"

static int check(const cli_library *library, const char *folder)
{
    ctvk_bundle *bundle = NULL;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_text message;
    cli_progress progress;
    int code = cli_open_bundle(library, folder, &bundle);
    if (code != CLI_OK)
        return code;
    cli_progress_begin(&progress, 0);
    progress.quiet = !progress.terminal;
    ctvk_status status = library->bundles->verify(bundle, cli_progress_report, &progress);
    cli_progress_end(&progress);
    if (status == CTVK_OK)
        status = library->bundles->info(bundle, &info);
    if (status != CTVK_OK) {
        library->bundles->last_error(bundle, &message);
        code = cli_fail_status(status, &message);
    } else {
        for (uint32_t i = 0; i < info.warning_count; i++)
            if (library->bundles->warning(bundle, i, &message) == CTVK_OK)
                cli_warn("%s", message.data);
        printf("%s %s: ok: manifest, hashes, %llu tensors (%llu not used by the network), %u cached prompts\n", info.name.data,
               info.version.data, (unsigned long long)info.weight_tensors, (unsigned long long)info.unused_tensors,
               info.cached_prompt_count);
        code = cli_flush();
    }
    library->bundles->destroy(bundle);
    return code;
}

static int run(const cli_arguments *arguments)
{
    cli_library library;
    int code = cli_library_open(&library);
    cli_catch_interrupts();
    if (code == CLI_OK)
        code = check(&library, arguments->position[0]);
    cli_library_close(&library);
    return code;
}

const cli_command cli_verify = {
    "verify",
    "Checks a bundle: its manifest, the hashes of its files, shape and name of every tensor, and that no value is NaN "
    "or infinite.",
    "ctvk verify BUNDLE",
    NULL,
    "BUNDLE",
    NULL,
    0,
    run};
