/* What may run side by side does: two contexts, two jobs of one context, one of them destroyed meanwhile, cancel and progress from another
 * thread. For ThreadSanitizer. */
#include "abi/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* No CHECK on these threads: its counters belong to the main one. */
typedef struct worker {
    abi_host host; /* its tables and image; context and bundle become its own */
    char bundle[1024], cache[1024];
    uint8_t *labels;
    int32_t failed;
} worker;

static int run_job(worker *w)
{
    const abi_host *h = &w->host;
    ctvk_job_options options = abi_options(h);
    ctvk_job *job = NULL;
    ctvk_result *result = NULL;
    options.keep = CTVK_KEEP_ENCODER;
    if (h->jobs->create(h->context, h->bundle, &h->volume, &options, &job) != CTVK_OK)
        return -1;
    int failed = h->jobs->run(job) != CTVK_OK || h->jobs->again(job, NULL, 0, h->embedding, h->embedding_count) != CTVK_OK ||
                 h->jobs->run(job) != CTVK_OK || h->jobs->take_result(job, &result) != CTVK_OK;
    h->jobs->destroy(job);
    if (!failed)
        memcpy(w->labels, h->results->labels(result), abi_voxels(&h->volume));
    h->results->destroy(result);
    return failed;
}

static void *work(void *user)
{
    worker *w = user;
    abi_host *h = &w->host;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    uint32_t count = 0;
    desc.cache_folder = (ctvk_text){w->cache, CTVK_STRLEN};
    h->context = NULL;
    h->bundle = NULL;
    w->failed = h->contexts->create(&desc, &h->context) != CTVK_OK || h->contexts->device_count(h->context, &count) != CTVK_OK || !count ||
                h->bundles->open(h->context, w->bundle, CTVK_STRLEN, &h->bundle) != CTVK_OK || run_job(w) != 0;
    h->bundles->destroy(h->bundle);
    h->contexts->destroy(h->context);
    return NULL;
}

/* Jobs of one context may run side by side; making them, on one context, may not: so each is made before the threads begin. */
typedef struct runner {
    const abi_host *host;
    ctvk_job *job;
    int ends;            /* the job is destroyed on its own thread, while others run */
    ctvk_result *result; /* where it ends */
    ctvk_status status;
    atomic_int done;
} runner;

static void *run_made(void *user)
{
    runner *r = user;
    r->status = r->host->jobs->run(r->job);
    atomic_store(&r->done, 1);
    if (r->ends) {
        (void)r->host->jobs->take_result(r->job, &r->result);
        r->host->jobs->destroy(r->job);
        r->job = NULL;
    }
    return NULL;
}

static void check_two_contexts(const abi_host *host, const uint8_t *wanted)
{
    pthread_t threads[2];
    worker workers[2];
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker){.host = *host, .labels = calloc(abi_voxels(&host->volume), 1)};
        snprintf(workers[i].bundle, sizeof workers[i].bundle, "%s", abi_path("one-window", NULL));
        snprintf(workers[i].cache, sizeof workers[i].cache, "%s", abi_path("cache", NULL));
        REQUIRE(workers[i].labels && pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK(!workers[i].failed && memcmp(workers[i].labels, wanted, abi_voxels(&host->volume)) == 0);
        free(workers[i].labels);
    }
}

static void check_two_jobs(const abi_host *host, const uint8_t *wanted)
{
    pthread_t threads[2];
    runner runners[2];
    for (int i = 0; i < 2; i++) {
        runners[i] = (runner){.host = host, .job = abi_job(host, NULL, NULL), .ends = i == 1};
        atomic_init(&runners[i].done, 0);
    }
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run_made, &runners[i]) == 0);
    /* A user interface looks on meanwhile, and may ask the bundle. */
    const struct timespec moment = {0, 5000000};
    double last = 0;
    while (!atomic_load(&runners[0].done)) {
        ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
        double now = host->jobs->progress(runners[0].job);
        CHECK(now >= last && now <= 1);
        CHECK(host->bundles->info(host->bundle, &info) == CTVK_OK);
        last = now;
        nanosleep(&moment, NULL);
    }
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK(runners[i].status == CTVK_OK);
        REQUIRE(runners[i].ends || host->jobs->take_result(runners[i].job, &runners[i].result) == CTVK_OK);
        REQUIRE(runners[i].result != NULL);
        CHECK(memcmp(host->results->labels(runners[i].result), wanted, abi_voxels(&host->volume)) == 0);
        host->jobs->destroy(runners[i].job);
        host->results->destroy(runners[i].result);
    }
}

typedef struct meeting {
    atomic_int calls, cancelled, after;
    int at;
} meeting;

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    meeting *m = user;
    (void)fraction;
    (void)stage;
    atomic_fetch_add(&m->calls, 1);
    if (atomic_load(&m->cancelled))
        atomic_fetch_add(&m->after, 1);
    return 0;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Cancelled from outside at several depths: at most the submission under way is still reported, and context and bundle go on. */
static void check_cancel(const abi_host *host, const uint8_t *wanted)
{
    static const int depths[] = {0, 1, 2, 4, 6}; /* of ten or more: a pipeline that has to be compiled ends a piece too */
    const struct timespec moment = {0, 200000};
    for (size_t n = 0; n < sizeof depths / sizeof *depths; n++) {
        pthread_t thread;
        meeting m = {.at = depths[n]};
        ctvk_job_options options = abi_options(host);
        options.progress = on_progress;
        options.progress_user = &m;
        runner r = {.host = host, .job = abi_job(host, NULL, &options)};
        atomic_init(&r.done, 0);
        REQUIRE(pthread_create(&thread, NULL, run_made, &r) == 0);
        while (atomic_load(&m.calls) < m.at && !atomic_load(&r.done))
            nanosleep(&moment, NULL);
        host->jobs->cancel(r.job);
        atomic_store(&m.cancelled, 1);
        double begin = seconds();
        REQUIRE(pthread_join(thread, NULL) == 0);
        double took = seconds() - begin;
        CHECK_MSG(r.status == CTVK_CANCELLED, "depth %d: %d after %d calls", m.at, r.status, atomic_load(&m.calls));
        CHECK_MSG(atomic_load(&m.after) <= 1, "depth %d: %d reports after the cancel", m.at, atomic_load(&m.after));
        /* Opening the device and compiling the first pipelines may lie in between; the bound is for a machine under load. */
        CHECK_MSG(took < 20, "depth %d: %.1f s", m.at, took);
        host->jobs->destroy(r.job);
    }
    ctvk_result *result = abi_run(host, NULL, NULL);
    CHECK(memcmp(host->results->labels(result), wanted, abi_voxels(&host->volume)) == 0);
    host->results->destroy(result);
}

int main(void)
{
    abi_host host;
    abi_open(&host, NULL, "one-window");
    ctvk_result *result = abi_run(&host, NULL, NULL);
    uint8_t *wanted = malloc(abi_voxels(&host.volume));
    REQUIRE(wanted != NULL);
    memcpy(wanted, host.results->labels(result), abi_voxels(&host.volume));
    host.results->destroy(result);
    check_two_jobs(&host, wanted);
    check_cancel(&host, wanted);
    /* Two more contexts beside the one that is open. */
    check_two_contexts(&host, wanted);
    free(wanted);
    abi_close(&host);
    return check_done("threads");
}
