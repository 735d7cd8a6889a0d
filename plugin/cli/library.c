#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* CTVK_LOG: how much of the library's log to print. Off unless asked for: errors and warnings reach the user in their own way. */
static ctvk_log_level log_limit(void)
{
    const char *wanted = getenv("CTVK_LOG");
    if (!wanted)
        return 0;
    return strcmp(wanted, "debug") == 0     ? CTVK_LOG_DEBUG
           : strcmp(wanted, "info") == 0    ? CTVK_LOG_INFO
           : strcmp(wanted, "warning") == 0 ? CTVK_LOG_WARNING
                                            : CTVK_LOG_ERROR;
}

static ctvk_self_test self_test;

int cli_parse_self_test(const char *option)
{
    static const char *const names[] = {"auto", "force", "skip"};
    const char *from_environment = getenv("CTVK_SELF_TEST"), *wanted = option ? option : from_environment;
    for (int i = 0; wanted && *wanted && i < 3; i++)
        if (strcmp(wanted, names[i]) == 0) {
            self_test = i;
            return CLI_OK;
        }
    if (wanted && *wanted)
        return cli_fail(CLI_USAGE, "%s %.40s: unknown (auto, force or skip)", option ? "--self-test" : "CTVK_SELF_TEST", wanted);
    return CLI_OK;
}

static void on_log(void *user, ctvk_log_level level, const char *message)
{
    ctvk_log_level limit = *(const ctvk_log_level *)user;
    if (level <= limit)
        fprintf(stderr, "ctvk: log: %s\n", message);
}

int cli_library_open(cli_library *library)
{
    static ctvk_log_level limit;
    memset(library, 0, sizeof *library);
    library->contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    library->images = ctvk_interface(CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION);
    library->bundles = ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    library->jobs = ctvk_interface(CTVK_JOB_NAME, CTVK_JOB_VERSION);
    library->results = ctvk_interface(CTVK_RESULT_NAME, CTVK_RESULT_VERSION);
    library->texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    library->evaluations = ctvk_interface(CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION);
    library->selftests = ctvk_interface(CTVK_SELFTEST_NAME, CTVK_SELFTEST_VERSION);
    if (!library->contexts || !library->images || !library->bundles || !library->jobs || !library->results || !library->texts ||
        !library->evaluations || !library->selftests)
        return cli_fail(CLI_FAILED, "libctvk.so.1: it lacks an interface that this command needs (install both from one release)");
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    const char *validation = getenv("CTVK_VALIDATION"), *folder = cli_cache_folder();
    limit = log_limit();
    desc.validation = validation && strcmp(validation, "0") != 0;
    if (desc.validation && limit < CTVK_LOG_ERROR)
        limit = CTVK_LOG_ERROR;
    desc.log = limit ? on_log : NULL;
    desc.log_user = &limit;
    desc.cache_folder = cli_text(folder);
    desc.device_mask = cli_text(getenv("CTVK_MASK"));
    desc.self_test = self_test;
    ctvk_status status = library->contexts->create(&desc, &library->context);
    if (status != CTVK_OK)
        return cli_fail_status(status, &(ctvk_text){"library: no context could be made (free some memory)", 52});
    return cli_trace_open(library->context);
}

void cli_library_close(cli_library *library)
{
    if (library->contexts)
        library->contexts->destroy(library->context);
    library->context = NULL;
    cli_trace_close();
}

int cli_context_error(const cli_library *library)
{
    ctvk_text message;
    ctvk_status status = library->contexts->last_error(library->context, &message);
    return cli_fail_status(status, &message);
}

static int32_t asked_to_stop(void *user, double fraction, const char *stage)
{
    (void)user, (void)fraction, (void)stage;
    return cli_interrupted();
}

ctvk_status cli_read_image(const cli_library *library, const char *path, ctvk_image_file **image)
{
    double begin = cli_trace_now();
    ctvk_status status = library->images->open_with_progress(library->context, path, CTVK_STRLEN, asked_to_stop, NULL, image);
    cli_trace_image(begin);
    if (status == CTVK_OK)
        library->images->watch_writing(*image, asked_to_stop, NULL);
    return status;
}

int cli_open_image(const cli_library *library, const char *path, ctvk_image_file **image)
{
    return cli_read_image(library, path, image) == CTVK_OK ? CLI_OK : cli_context_error(library);
}

int cli_open_bundle(const cli_library *library, const char *folder, ctvk_bundle **bundle)
{
    double begin = cli_trace_now();
    ctvk_status status = library->bundles->open_with_progress(library->context, folder, CTVK_STRLEN, asked_to_stop, NULL, bundle);
    cli_trace_stage("read bundle", begin);
    return status == CTVK_OK ? CLI_OK : cli_context_error(library);
}

const char *cli_device(const char *option)
{
    const char *from_environment = getenv("CTVK_DEVICE");
    return option ? option : from_environment ? from_environment : "";
}

ctvk_text cli_text(const char *text)
{
    return (ctvk_text){text, text ? strlen(text) : 0};
}
