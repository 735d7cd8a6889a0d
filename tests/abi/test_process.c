/* The library as a plugin of a process that has its own ways: loaded and unloaded, after a fork, with a comma as decimal point, in a
 * working folder that is gone; and what it must leave alone: threads, files, signals, environment, locale, output. Not linked to the
 * library. */
#include "abi/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const void *(*loaded)(const char *, uint32_t);

/* Takes the place of the linker's. */
const void *ctvk_interface(const char *name, uint32_t version)
{
    return loaded(name, version);
}

static void *load(void)
{
    const char *path = getenv("CTVK_LIBRARY");
    REQUIRE(path != NULL);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    REQUIRE(library != NULL);
    void *symbol = dlsym(library, "ctvk_interface");
    REQUIRE(symbol != NULL);
    memcpy(&loaded, &symbol, sizeof loaded);
    return library;
}

/* FNV-1a of the label map of one golden case; 0: something failed. */
static uint64_t segment(void)
{
    abi_host h;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    abi_open(&h, NULL, "one-window");
    ctvk_result *result = abi_run(&h, NULL, NULL);
    const uint8_t *labels = h.results->labels(result);
    for (size_t i = 0; i < abi_voxels(&h.volume); i++)
        hash = (hash ^ labels[i]) * UINT64_C(0x100000001b3);
    h.results->destroy(result);
    abi_close(&h);
    return hash;
}

static void *nothing(void *user)
{
    return user;
}

/* Loaded, used, unloaded, twice: no thread is left, and nothing of the library. */
static uint64_t check_unload(void)
{
    uint64_t first = 0;
    pthread_t thread;
    /* ThreadSanitizer starts a thread of its own beside the first one that a program makes. */
    REQUIRE(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
    int threads = abi_entries("/proc/self/task");
    for (int i = 0; i < 2; i++) {
        void *library = load();
        uint64_t found = segment();
        first = i ? first : found;
        CHECK(found == first);
        CHECK_MSG(abi_entries("/proc/self/task") == threads, "%d threads, before: %d", abi_entries("/proc/self/task"), threads);
        CHECK(dlclose(library) == 0);
        CHECK(abi_entries("/proc/self/task") == threads);
#ifndef CTVK_SANITIZED /* which keeps what it has seen */
        CHECK_MSG(dlopen(getenv("CTVK_LIBRARY"), RTLD_NOW | RTLD_NOLOAD) == NULL, "the library is still there");
#endif
    }
    return first;
}

/* Loaded, then forked, then used on both sides. */
static void check_fork(uint64_t wanted)
{
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        check_failed = 0;
        _exit(segment() == wanted && !check_failed ? 0 : 1);
    }
    CHECK(segment() == wanted);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
}

typedef struct surroundings {
    struct sigaction actions[65];
    sigset_t mask;
    char variables[65536], locale[256];
    int files;
    mode_t umask;
} surroundings;

static void look(surroundings *s)
{
    size_t length = 0;
    memset(s, 0, sizeof *s);
    for (int number = 1; number < 65; number++)
        if (sigaction(number, NULL, &s->actions[number]) != 0)
            memset(&s->actions[number], 0, sizeof s->actions[number]);
    sigprocmask(SIG_BLOCK, NULL, &s->mask);
    for (char **variable = environ; *variable; variable++) {
        REQUIRE(length + strlen(*variable) + 2 < sizeof s->variables);
        length += (size_t)snprintf(s->variables + length, sizeof s->variables - length, "%s\n", *variable);
    }
    snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
    s->files = abi_entries("/proc/self/fd");
    s->umask = umask(0);
    umask(s->umask);
}

static void check_left_alone(uint64_t wanted)
{
    static surroundings before, after;
    char path[] = "/tmp/ctvk-output-XXXXXX", text[256] = "";
    int file = mkstemp(path), kept[2] = {dup(1), dup(2)};
    REQUIRE(file >= 0 && kept[0] >= 0 && kept[1] >= 0);
    unlink(path);
    fflush(NULL);
    dup2(file, 1);
    dup2(file, 2);
    look(&before);
    uint64_t found = segment();
    look(&after);
    fflush(NULL);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    CHECK(found == wanted);
    ssize_t printed = pread(file, text, sizeof text - 1, 0);
    CHECK_MSG(printed == 0, "printed: %s", text);
    close(file);
    close(kept[0]);
    close(kept[1]);
    for (int number = 1; number < 65; number++)
        CHECK_MSG(before.actions[number].sa_handler == after.actions[number].sa_handler, "signal %d has another handler", number);
    CHECK(memcmp(&before.mask, &after.mask, sizeof before.mask) == 0);
    CHECK(strcmp(before.variables, after.variables) == 0);
    CHECK(strcmp(before.locale, after.locale) == 0);
    CHECK_MSG(before.files == after.files, "%d files are open, before: %d", after.files, before.files);
    CHECK(before.umask == after.umask);
}

/* A comma as decimal point: manifest, report and numbers in messages are what they are everywhere. */
static void check_locale(uint64_t wanted)
{
    char number[16];
    REQUIRE(setlocale(LC_ALL, "de_DE.UTF-8") != NULL); /* made by abi.locale */
    snprintf(number, sizeof number, "%.1f", 1.5);
    CHECK(strcmp(number, "1,5") == 0);
    CHECK(segment() == wanted);
    abi_host h;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_text report;
    abi_open(&h, NULL, "spacing");
    CHECK(h.bundles->info(h.bundle, &info) == CTVK_OK && info.spacing_mm[2] == 1.5 && info.overlap == 0.5 && info.sigma_scale == 0.125);
    ctvk_result *result = abi_run(&h, NULL, NULL);
    CHECK(h.results->report(result, &report) == CTVK_OK && strstr(report.data, "\"volume_ml\": "));
    for (const char *at = report.data; (at = strstr(at, "_ml\": ")) != NULL; at++)
        CHECK(at[6 + strspn(at + 6, "0123456789")] == '.');
    h.results->destroy(result);
    abi_close(&h);
    snprintf(number, sizeof number, "%.1f", 1.5);
    CHECK(strcmp(number, "1,5") == 0);
    setlocale(LC_ALL, "C");
}

static void check_lost_folder(uint64_t wanted)
{
    char folder[] = "/tmp/ctvk-gone-XXXXXX", now[4096];
    ctvk_image_file *image = NULL;
    REQUIRE(mkdtemp(folder) && chdir(folder) == 0 && rmdir(folder) == 0);
    CHECK(segment() == wanted);
    CHECK(getcwd(now, sizeof now) == NULL && errno == ENOENT);
    abi_host h;
    abi_open(&h, NULL, "one-window");
    CHECK(h.images->open(h.context, "image.nii.gz", CTVK_STRLEN, &image) == CTVK_ERROR_INPUT && !image);
    abi_close(&h);
    REQUIRE(chdir("/") == 0);
}

int main(void)
{
    uint64_t wanted = check_unload();
    load();
    check_fork(wanted);
    check_left_alone(wanted);
    check_locale(wanted);
    check_lost_folder(wanted);
    return check_done("process");
}
