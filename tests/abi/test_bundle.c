/* Opening and verifying a large bundle with progress: the host is asked for every MiB that is hashed, and a cancel at any time ends it at
 * once and leaves nothing. The bundle is a golden one, with a manifest that lists one more file: zeros. */
#include "abi/arena.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 64 };
static const char zeros_sha256[] = "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"; /* of that many MiB */

static abi_host host;
static arena memory;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void name(char *path, const char *folder, const char *file)
{
    REQUIRE(snprintf(path, 1200, "%s/%s", folder, file) < 1200);
}

static void make_bundle(const char *folder)
{
    char from[1200], to[1200], text[8192];
    REQUIRE(mkdir(folder, 0777) == 0 || errno == EEXIST);
    name(from, abi_path("vision-only", NULL), "network.safetensors");
    name(to, folder, "network.safetensors");
    unlink(to);
    REQUIRE(link(from, to) == 0);
    name(to, folder, "zeros.bin");
    FILE *file = fopen(to, "wb");
    REQUIRE(file && ftruncate(fileno(file), (off_t)MIB << 20) == 0 && fclose(file) == 0);
    file = fopen(abi_path("vision-only", "manifest.json"), "rb");
    REQUIRE(file != NULL);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    REQUIRE(fclose(file) == 0 && length < sizeof text - 1 && *text == '{' && !strstr(text, "\"files\""));
    name(to, folder, "manifest.json");
    file = fopen(to, "wb");
    REQUIRE(file && fprintf(file, "{\"files\": {\"zeros.bin\": {\"sha256\": \"%s\"}}, %s", zeros_sha256, text + 1) > 0 &&
            fclose(file) == 0);
}

typedef struct watch {
    int hashes, calls, cancel_at; /* hashes: calls of that stage; cancel_at 0: never */
    int wrong;                    /* fractions that fall */
    double last, asked, gap, since;
} watch;

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    watch *w = user;
    double time = now();
    w->hashes += strcmp(stage, "hashes") == 0;
    w->wrong += !(fraction >= w->last && fraction <= 1);
    w->gap = fmax(w->gap, time - w->since);
    w->since = time;
    w->last = fraction;
    if (++w->calls != w->cancel_at)
        return 0;
    w->asked = time;
    return 1;
}

static ctvk_status open_it(const char *folder, watch *w, ctvk_bundle **out)
{
    return host.bundles->open_with_progress(host.context, folder, CTVK_STRLEN, on_progress, w, out);
}

static void check_cancelled_open(const char *folder, int call)
{
    watch w = {.cancel_at = call, .since = now()};
    ctvk_bundle *bundle = (ctvk_bundle *)&w;
    ctvk_text message = CTVK_TEXT_INIT;
    long live = atomic_load(&memory.live);
    int files = abi_entries("/proc/self/fd");
    ctvk_status status = open_it(folder, &w, &bundle);
    CHECK_MSG(status == CTVK_CANCELLED && !bundle && w.calls == call && now() - w.asked < 1, "call %d: %d after %d calls", call, status,
              w.calls);
    CHECK(host.contexts->last_error(host.context, &message) == CTVK_CANCELLED && abi_well_formed(&message));
    CHECK(atomic_load(&memory.live) == live && abi_entries("/proc/self/fd") == files);
}

static void check_cancelled_verify(ctvk_bundle *bundle, int call)
{
    watch w = {.cancel_at = call, .since = now()};
    ctvk_text message = CTVK_TEXT_INIT;
    long live = atomic_load(&memory.live);
    ctvk_status status = host.bundles->verify(bundle, on_progress, &w);
    CHECK_MSG(status == CTVK_CANCELLED && w.calls == call && now() - w.asked < 1, "call %d: %d after %d calls", call, status, w.calls);
    CHECK(host.bundles->last_error(bundle, &message) == CTVK_CANCELLED && abi_well_formed(&message));
    CHECK(atomic_load(&memory.live) == live);
}

int main(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_bundle *bundle = NULL, *none = (ctvk_bundle *)&memory;
    char folder[1024];
    desc.alloc = host_alloc;
    desc.free = host_free;
    desc.alloc_user = &memory;
    abi_tables(&host);
    REQUIRE(host.contexts->create(&desc, &host.context) == CTVK_OK);
    snprintf(folder, sizeof folder, "%s", abi_path("large-bundle", NULL));
    make_bundle(folder);
    watch opened = {.since = now()}, verified = opened;
    REQUIRE(open_it(folder, &opened, &bundle) == CTVK_OK);
    CHECK_MSG(opened.hashes >= MIB && opened.wrong == 0 && opened.last == 1 && opened.gap < 1, "%d calls, %.2f s between two", opened.calls,
              opened.gap);
    CHECK(host.bundles->verify(bundle, on_progress, &verified) == CTVK_OK);
    CHECK_MSG(verified.hashes >= MIB && verified.calls > verified.hashes && verified.wrong == 0 && verified.last == 1, "%d calls, %d wrong",
              verified.calls, verified.wrong);
    const int at[] = {1, 2, MIB / 2, opened.calls};
    for (int i = 0; i < 4; i++)
        check_cancelled_open(folder, at[i]);
    /* 1: before anything is read; the last call of all tells the end, which cannot be cancelled. */
    const int of_verify[] = {1, 2, MIB / 2, verified.hashes + 1, verified.calls - 1};
    for (int i = 0; i < 5; i++)
        check_cancelled_verify(bundle, of_verify[i]);
    CHECK(host.bundles->verify(bundle, NULL, NULL) == CTVK_OK);
    host.bundles->destroy(bundle);
    CHECK(host.bundles->open_with_progress(NULL, folder, CTVK_STRLEN, on_progress, NULL, &none) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->open_with_progress(host.context, NULL, 0, NULL, NULL, &none) == CTVK_ERROR_ARGUMENT && !none);
    CHECK(host.bundles->open_with_progress(host.context, folder, CTVK_STRLEN, NULL, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    host.contexts->destroy(host.context);
    CHECK(atomic_load(&memory.live) == 0 && atomic_load(&memory.foreign) == 0);
    return check_done("bundle");
}
