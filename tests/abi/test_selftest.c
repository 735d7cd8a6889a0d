/* The trial of a device as a host meets it: what a context is told, the answer that is kept, cancelling, and an allocator that fails. */
#include "abi/arena.h"

static const ctvk_selftest_api *selftests;

typedef struct watch {
    int calls, stop_at;
} watch;

static int32_t look(void *user, double fraction, const char *stage)
{
    watch *w = user;
    CHECK(fraction >= 0 && fraction <= 1 && stage && *stage);
    return ++w->calls == w->stop_at;
}

static void count_trials(void *user, ctvk_log_level level, const char *message)
{
    (void)level;
    *(int *)user += strstr(message, "tried before its first use") != NULL;
}

/* How many trials two jobs of one context began. */
static int trials_of(ctvk_self_test self_test, ctvk_text cache)
{
    abi_host h;
    int trials = 0;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.log = count_trials;
    desc.log_user = &trials;
    desc.self_test = self_test;
    desc.cache_folder = cache;
    abi_open(&h, &desc, "one-window");
    for (int i = 0; i < 2; i++)
        h.results->destroy(abi_run(&h, NULL, NULL));
    abi_close(&h);
    return trials;
}

static void test_modes(void)
{
    const ctvk_text none = CTVK_TEXT_INIT;
    CHECK(trials_of(CTVK_SELF_TEST_AUTO, abi_cache()) <= 1);
    CHECK(trials_of(CTVK_SELF_TEST_AUTO, abi_cache()) == 0);
    CHECK(trials_of(CTVK_SELF_TEST_FORCE, abi_cache()) == 1);
    CHECK(trials_of(CTVK_SELF_TEST_AUTO, none) == 1);
    CHECK(trials_of(CTVK_SELF_TEST_SKIP, none) == 0);
    const ctvk_context_api *contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_context *context = NULL;
    for (int32_t wrong = -1; wrong <= 3; wrong += 4) {
        desc.self_test = wrong;
        CHECK(contexts->create(&desc, &context) == CTVK_ERROR_ARGUMENT && !context);
    }
}

/* A job is cancelled while its device is tried. */
static void test_cancelled_job(void)
{
    abi_host h;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.self_test = CTVK_SELF_TEST_FORCE;
    abi_open(&h, &desc, "one-window");
    for (int at = 2; at <= 20; at += 16) {
        watch w = {.stop_at = at};
        ctvk_job_options options = abi_options(&h);
        options.progress = look;
        options.progress_user = &w;
        ctvk_job *job = abi_job(&h, NULL, &options);
        CHECK(h.jobs->run(job) == CTVK_CANCELLED);
        CHECK_MSG(w.calls == at && h.jobs->progress(job) <= 0.01, "call %d of %d, at %g", w.calls, at, h.jobs->progress(job));
        h.jobs->destroy(job);
    }
    abi_close(&h);
}

static ctvk_status run_small(const ctvk_context_api *contexts, arena *a, watch *w, char *kept, size_t size)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_selftest_options options = CTVK_SELFTEST_OPTIONS_INIT;
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_context *context = NULL;
    ctvk_selftest *selftest = NULL;
    desc.alloc = host_alloc;
    desc.free = host_free;
    desc.alloc_user = a;
    options.small = 1;
    options.progress = look;
    options.progress_user = w;
    ctvk_status status = contexts->create(&desc, &context);
    snprintf(kept, size, "create");
    if (status != CTVK_OK)
        return status;
    status = selftests->create(context, &options, &selftest);
    if (status != CTVK_OK)
        contexts->last_error(context, &message);
    else if ((status = selftests->run(selftest)) != CTVK_OK)
        selftests->last_error(selftest, &message);
    snprintf(kept, size, "%s", message.data ? message.data : "");
    selftests->destroy(selftest);
    contexts->destroy(context);
    return status;
}

/* Each allocation may fail, further and further apart; nothing is lost, and a cancelled one gives everything back too. */
static void test_memory(void)
{
    const ctvk_context_api *contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    char kept[1024];
    arena whole = {0};
    watch all = {0};
    ctvk_status status = run_small(contexts, &whole, &all, kept, sizeof kept);
    CHECK_MSG(status == CTVK_OK && atomic_load(&whole.live) == 0, "%d %s, %ld blocks", status, kept, atomic_load(&whole.live));
    for (long n = 1; n <= atomic_load(&whole.count); n += n / 2 + 3) {
        arena a = {.fail_at = n};
        watch w = {0};
        status = run_small(contexts, &a, &w, kept, sizeof kept);
        CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY || status == CTVK_OK, "allocation %ld: %d %s", n, status, kept);
        CHECK_MSG(atomic_load(&a.live) == 0 && atomic_load(&a.foreign) == 0, "allocation %ld: %ld blocks (%s)", n, atomic_load(&a.live),
                  kept);
    }
    for (int at = 1; at <= all.calls; at += all.calls / 2 + 1) {
        arena a = {0};
        watch w = {.stop_at = at};
        CHECK(run_small(contexts, &a, &w, kept, sizeof kept) == CTVK_CANCELLED && w.calls == at);
        CHECK(atomic_load(&a.live) == 0 && strstr(kept, "cancelled"));
    }
}

int main(void)
{
    selftests = ctvk_interface(CTVK_SELFTEST_NAME, CTVK_SELFTEST_VERSION);
    REQUIRE(selftests != NULL);
    test_modes();
    test_cancelled_job();
    test_memory();
    return check_done("selftest");
}
