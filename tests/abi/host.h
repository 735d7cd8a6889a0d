/* abi/host.h - a small host for the tests of the ABI: include/ctvk and the shared library, nothing else. */
#ifndef CTVK_TESTS_ABI_HOST_H
#define CTVK_TESTS_ABI_HOST_H

#include "ctvk/ctvk.h"
#include "support/check.h"

#include <dirent.h>
#include <stdarg.h>

/* A test that has lost its ground ends here, with a failure. */
#define REQUIRE(condition)                      \
    do {                                        \
        int required_ = (condition) != 0;       \
        CHECK_MSG(required_, "%s", #condition); \
        if (!required_) {                       \
            check_done("abandoned");            \
            exit(1);                            \
        }                                       \
    } while (0)

/* How many names a folder holds: open files, threads, left files. */
static inline int abi_entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    REQUIRE(dir != NULL);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

typedef struct abi_host {
    const ctvk_context_api *contexts;
    const ctvk_image_api *images;
    const ctvk_bundle_api *bundles;
    const ctvk_job_api *jobs;
    const ctvk_result_api *results;
    ctvk_context *context;
    ctvk_bundle *bundle;
    ctvk_image_file *image;
    ctvk_volume volume;     /* of the image; its data is never to be written */
    const float *embedding; /* NULL: a vision-only bundle */
    uint64_t embedding_count;
} abi_host;

static inline void abi_tables(abi_host *h)
{
    memset(h, 0, sizeof *h);
    h->contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    h->images = ctvk_interface(CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION);
    h->bundles = ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    h->jobs = ctvk_interface(CTVK_JOB_NAME, CTVK_JOB_VERSION);
    h->results = ctvk_interface(CTVK_RESULT_NAME, CTVK_RESULT_VERSION);
    REQUIRE(h->contexts && h->images && h->bundles && h->jobs && h->results);
}

/* "DATA/golden/CASE/FILE" or, for the bundle with its weights (made by abi.bundles), "TMP/abi/CASE". VIEW until the fourth call after. */
static inline const char *abi_path(const char *name, const char *file)
{
    static char paths[4][1024];
    static int at;
    const char *data = getenv("CTVK_TEST_DATA"), *tmp = getenv("CTVK_TEST_TMP");
    char *path = paths[at++ & 3];
    REQUIRE(data && tmp);
    if (file)
        snprintf(path, sizeof paths[0], "%s/golden/%s/%s", data, name, file);
    else
        snprintf(path, sizeof paths[0], "%s/abi/%s", tmp, name);
    return path;
}

/* Where the tests of the ABI keep compiled pipelines: they open many devices, and what is tested is not the compiler. */
static inline ctvk_text abi_cache(void)
{
    const char *folder = abi_path("cache", NULL);
    return (ctvk_text){folder, CTVK_STRLEN};
}

static inline void abi_print_log(void *user, ctvk_log_level level, const char *message)
{
    (void)user;
    if (level <= CTVK_LOG_ERROR)
        fprintf(stderr, "log: %s\n", message);
}

/* Context, bundle, image and embedding of one golden case. desc may be NULL. */
static inline void abi_open(abi_host *h, const ctvk_context_desc *desc, const char *name)
{
    ctvk_context_desc own = CTVK_CONTEXT_DESC_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    abi_tables(h);
    own.log = abi_print_log;
    own.cache_folder = abi_cache();
    REQUIRE(h->contexts->create(desc ? desc : &own, &h->context) == CTVK_OK);
    REQUIRE(h->bundles->open(h->context, abi_path(name, NULL), CTVK_STRLEN, &h->bundle) == CTVK_OK);
    REQUIRE(h->images->open(h->context, abi_path(name, "image.nii.gz"), CTVK_STRLEN, &h->image) == CTVK_OK);
    h->volume = (ctvk_volume)CTVK_VOLUME_INIT;
    REQUIRE(h->images->volume(h->image, &h->volume) == CTVK_OK);
    REQUIRE(h->bundles->info(h->bundle, &info) == CTVK_OK);
    if (info.has_text)
        REQUIRE(h->bundles->read_embedding(h->bundle, abi_path(name, "text_embedding.safetensors"), CTVK_STRLEN, &h->embedding,
                                           &h->embedding_count) == CTVK_OK);
}

static inline void abi_close(abi_host *h)
{
    h->images->destroy(h->image);
    h->bundles->destroy(h->bundle);
    h->contexts->destroy(h->context);
}

static inline ctvk_job_options abi_options(const abi_host *h)
{
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    options.embedding = h->embedding;
    options.embedding_count = h->embedding_count;
    return options;
}

static inline ctvk_job *abi_job(const abi_host *h, const ctvk_volume *volume, const ctvk_job_options *options)
{
    ctvk_job *job = NULL;
    ctvk_job_options own = abi_options(h);
    ctvk_text message;
    ctvk_status status = h->jobs->create(h->context, h->bundle, volume ? volume : &h->volume, options ? options : &own, &job);
    if (status != CTVK_OK) {
        h->contexts->last_error(h->context, &message);
        fprintf(stderr, "job: %s\n", message.data);
    }
    REQUIRE(status == CTVK_OK && job);
    return job;
}

/* A whole run; the result is OWNED. */
static inline ctvk_result *abi_run(const abi_host *h, const ctvk_volume *volume, const ctvk_job_options *options)
{
    ctvk_job *job = abi_job(h, volume, options);
    ctvk_result *result = NULL;
    ctvk_text message;
    ctvk_status status = h->jobs->run(job);
    h->jobs->last_error(job, &message);
    CHECK_MSG(status == CTVK_OK, "run: %d %s", status, message.data);
    REQUIRE(h->jobs->take_result(job, &result) == CTVK_OK && result);
    h->jobs->destroy(job);
    return result;
}

static inline size_t abi_voxels(const ctvk_volume *volume)
{
    return (size_t)volume->dim[0] * (size_t)volume->dim[1] * (size_t)volume->dim[2];
}

/* "WHAT: WHY (WHAT TO DO)" on one line. */
static inline int abi_well_formed(const ctvk_text *message)
{
    const char *colon = message->data ? strstr(message->data, ": ") : NULL, *bracket = colon ? strstr(colon, " (") : NULL;
    return bracket && colon > message->data && message->length == strlen(message->data) && message->data[message->length - 1] == ')' &&
           !strchr(message->data, '\n');
}

#endif
