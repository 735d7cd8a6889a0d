/* Jobs on one thread: run and step agree to the bit, progress, cancel, limits, and every order of destroying. */
#include "abi/outcome.h"

#include <math.h>

typedef struct watcher {
    const abi_host *host;
    ctvk_job *job;
    double last, stop_at; /* 0: never */
    int calls, stopped, after_stop, wrong;
    char stages[256];
} watcher;

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    watcher *w = user;
    w->calls++;
    w->after_stop += w->stopped;
    if (!(fraction >= w->last) || !(fraction <= 1) || !stage || !*stage)
        w->wrong++;
    if (w->job && fabs(w->host->jobs->progress(w->job) - fraction) > 2e-6)
        w->wrong++;
    w->last = fraction;
    if (!strstr(w->stages, stage))
        snprintf(w->stages + strlen(w->stages), sizeof w->stages - strlen(w->stages), "%s ", stage);
    w->stopped = w->stop_at > 0 && fraction >= w->stop_at;
    return w->stopped;
}

static ctvk_job_options watched(const abi_host *h, watcher *w)
{
    ctvk_job_options options = abi_options(h);
    options.want = CTVK_WANT_PROBABILITY | CTVK_WANT_LOGITS;
    options.progress = on_progress;
    options.progress_user = w;
    return options;
}

static abi_outcome check_run(const abi_host *h)
{
    watcher w = {.host = h, .last = 0};
    ctvk_job_options options = watched(h, &w);
    ctvk_result *result = NULL;
    ctvk_job *job = w.job = abi_job(h, NULL, &options);
    REQUIRE(h->jobs->run(job) == CTVK_OK && h->jobs->take_result(job, &result) == CTVK_OK);
    CHECK(w.wrong == 0 && w.last == 1 && h->jobs->progress(job) == 1);
    CHECK_MSG(strcmp(w.stages, "open prepare upload network classify restore ") == 0, "stages: %s", w.stages);
    abi_outcome found = abi_keep(h, result);
    h->jobs->destroy(job);
    /* The result stands alone. */
    CHECK(memcmp(h->results->labels(result), found.labels, found.voxels) == 0);
    h->results->destroy(result);
    return found;
}

static void check_steps(const abi_host *h, const abi_outcome *wanted)
{
    watcher w = {.host = h, .last = 0};
    ctvk_job_options options = watched(h, &w);
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_result *result = NULL;
    ctvk_job *job = abi_job(h, NULL, &options);
    ctvk_status status;
    double before = 0;
    int steps = 0;
    do {
        status = h->jobs->step(job);
        CHECK(h->jobs->progress(job) >= before);
        before = h->jobs->progress(job);
        CHECK(h->jobs->memory(job, &memory) == CTVK_OK && memory.fits && memory.planned_bytes > 0 &&
              memory.planned_bytes == memory.weights_bytes + memory.activations_bytes + memory.staging_bytes);
        steps++;
        if (status == CTVK_PENDING)
            CHECK(h->jobs->take_result(job, &result) == CTVK_ERROR_ARGUMENT && !result);
    } while (status == CTVK_PENDING && steps < 1000);
    REQUIRE(status == CTVK_OK && h->jobs->take_result(job, &result) == CTVK_OK);
    CHECK(h->results->info(result, &info) == CTVK_OK && info.windows > 1);
    CHECK_MSG(steps == 5 + info.windows, "%d steps for %lld windows", steps, (long long)info.windows);
    CHECK(h->jobs->step(job) == CTVK_OK && w.wrong == 0);
    abi_outcome found = abi_keep(h, result);
    CHECK(abi_same(&found, wanted));
    abi_forget(&found);
    h->results->destroy(result);
    h->jobs->destroy(job);
}

/* A callback that stops the run once it is so far: nothing more is reported, nothing is handed out, and all goes on as if nothing had been.
 * How many reports there are depends on how fast the device was found to be, so that a fraction decides. */
static void check_stops(const abi_host *h, const abi_outcome *wanted)
{
    static const double at[] = {1e-9, 0.01, 0.04, 0.05, 0.2, 0.6, 0.94, 0.97, 0.985, 1};
    ctvk_text message;
    for (size_t n = 0; n < sizeof at / sizeof *at; n++) {
        watcher w = {.host = h, .stop_at = at[n]};
        ctvk_job_options options = watched(h, &w);
        ctvk_result *result = NULL;
        ctvk_job *job = abi_job(h, NULL, &options);
        ctvk_status status = h->jobs->run(job);
        CHECK_MSG(w.stopped && w.after_stop == 0, "stop at %g: %d calls after it", at[n], w.after_stop);
        if (w.last == 1) { /* there is nothing left to cancel */
            CHECK(status == CTVK_OK && h->jobs->take_result(job, &result) == CTVK_OK);
            h->results->destroy(result);
        } else {
            CHECK_MSG(status == CTVK_CANCELLED, "stop at %g: %d", at[n], status);
            CHECK(h->jobs->last_error(job, &message) == CTVK_CANCELLED && abi_well_formed(&message));
            CHECK(h->jobs->take_result(job, &result) == CTVK_ERROR_ARGUMENT && !result);
            CHECK(h->jobs->step(job) == CTVK_CANCELLED && h->jobs->run(job) == CTVK_CANCELLED);
        }
        CHECK((w.last == 1) == (at[n] == 1));
        h->jobs->destroy(job);
    }
    abi_outcome found = check_run(h);
    CHECK(abi_same(&found, wanted));
    abi_forget(&found);
}

static void check_early_cancel(const abi_host *h)
{
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_job *job = abi_job(h, NULL, NULL);
    h->jobs->cancel(job);
    h->jobs->cancel(job);
    CHECK(h->jobs->run(job) == CTVK_CANCELLED);
    CHECK(h->jobs->memory(job, &memory) == CTVK_ERROR_ARGUMENT); /* no device was opened for it */
    h->jobs->destroy(job);
    job = abi_job(h, NULL, NULL);
    CHECK(h->jobs->step(job) == CTVK_PENDING);
    h->jobs->cancel(job);
    CHECK(h->jobs->step(job) == CTVK_CANCELLED);
    h->jobs->destroy(job);
}

/* Need, have, and what would fit; then a limit of exactly the need. */
static void check_limit(const abi_host *h)
{
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_job_options options = abi_options(h);
    ctvk_text message;
    REQUIRE(h->bundles->memory(h->bundle, 0, &memory) == CTVK_OK && memory.fits);
    options.memory_limit = memory.planned_bytes - 1;
    ctvk_job *job = abi_job(h, NULL, &options);
    CHECK(h->jobs->run(job) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK(h->jobs->last_error(job, &message) == CTVK_ERROR_DEVICE_MEMORY && abi_well_formed(&message));
    CHECK_MSG(strstr(message.data, "needs") && strstr(message.data, "limit") && strstr(message.data, "would fit"), "%s", message.data);
    CHECK(h->jobs->memory(job, &memory) == CTVK_OK && !memory.fits && memory.available_bytes == options.memory_limit);
    h->jobs->destroy(job);
    options.memory_limit = memory.planned_bytes;
    h->results->destroy(abi_run(h, NULL, &options));
}

/* A job may go at any step; a result outlives job, bundle and image. */
static void check_orders(const char *name)
{
    abi_host h;
    ctvk_result *result = NULL;
    ctvk_text text;
    ctvk_label_volume volume = CTVK_LABEL_VOLUME_INIT;
    abi_open(&h, NULL, name);
    size_t voxels = abi_voxels(&h.volume), embedding_bytes = (size_t)h.embedding_count * sizeof(float);
    for (int steps = 0; steps < 7; steps++) {
        ctvk_job *job = abi_job(&h, NULL, NULL);
        for (int i = 0; i < steps; i++)
            CHECK(h.jobs->step(job) == (i == 5 ? CTVK_OK : CTVK_PENDING) || i > 5);
        h.jobs->destroy(job);
    }
    float *embedding = malloc(embedding_bytes);
    REQUIRE(embedding != NULL);
    memcpy(embedding, h.embedding, embedding_bytes);
    ctvk_job_options options = abi_options(&h);
    options.embedding = embedding;
    ctvk_job *job = abi_job(&h, NULL, &options);
    memset(embedding, 0, embedding_bytes); /* it was copied */
    REQUIRE(h.jobs->run(job) == CTVK_OK && h.jobs->take_result(job, &result) == CTVK_OK);
    CHECK(h.results->embedding(result) && memcmp(h.results->embedding(result), h.embedding, embedding_bytes) == 0);
    CHECK(!h.results->probability(result) && !h.results->logits(result));
    h.jobs->destroy(job);
    h.images->destroy(h.image);
    h.bundles->destroy(h.bundle);
    size_t set = 0;
    for (size_t i = 0; i < voxels; i++)
        set += h.results->labels(result)[i] == 1;
    CHECK(h.results->label_volume(result, 1, &volume) == CTVK_OK && volume.value == 1 && strcmp(volume.name.data, "CTV") == 0);
    CHECK(volume.voxels == set && set > 0 && volume.volume_ml > 0);
    CHECK(h.results->report(result, &text) == CTVK_OK && text.length == strlen(text.data) &&
          strstr(text.data, "\"source\": \"embedding\""));
    CHECK(h.results->label_json(result, &text) == CTVK_OK && strstr(text.data, "\"CTV\""));
    h.results->destroy(result);
    h.contexts->destroy(h.context);
    free(embedding);
}

typedef struct lines {
    int count, bad, warnings;
} lines;

static void on_log(void *user, ctvk_log_level level, const char *message)
{
    lines *l = user;
    l->count++;
    l->warnings += level == CTVK_LOG_WARNING;
    l->bad += !message || !*message || strchr(message, '\n') || level < CTVK_LOG_ERROR || level > CTVK_LOG_DEBUG;
}

/* Warnings reach the log and the result: here for an image that is air throughout, so that there is no network to run. */
static void check_log(const char *name)
{
    lines log = {0};
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text text;
    abi_host h;
    desc.log = on_log;
    desc.log_user = &log;
    abi_open(&h, &desc, name);
    int16_t *air = malloc(abi_voxels(&h.volume) * sizeof *air);
    REQUIRE(air != NULL);
    for (size_t i = 0; i < abi_voxels(&h.volume); i++)
        air[i] = -2000;
    h.volume.data = air;
    ctvk_result *result = abi_run(&h, NULL, NULL);
    CHECK(h.results->info(result, &info) == CTVK_OK && info.warning_count >= 2 && log.bad == 0);
    CHECK_MSG(log.warnings == (int)info.warning_count, "%d warnings in the log, %u in the result", log.warnings, info.warning_count);
    for (uint32_t i = 0; i < info.warning_count; i++)
        CHECK(h.results->warning(result, i, &text) == CTVK_OK && text.length > 10);
    h.results->destroy(result);
    free(air);
    abi_close(&h);
}

int main(void)
{
    abi_host host;
    abi_open(&host, NULL, "sliding-LPS");
    abi_outcome wanted = check_run(&host);
    check_steps(&host, &wanted);
    check_stops(&host, &wanted);
    check_early_cancel(&host);
    check_limit(&host);
    abi_forget(&wanted);
    abi_close(&host);
    check_orders("one-window");
    check_log("one-window");
    return check_done("jobs");
}
