/* "ctvk.tune" as a host meets it: what is refused, steps, cancelling, what is told, and an allocator that fails. */
#include "abi/arena.h"
#include "ctvk/draft/tune.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static const ctvk_tune_api *tunes;
static char folder[512];

typedef struct watch {
    int calls, stop_at, stop_measured; /* stop_measured: when the first convolution has been measured */
    double last;
} watch;

static int32_t look(void *user, double fraction, const char *stage)
{
    watch *w = user;
    CHECK(fraction >= w->last && fraction <= 1 && stage && strcmp(stage, "tune") == 0);
    w->last = fraction;
    return ++w->calls == w->stop_at || (w->stop_measured && fraction > 0);
}

static int tables(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    REQUIRE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strncmp(entry->d_name, "tuned-", 6) == 0;
    closedir(dir);
    return count;
}

static void open_in_folder(abi_host *h, int with_folder)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.self_test = CTVK_SELF_TEST_SKIP;
    if (with_folder)
        desc.cache_folder = (ctvk_text){folder, CTVK_STRLEN};
    abi_open(h, &desc, "vision-only");
}

static void check_refused(abi_host *h, ctvk_status status, ctvk_status wanted)
{
    ctvk_text message;
    h->contexts->last_error(h->context, &message);
    CHECK_MSG(status == wanted && abi_well_formed(&message), "%d: %s", status, message.data);
}

static void test_refusals(void)
{
    abi_host h;
    ctvk_tune *tune = NULL;
    ctvk_tune_info info = CTVK_TUNE_INFO_INIT;
    ctvk_tune_options options = CTVK_TUNE_OPTIONS_INIT;
    ctvk_tune_convolution convolution = CTVK_TUNE_CONVOLUTION_INIT;
    ctvk_tune_candidate candidate = CTVK_TUNE_CANDIDATE_INIT;
    ctvk_text message;
    open_in_folder(&h, 0);
    CHECK(tunes->create(NULL, NULL, NULL, &tune) == CTVK_ERROR_ARGUMENT);
    check_refused(&h, tunes->create(h.context, NULL, NULL, NULL), CTVK_ERROR_ARGUMENT);
    options.struct_size = 7;
    check_refused(&h, tunes->create(h.context, h.bundle, &options, &tune), CTVK_ERROR_ARGUMENT);
    CHECK(!tune);
    REQUIRE(tunes->create(h.context, h.bundle, NULL, &tune) == CTVK_OK && tune);
    CHECK(tunes->info(tune, &info) == CTVK_ERROR_ARGUMENT && tunes->convolution(tune, 0, &convolution) == CTVK_ERROR_ARGUMENT);
    CHECK(tunes->candidate(tune, 0, 0, &candidate) == CTVK_ERROR_ARGUMENT && tunes->progress(tune) == 0);
    /* Without a folder to keep it in, it is said before anything is measured, and again. */
    CHECK(tunes->step(tune) == CTVK_ERROR_OUTPUT && tunes->run(tune) == CTVK_ERROR_OUTPUT);
    tunes->last_error(tune, &message);
    CHECK_MSG(abi_well_formed(&message) && strstr(message.data, "cache folder"), "%s", message.data);
    tunes->destroy(tune);
    tunes->destroy(NULL);
    tunes->cancel(NULL);
    CHECK(tunes->run(NULL) == CTVK_ERROR_ARGUMENT && tunes->step(NULL) == CTVK_ERROR_ARGUMENT && tunes->progress(NULL) == 0);
    CHECK(tunes->info(NULL, &info) == CTVK_ERROR_ARGUMENT && tunes->convolution(NULL, 0, &convolution) == CTVK_ERROR_ARGUMENT);
    CHECK(tunes->candidate(NULL, 0, 0, &candidate) == CTVK_ERROR_ARGUMENT && tunes->last_error(NULL, &message) == CTVK_ERROR_ARGUMENT);
    abi_close(&h);
}

static void check_found(ctvk_tune *tune, const ctvk_tune_info *info)
{
    for (uint32_t i = 0; i < info->measured_count; i++) {
        ctvk_tune_convolution c = CTVK_TUNE_CONVOLUTION_INIT;
        REQUIRE(tunes->convolution(tune, i, &c) == CTVK_OK);
        CHECK(c.candidate_count >= 1 && c.chosen < c.candidate_count && c.untuned < c.candidate_count && c.times >= 1 && c.flop > 0);
        for (uint32_t k = 0; k < c.candidate_count; k++) {
            ctvk_tune_candidate found = CTVK_TUNE_CANDIDATE_INIT;
            REQUIRE(tunes->candidate(tune, i, k, &found) == CTVK_OK);
            CHECK(found.name.length > 3 && found.milliseconds > 0 && isfinite(found.milliseconds));
        }
        ctvk_tune_candidate none = CTVK_TUNE_CANDIDATE_INIT;
        CHECK(tunes->candidate(tune, i, c.candidate_count, &none) == CTVK_ERROR_ARGUMENT);
        CHECK(tunes->convolution(tune, i, NULL) == CTVK_ERROR_ARGUMENT && tunes->candidate(tune, i, 0, NULL) == CTVK_ERROR_ARGUMENT);
    }
}

/* Cancelled after some steps nothing is kept; then step by step to the end, without the bundle that named the shapes. */
static void test_steps(void)
{
    abi_host h;
    ctvk_tune *tune = NULL;
    ctvk_tune_info info = CTVK_TUNE_INFO_INIT;
    ctvk_tune_options options = CTVK_TUNE_OPTIONS_INIT;
    watch w = {.stop_at = 0};
    open_in_folder(&h, 1);
    options.progress = look;
    options.progress_user = &w;
    REQUIRE(tunes->create(h.context, h.bundle, &options, &tune) == CTVK_OK);
    CHECK(tunes->step(tune) == CTVK_PENDING && tunes->step(tune) == CTVK_PENDING);
    REQUIRE(tunes->info(tune, &info) == CTVK_OK);
    CHECK(info.measured_count == 1 && info.convolution_count > 10 && !info.kept && info.peak_bytes > 0);
    check_found(tune, &info);
    w.stop_at = w.calls + 2;
    CHECK(tunes->run(tune) == CTVK_CANCELLED && tunes->run(tune) == CTVK_CANCELLED && tables() == 0);
    tunes->destroy(tune);
    REQUIRE(tunes->create(h.context, h.bundle, NULL, &tune) == CTVK_OK);
    tunes->cancel(tune);
    CHECK(tunes->run(tune) == CTVK_CANCELLED);
    tunes->destroy(tune);
    w = (watch){.stop_at = 0};
    REQUIRE(tunes->create(h.context, h.bundle, &options, &tune) == CTVK_OK);
    h.bundles->destroy(h.bundle);
    h.bundle = NULL;
    ctvk_status status = CTVK_PENDING;
    uint32_t steps = 0;
    while ((status = tunes->step(tune)) == CTVK_PENDING)
        steps++;
    CHECK_MSG(status == CTVK_OK && tunes->step(tune) == CTVK_OK && tunes->progress(tune) == 1, "%d", status);
    REQUIRE(tunes->info(tune, &info) == CTVK_OK);
    CHECK(info.kept && info.measured_count == info.convolution_count && steps == info.convolution_count && tables() == 1);
    check_found(tune, &info);
    tunes->destroy(tune);
    abi_close(&h);
}

static ctvk_status run_with(arena *a, watch *w)
{
    const ctvk_context_api *contexts = ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    const ctvk_bundle_api *bundles = ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_tune_options options = CTVK_TUNE_OPTIONS_INIT;
    ctvk_context *context = NULL;
    ctvk_bundle *bundle = NULL;
    ctvk_tune *tune = NULL;
    desc.alloc = host_alloc;
    desc.free = host_free;
    desc.alloc_user = a;
    desc.self_test = CTVK_SELF_TEST_SKIP;
    desc.cache_folder = (ctvk_text){folder, CTVK_STRLEN};
    options.progress = look;
    options.progress_user = w;
    ctvk_status status = contexts->create(&desc, &context);
    if (status == CTVK_OK)
        status = bundles->open(context, abi_path("vision-only", NULL), CTVK_STRLEN, &bundle);
    if (status == CTVK_OK)
        status = tunes->create(context, bundle, &options, &tune);
    if (status == CTVK_OK)
        status = tunes->run(tune);
    tunes->destroy(tune);
    if (context)
        bundles->destroy(bundle);
    contexts->destroy(context);
    return status;
}

/* Each allocation until the first convolution has been measured may fail; nothing is lost. */
static void test_memory(void)
{
    arena whole = {0};
    watch some = {.stop_measured = 1};
    CHECK(run_with(&whole, &some) == CTVK_CANCELLED && atomic_load(&whole.live) == 0);
    for (long n = 1; n <= atomic_load(&whole.count); n += n / 2 + 3) {
        arena a = {.fail_at = n};
        watch w = {.stop_measured = 1};
        ctvk_status status = run_with(&a, &w);
        CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY || status == CTVK_CANCELLED, "allocation %ld: %d", n, status);
        CHECK_MSG(atomic_load(&a.live) == 0 && atomic_load(&a.foreign) == 0, "allocation %ld: %ld blocks", n, atomic_load(&a.live));
    }
}

static void remove_all(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[800];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    CHECK(rmdir(folder) == 0);
}

int main(void)
{
    tunes = ctvk_interface(CTVK_TUNE_NAME, CTVK_TUNE_VERSION);
    REQUIRE(tunes && tunes->struct_size == sizeof *tunes && !ctvk_interface(CTVK_TUNE_NAME, CTVK_TUNE_VERSION + 1));
    snprintf(folder, sizeof folder, "%s/tune-XXXXXX", getenv("CTVK_TEST_TMP"));
    REQUIRE(mkdtemp(folder) != NULL);
    test_refusals();
    test_steps();
    test_memory();
    remove_all();
    return check_done("tune");
}
