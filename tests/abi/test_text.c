/* "ctvk.text" as a host sees it: NULL and wrong sizes, cached prompts, the language model, encode once and segment, cancel, two threads.
 * The demo bundle names SmolLM2. */
#include "abi/text_model.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

static abi_host host;
static const ctvk_text_api *texts;
static ctvk_text_model *model;
static const char free_prompt[] = "tumour of the left breast, N2";

static void open_demo(void)
{
    abi_tables(&host);
    texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    REQUIRE(texts != NULL);
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.cache_folder = abi_cache();
    desc.log = abi_print_log;
    REQUIRE(host.contexts->create(&desc, &host.context) == CTVK_OK);
    REQUIRE(host.bundles->open(host.context, abi_demo(), CTVK_STRLEN, &host.bundle) == CTVK_OK);
}

static void open_model(void)
{
    ctvk_text_model_info info = CTVK_TEXT_MODEL_INFO_INIT;
    model = abi_text_model(&host, texts);
    REQUIRE(texts->info(model, &info) == CTVK_OK);
    CHECK(info.layers == 30 && info.width == 576 && info.vocabulary == 49152 && info.bytes > 90000000 && info.file.length > 0);
}

static void test_nothing(void)
{
    ctvk_text text;
    const int32_t *ids;
    uint64_t count;
    int32_t known;
    void *place = &count;
    texts->close(NULL);
    texts->destroy(NULL);
    texts->cancel(NULL);
    CHECK(texts->progress(NULL) == 0);
    CHECK(texts->open(NULL, NULL, NULL, place) == CTVK_ERROR_ARGUMENT &&
          texts->open(host.context, NULL, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->open(host.context, NULL, NULL, place) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->last_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(texts->job_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(texts->info(NULL, place) == CTVK_ERROR_ARGUMENT && texts->info(model, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->tokenize(NULL, "x", 1, &ids, &count) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->tokenize(model, "x", 1, NULL, &count) == CTVK_ERROR_ARGUMENT &&
          texts->tokenize(model, NULL, 1, &ids, &count) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->tokenize(model, "\xff", 1, &ids, &count) == CTVK_ERROR_PROMPT && texts->last_error(model, &text) == CTVK_ERROR_PROMPT &&
          abi_well_formed(&text));
    CHECK(texts->tokenize(model, NULL, 0, &ids, &count) == CTVK_OK && count == 0);
    CHECK(texts->known(NULL, "x", 1, &known) == CTVK_ERROR_ARGUMENT && texts->known(host.bundle, "x", 1, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->known(host.bundle, "", 0, &known) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->create(NULL, host.bundle, model, "x", 1, NULL, place) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->create(host.context, NULL, model, "x", 1, NULL, place) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->create(host.context, host.bundle, model, "x", 1, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(texts->run(NULL) == CTVK_ERROR_ARGUMENT && texts->step(NULL) == CTVK_ERROR_ARGUMENT &&
          texts->result(NULL, place) == CTVK_ERROR_ARGUMENT);
}

static void test_sizes(void)
{
    ctvk_text_model_desc desc = CTVK_TEXT_MODEL_DESC_INIT;
    ctvk_text_options options = CTVK_TEXT_OPTIONS_INIT;
    ctvk_text_model_info info = CTVK_TEXT_MODEL_INFO_INIT;
    ctvk_text_model *other = NULL;
    ctvk_text_job *job = NULL;
    desc.struct_size = 8;
    CHECK(texts->open(host.context, host.bundle, &desc, &other) == CTVK_ERROR_ARGUMENT && other == NULL);
    options.struct_size = 8;
    CHECK(texts->create(host.context, host.bundle, model, "x", 1, &options, &job) == CTVK_ERROR_ARGUMENT && job == NULL);
    info.struct_size = 8;
    CHECK(texts->info(model, &info) == CTVK_ERROR_ARGUMENT);
}

/* Runs a prompt; the embedding is copied to values (2 x 576 floats). Returns the status. */
static ctvk_status encode(ctvk_text_model *with, const char *prompt, int by_steps, const char *source, float *values)
{
    ctvk_text_job *job = NULL;
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    ctvk_status status = texts->create(host.context, host.bundle, with, prompt, strlen(prompt), NULL, &job);
    if (status != CTVK_OK)
        return status;
    CHECK(texts->result(job, &info) == CTVK_ERROR_ARGUMENT);
    if (!by_steps)
        status = texts->run(job);
    else
        while ((status = texts->step(job)) == CTVK_PENDING)
            ;
    if (status == CTVK_OK) {
        CHECK(texts->progress(job) == 1 && texts->run(job) == CTVK_OK);
        CHECK(texts->result(job, &info) == CTVK_OK && info.prompts == 2 && info.dim == 576 && strcmp(info.source.data, source) == 0);
        CHECK(strlen(info.prompt_sha256.data) == 64 && !info.truncated);
        for (uint32_t i = 0; i < 2 * 576; i++) {
            CHECK(isfinite(info.values[i]));
            values[i] = info.values[i];
        }
    }
    texts->destroy(job);
    return status;
}

static void test_prompts(void)
{
    float first[2 * 576], second[2 * 576];
    int32_t known = -1;
    CHECK(encode(NULL, DEMO_PROMPT, 0, "cache", first) == CTVK_OK);
    CHECK(encode(NULL, free_prompt, 0, "", first) == CTVK_ERROR_BUNDLE); /* nothing can encode it */
    CHECK(encode(model, "", 0, "", first) == CTVK_ERROR_PROMPT && encode(model, " <SEG>", 0, "", first) == CTVK_ERROR_PROMPT);
    CHECK(texts->known(host.bundle, free_prompt, strlen(free_prompt), &known) == CTVK_OK && known == 0);
    CHECK(encode(model, free_prompt, 1, "model", first) == CTVK_OK);
    CHECK(texts->known(host.bundle, free_prompt, strlen(free_prompt), &known) == CTVK_OK && known == 1);
    CHECK(encode(NULL, free_prompt, 0, "model", second) == CTVK_OK && memcmp(first, second, sizeof first) == 0);
    CHECK(encode(model, "tumour of the right breast, N2", 0, "model", second) == CTVK_OK && memcmp(first, second, sizeof first) != 0);
}

/* A prompt that was encoded once serves the segmentation of any number of volumes; no language model is given to the jobs. */
static void test_segment(void)
{
    enum { SIDE = 24 };
    static int16_t voxels[SIDE * SIDE * SIDE];
    for (int turn = 0; turn < 2; turn++) {
        ctvk_volume volume = CTVK_VOLUME_INIT;
        ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
        ctvk_text report = CTVK_TEXT_INIT;
        for (int i = 0; i < SIDE * SIDE * SIDE; i++)
            voxels[i] = (int16_t)(i * (turn + 3) % 997 - 500);
        volume.type = CTVK_SCALAR_INT16;
        volume.data = voxels;
        volume.convention = CTVK_RAS;
        for (int i = 0; i < 3; i++) {
            volume.dim[i] = SIDE;
            volume.affine[i * 5] = 5;
        }
        options.prompt = (ctvk_text){free_prompt, CTVK_STRLEN};
        ctvk_result *result = abi_run(&host, &volume, &options);
        CHECK(host.results->report(result, &report) == CTVK_OK && strstr(report.data, "\"source\": \"model\"") &&
              !strstr(report.data, free_prompt));
        host.results->destroy(result);
    }
}

static int32_t stop_at_encode(void *user, double fraction, const char *stage)
{
    int *calls = user;
    (void)fraction;
    return strcmp(stage, "encode") == 0 && ++*calls == 3;
}

static void *cancel_soon(void *job)
{
    struct timespec nap = {0, 30000000};
    nanosleep(&nap, NULL);
    texts->cancel(job);
    return NULL;
}

static void test_cancel(void)
{
    ctvk_text_options options = CTVK_TEXT_OPTIONS_INIT;
    ctvk_text_job *job = NULL;
    ctvk_text message;
    pthread_t thread;
    int calls = 0;
    int32_t known;
    float values[2 * 576];
    options.progress = stop_at_encode;
    options.progress_user = &calls;
    REQUIRE(texts->create(host.context, host.bundle, model, "stopped, left", 13, &options, &job) == CTVK_OK);
    CHECK(texts->run(job) == CTVK_CANCELLED && texts->job_error(job, &message) == CTVK_CANCELLED && abi_well_formed(&message));
    texts->destroy(job);
    CHECK(texts->known(host.bundle, "stopped, left", 13, &known) == CTVK_OK && known == 0);
    REQUIRE(texts->create(host.context, host.bundle, model, "stopped, left", 13, NULL, &job) == CTVK_OK);
    REQUIRE(pthread_create(&thread, NULL, cancel_soon, job) == 0);
    ctvk_status status = texts->run(job);
    pthread_join(thread, NULL);
    CHECK(status == CTVK_CANCELLED || status == CTVK_OK); /* a fast device may be done before */
    texts->destroy(job);
    CHECK(encode(model, "stopped, left", 0, "model", values) == CTVK_OK); /* context, bundle and model work on */
}

/* No check here: their counter belongs to the main thread. */
static void *encode_beside(void *status)
{
    ctvk_text_job *job = NULL;
    ctvk_status *out = status;
    *out = texts->create(host.context, host.bundle, model, "beside, right", 13, NULL, &job);
    if (*out == CTVK_OK)
        *out = texts->run(job);
    texts->destroy(job);
    return NULL;
}

/* One model serves two jobs on two threads. */
static void test_threads(void)
{
    float values[2 * 576];
    ctvk_status other = CTVK_PENDING;
    pthread_t thread;
    ctvk_text_job *job = NULL;
    REQUIRE(texts->create(host.context, host.bundle, model, "at once, left", 13, NULL, &job) == CTVK_OK);
    REQUIRE(pthread_create(&thread, NULL, encode_beside, &other) == 0);
    ctvk_status status = texts->run(job);
    pthread_join(thread, NULL);
    CHECK(status == CTVK_OK && other == CTVK_OK);
    texts->destroy(job);
    CHECK(encode(NULL, "at once, left", 0, "model", values) == CTVK_OK && encode(NULL, "beside, right", 0, "model", values) == CTVK_OK);
}

int main(void)
{
    open_demo();
    open_model();
    test_nothing();
    test_sizes();
    test_prompts();
    test_segment();
    test_cancel();
    test_threads();
    texts->close(model);
    host.bundles->destroy(host.bundle);
    host.contexts->destroy(host.context);
    return check_done("text");
}
