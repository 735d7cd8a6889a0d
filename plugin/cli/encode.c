#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *cli_data_folder(void)
{
    static char folder[2048];
    const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length = base && base[0] == '/'   ? snprintf(folder, sizeof folder, "%s/ctvk", base)
                 : home && home[0] == '/' ? snprintf(folder, sizeof folder, "%s/.local/share/ctvk", home)
                                          : -1;
    return length > 0 && (size_t)length < sizeof folder ? folder : "";
}

int cli_check_llm(const char *path)
{
    if (path && access(path, R_OK) != 0)
        return cli_fail(CLI_BUNDLE, "%.300s: %s (name the language model's GGUF file, or leave --llm out)", path, strerror(errno));
    return CLI_OK;
}

int cli_open_model(const cli_library *library, ctvk_bundle *bundle, const char *llm, ctvk_text_model **model)
{
    ctvk_text_model_desc desc = CTVK_TEXT_MODEL_DESC_INIT;
    desc.path = cli_text(llm);
    desc.data_folder = cli_text(cli_data_folder());
    if (library->texts->open(library->context, bundle, &desc, model) != CTVK_OK)
        return cli_context_error(library);
    return CLI_OK;
}

int cli_encode_end(const cli_library *library, ctvk_text_job *job, ctvk_status status, cli_progress *progress)
{
    ctvk_text message;
    cli_progress_end(progress);
    if (status == CTVK_OK)
        return CLI_OK;
    library->texts->job_error(job, &message);
    return cli_fail_status(status, &message);
}

int cli_encode_run(const cli_library *library, ctvk_text_job *job, cli_progress *progress)
{
    return cli_encode_end(library, job, library->texts->run(job), progress);
}

int cli_encode_begin(const cli_library *library, ctvk_bundle *bundle, const cli_encoding *what, cli_progress *progress, ctvk_text_job **job,
                     ctvk_text_model **model)
{
    ctvk_text_options options = CTVK_TEXT_OPTIONS_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    int32_t known = 0;
    int code = CLI_OK;
    options.device = what->device;
    options.memory_limit = what->memory_limit;
    options.progress = cli_progress_report;
    options.progress_user = progress;
    library->bundles->info(bundle, &info);
    library->texts->known(bundle, what->prompt.data, what->prompt.length, &known);
    /* A prompt that is none, and one that nothing can encode, are refused with their reason when the job is made. */
    if (!known && what->prompt.length && (info.has_encoder || what->llm) && !*model)
        code = cli_open_model(library, bundle, what->llm, model);
    if (code != CLI_OK)
        return code;
    if (library->texts->create(library->context, bundle, *model, what->prompt.data, what->prompt.length, &options, job) != CTVK_OK)
        return cli_context_error(library);
    return CLI_OK;
}

int cli_encode(const cli_library *library, ctvk_bundle *bundle, const cli_encoding *what, cli_progress *progress, ctvk_text_job **job,
               ctvk_text_model **model)
{
    int code = cli_encode_begin(library, bundle, what, progress, job, model);
    return code == CLI_OK ? cli_encode_run(library, *job, progress) : code;
}
