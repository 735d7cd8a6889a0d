/* A race as a careless host makes it, which ThreadSanitizer must tell of: the progress callback of a job writes what another thread reads
 * when the job is done, and neither locks. Where it has forgotten an access by the time of the other one, it says nothing at all; as it is
 * by default it forgets within the last stages of this job. Its history_size (CMakePresets.json) is what this program holds; built for
 * ThreadSanitizer only. */
#include "abi/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static abi_host host;
static double began_at; /* the last but one of a job's stages */
static atomic_int done;

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    (void)user;
    if (strcmp(stage, "classify") == 0 && began_at == 0)
        began_at = fraction;
    return 0;
}

static void *run(void *job)
{
    (void)host.jobs->run(job);
    atomic_store_explicit(&done, 1, memory_order_relaxed);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    const struct timespec moment = {0, 1000000};
    abi_open(&host, NULL, "one-window");
    ctvk_job_options options = abi_options(&host);
    options.progress = on_progress;
    ctvk_job *job = abi_job(&host, NULL, &options);
    REQUIRE(pthread_create(&thread, NULL, run, job) == 0);
    while (!atomic_load_explicit(&done, memory_order_relaxed))
        nanosleep(&moment, NULL);
    double seen = began_at;
    REQUIRE(pthread_join(thread, NULL) == 0);
    host.jobs->destroy(job);
    abi_close(&host);
    printf("classify began at %g\n", seen);
    return 0;
}
