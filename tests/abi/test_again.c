/* Another text on the same volume: bit for bit what a new job gives, wherever the encoder's outputs were kept, in part or not at all;
 * cancelled at any stage and taken up again; and every call that cannot be. */
#include "abi/outcome.h"

#include <stdatomic.h>

enum { TEXTS = 2, DEVICE, HOST, NOWHERE };

typedef struct texts {
    float *embedding[TEXTS];
    abi_outcome wanted[TEXTS]; /* of new jobs */
} texts;

/* An allocator that has no room for the largest level of a kept window, and so for none. */
static size_t refused;
static atomic_int refusals;

static void *give(void *user, size_t bytes)
{
    (void)user;
    if (bytes && bytes == refused) {
        atomic_fetch_add(&refusals, 1);
        return NULL;
    }
    return malloc(bytes);
}

static void take(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static ctvk_job_options options_of(const abi_host *h, const texts *t, int which)
{
    ctvk_job_options options = abi_options(h);
    options.embedding = t->embedding[which];
    options.want = CTVK_WANT_PROBABILITY | CTVK_WANT_LOGITS;
    options.keep = CTVK_KEEP_ENCODER;
    return options;
}

static ctvk_status again(const abi_host *h, ctvk_job *job, const texts *t, int which)
{
    return h->jobs->again(job, NULL, 0, t->embedding[which], h->embedding_count);
}

static long long number(const char *report, const char *name)
{
    const char *at = strstr(report, name);
    CHECK_MSG(at != NULL, "no %s in %s", name, report);
    return at ? atoll(at + strlen(name) + 2) : -1;
}

/* Takes the result, holds it against a new job's, and gives the record's count of windows that were not computed again. */
static long long check_result(const abi_host *h, ctvk_job *job, const abi_outcome *wanted, int where)
{
    ctvk_result *result = NULL;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text report;
    REQUIRE(h->jobs->take_result(job, &result) == CTVK_OK && h->results->info(result, &info) == CTVK_OK);
    abi_outcome found = abi_keep(h, result);
    CHECK(abi_same(&found, wanted));
    abi_forget(&found);
    REQUIRE(h->results->report(result, &report) == CTVK_OK);
    long long reused = number(report.data, "\"windows_reused\"");
    if (where) {
        CHECK_MSG(number(report.data, "\"windows_on_device\"") == (where == DEVICE ? info.windows : 0), "device: %s", report.data);
        CHECK_MSG(number(report.data, "\"windows_on_host\"") == (where == HOST ? info.windows : 0), "host: %s", report.data);
    }
    h->results->destroy(result);
    return reused;
}

static void check_texts(const abi_host *h, const texts *t, uint64_t limit, int where, long long windows)
{
    ctvk_job_options options = options_of(h, t, 0);
    options.memory_limit = limit;
    ctvk_job *job = abi_job(h, NULL, &options);
    CHECK(h->jobs->run(job) == CTVK_OK && check_result(h, job, &t->wanted[0], where) == 0);
    for (int i = 1; i <= 2; i++) {
        int steps = 0;
        ctvk_status status = CTVK_PENDING;
        REQUIRE(again(h, job, t, i % TEXTS) == CTVK_OK && h->jobs->progress(job) == 0);
        for (; status == CTVK_PENDING; steps++)
            status = h->jobs->step(job);
        CHECK_MSG(status == CTVK_OK && steps == windows + 2, "%d after %d steps", status, steps); /* the windows, classify, restore */
        long long reused = check_result(h, job, &t->wanted[i % TEXTS], where);
        CHECK_MSG(reused == (where == NOWHERE ? 0 : windows), "%lld of %lld windows reused", reused, windows);
    }
    h->jobs->destroy(job);
}

/* Within the limit on the device; where the plan alone fills the limit, in host memory; with a little more, some here and some there. */
static void check_places(const abi_host *h, const texts *t, long long windows)
{
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    REQUIRE(h->bundles->memory(h->bundle, 0, &memory) == CTVK_OK && h->bundles->info(h->bundle, &info) == CTVK_OK);
    check_texts(h, t, 0, DEVICE, windows);
    check_texts(h, t, memory.planned_bytes, HOST, windows);
    uint64_t level = (uint64_t)info.feature_size * (uint64_t)info.window[0] * (uint64_t)info.window[1] * (uint64_t)info.window[2] / 8 * 4;
    check_texts(h, t, memory.planned_bytes + 2 * level, 0, windows);
}

typedef struct stopper {
    double at;
    int stopped;
} stopper;

static int32_t stop(void *user, double fraction, const char *stage)
{
    stopper *s = user;
    (void)stage;
    s->stopped |= s->at > 0 && fraction >= s->at;
    return s->stopped;
}

/* A run that is stopped keeps the windows that were through; the next one goes on from them. */
static void check_cancel(const abi_host *h, const texts *t, long long windows)
{
    static const double at[] = {0.02, 0.6, 0.98};
    stopper s = {.at = 0};
    ctvk_job_options options = options_of(h, t, 0);
    options.progress = stop;
    options.progress_user = &s;
    for (size_t n = 0; n < sizeof at / sizeof *at; n++) {
        ctvk_job *job = abi_job(h, NULL, &options);
        ctvk_result *result = NULL;
        ctvk_text message;
        s = (stopper){.at = at[n]};
        CHECK(h->jobs->run(job) == CTVK_CANCELLED && h->jobs->take_result(job, &result) == CTVK_ERROR_ARGUMENT);
        s = (stopper){.at = 0};
        REQUIRE(again(h, job, t, 1) == CTVK_OK && h->jobs->last_error(job, &message) == CTVK_OK);
        CHECK(h->jobs->run(job) == CTVK_OK);
        long long reused = check_result(h, job, &t->wanted[1], DEVICE);
        CHECK_MSG(at[n] < 0.05  ? reused == 0
                  : at[n] < 0.9 ? reused > 0 && reused < windows
                                : reused == windows,
                  "stopped at %g: %lld windows reused", at[n], reused);
        /* And a second run that is stopped loses nothing. */
        REQUIRE(again(h, job, t, 0) == CTVK_OK);
        s.at = at[n];
        CHECK(h->jobs->run(job) == CTVK_CANCELLED);
        s = (stopper){.at = 0};
        REQUIRE(again(h, job, t, 0) == CTVK_OK);
        CHECK(h->jobs->run(job) == CTVK_OK && check_result(h, job, &t->wanted[0], DEVICE) == windows);
        h->jobs->destroy(job);
    }
}

static void check_message(const abi_host *h, ctvk_job *job, ctvk_status status, ctvk_status wanted, const char *part)
{
    ctvk_text message;
    CHECK_MSG(status == wanted && h->jobs->last_error(job, &message) == wanted && abi_well_formed(&message) && strstr(message.data, part),
              "%d where %d: %s", status, wanted, message.data);
}

static void check_refusals(const abi_host *h, const texts *t)
{
    ctvk_job_options options = options_of(h, t, 0);
    ctvk_job *job = NULL;
    options.keep = 2;
    CHECK(h->jobs->create(h->context, h->bundle, &h->volume, &options, &job) == CTVK_ERROR_ARGUMENT && !job);
    options.keep = CTVK_KEEP_ENCODER;
    options.struct_size = offsetof(ctvk_job_options, keep); /* a host of the first release: what lies behind is not read */
    job = abi_job(h, NULL, &options);
    CHECK(h->jobs->run(job) == CTVK_OK);
    check_message(h, job, again(h, job, t, 1), CTVK_ERROR_ARGUMENT, "CTVK_KEEP_ENCODER");
    h->jobs->destroy(job);

    options = options_of(h, t, 0);
    job = abi_job(h, NULL, &options);
    check_message(h, job, again(h, job, t, 1), CTVK_ERROR_ARGUMENT, "run it first");
    REQUIRE(h->jobs->run(job) == CTVK_OK);
    check_message(h, job, h->jobs->again(job, NULL, 0, t->embedding[1], 1), CTVK_ERROR_INPUT, "values");
    check_message(h, job, h->jobs->again(job, NULL, 0, NULL, 0), CTVK_ERROR_PROMPT, "needs one");
    check_message(h, job, h->jobs->again(job, "a", 1, t->embedding[1], h->embedding_count), CTVK_ERROR_ARGUMENT, "both");
    check_result(h, job, &t->wanted[0], DEVICE); /* as if nothing had been asked */
    h->jobs->destroy(job);

    options.memory_limit = 1 << 20;
    job = abi_job(h, NULL, &options);
    CHECK(h->jobs->run(job) == CTVK_ERROR_DEVICE_MEMORY);
    check_message(h, job, again(h, job, t, 1), CTVK_ERROR_ARGUMENT, "has failed");
    h->jobs->destroy(job);
    CHECK(h->jobs->again(NULL, "a", 1, NULL, 0) == CTVK_ERROR_ARGUMENT);
}

/* Where neither has room, all is computed again, with the same result. */
static void check_nowhere(const char *name, const texts *t, long long windows)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    abi_host h;
    desc.alloc = give;
    desc.free = take;
    desc.cache_folder = abi_cache();
    abi_open(&h, &desc, name);
    REQUIRE(h.bundles->memory(h.bundle, 0, &memory) == CTVK_OK && h.bundles->info(h.bundle, &info) == CTVK_OK);
    refused = (size_t)info.feature_size * (size_t)info.window[0] * (size_t)info.window[1] * (size_t)info.window[2] / 8 * sizeof(float);
    check_texts(&h, t, memory.planned_bytes, NOWHERE, windows);
    CHECK_MSG(refusals == 3 * windows, "%d refusals", refusals);
    refused = 0;
    abi_close(&h);
}

int main(void)
{
    static const char *const name = "sliding-LPS";
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    abi_host host;
    texts t;
    abi_open(&host, NULL, name);
    size_t bytes = (size_t)host.embedding_count * sizeof(float);
    for (int i = 0; i < TEXTS; i++) {
        REQUIRE((t.embedding[i] = malloc(bytes)) != NULL);
        for (uint64_t k = 0; k < host.embedding_count; k++)
            t.embedding[i][k] = i ? -3 * host.embedding[k] : host.embedding[k];
        ctvk_job_options options = options_of(&host, &t, i);
        options.keep = 0;
        ctvk_result *result = abi_run(&host, NULL, &options);
        REQUIRE(host.results->info(result, &info) == CTVK_OK && info.windows > 2);
        t.wanted[i] = abi_keep(&host, result);
        host.results->destroy(result);
    }
    CHECK(!abi_same(&t.wanted[0], &t.wanted[1])); /* the text matters here */
    check_places(&host, &t, info.windows);
    check_cancel(&host, &t, info.windows);
    check_refusals(&host, &t);
    check_nowhere(name, &t, info.windows);
    for (int i = 0; i < TEXTS; i++) {
        free(t.embedding[i]);
        abi_forget(&t.wanted[i]);
    }
    abi_close(&host);
    return check_done("again");
}
