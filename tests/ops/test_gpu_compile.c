/* Rehearsals: nothing is submitted, every pipeline that was asked for is there afterwards, several are compiled at a time, and a cancel or
 * a driver's failure in one of them is carried out of its thread. */
#include "support/gpu_probe.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { PIPELINES = 12 };

static PFN_vkCreateComputePipelines compile;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int inside, most_inside, calls, fail_at;

/* Stays for a while, so that another thread could come in; the call of number fail_at fails. */
static VKAPI_ATTR VkResult VKAPI_CALL slow_compile(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                   const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator,
                                                   VkPipeline *out)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    pthread_mutex_lock(&lock);
    int fails = ++calls == fail_at;
    most_inside = ++inside > most_inside ? inside : most_inside;
    pthread_mutex_unlock(&lock);
    nanosleep(&pause, NULL);
    VkResult result = fails ? VK_ERROR_OUT_OF_HOST_MEMORY : compile(device, cache, count, infos, allocator, out);
    pthread_mutex_lock(&lock);
    inside--;
    pthread_mutex_unlock(&lock);
    return result;
}

static ctvk_gpu *open_slow(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    compile = gpu->vk.CreateComputePipelines;
    gpu->vk.CreateComputePipelines = slow_compile;
    calls = inside = most_inside = fail_at = 0;
    return gpu;
}

/* The probe with another number to add, as it is when it is asked for. */
static ctvk_gpu_pipeline *name(ctvk_gpu *gpu, uint32_t number)
{
    const uint32_t constants[2] = {PROBE_LOCAL, 100 + number};
    ctvk_gpu_pipeline *pipeline = NULL;
    CHECK(ctvk_gpu_pipeline_of(gpu, &probe_shader, constants, 2, &pipeline, NULL) == CTVK_OK && pipeline);
    return pipeline;
}

/* As a dispatch needs it. */
static ctvk_gpu_pipeline *ask(ctvk_gpu *gpu, uint32_t number)
{
    ctvk_gpu_pipeline *pipeline = name(gpu, number);
    CHECK(ctvk_gpu_compile(gpu, pipeline, NULL) == CTVK_OK && pipeline->ready);
    return pipeline;
}

static int ready(const ctvk_gpu *gpu)
{
    int count = 0;
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next)
        count += p->ready;
    return count;
}

static int calls_so_far(void)
{
    pthread_mutex_lock(&lock);
    int count = calls;
    pthread_mutex_unlock(&lock);
    return count;
}

static int processors(void)
{
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    return CPU_COUNT(&set);
}

static ctvk_gpu_cmd *ask_for_all(ctvk_gpu *gpu)
{
    ctvk_gpu_cmd *cmd = NULL;
    CHECK(ctvk_gpu_cmd_rehearse(gpu, &cmd, NULL) == CTVK_OK && cmd);
    for (uint32_t i = 0; i < PIPELINES; i++)
        CHECK(name(gpu, i) == name(gpu, i));
    return cmd;
}

static void rehearse_all(ctvk_gpu *gpu)
{
    ctvk_gpu_cmd *cmd = ask_for_all(gpu);
    CHECK(calls_so_far() == 0 && ready(gpu) == 0);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    ctvk_gpu_cmd_destroy(&cmd);
}

/* In the order of use, and from behind: each is compiled once, and each is there when it has to be. */
static void test_all(void)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        ctvk_gpu *gpu = open_slow();
        rehearse_all(gpu);
        for (uint32_t i = 0; i < PIPELINES; i++) {
            ctvk_gpu_pipeline *p = ask(gpu, backwards ? PIPELINES - 1 - i : i);
            CHECK(p->ready && p->pipeline != VK_NULL_HANDLE);
        }
        CHECK(ready(gpu) == PIPELINES && calls_so_far() == PIPELINES);
        CHECK_MSG(most_inside <= processors() && (processors() == 1 || most_inside > 1), "%d at a time on %d processors", most_inside,
                  processors());
        (void)ask(gpu, 3);
        (void)ask(gpu, PIPELINES); /* a new one, by itself */
        CHECK(calls_so_far() == PIPELINES + 1);
        ctvk_gpu_destroy(&gpu);
    }
}

/* With a processor more than one, all of it happens while this thread does something else. */
static void test_background(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    ctvk_gpu *gpu = open_slow();
    rehearse_all(gpu);
    for (int i = 0; i < 1000 && processors() > 1 && calls_so_far() < PIPELINES; i++)
        nanosleep(&pause, NULL);
    CHECK(calls_so_far() == (processors() > 1 ? PIPELINES : 0));
    CHECK(ask(gpu, 7)->ready && ready(gpu) == 1);
    /* Another rehearsal takes in what is there already. */
    ctvk_gpu_cmd *cmd = ask_for_all(gpu);
    (void)name(gpu, PIPELINES);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    ctvk_gpu_cmd_destroy(&cmd);
    CHECK(ask(gpu, PIPELINES)->ready && ask(gpu, 0)->ready && calls_so_far() <= PIPELINES + 1);
    ctvk_gpu_destroy(&gpu);
}

static void *plain_alloc(void *user, size_t bytes)
{
    (void)user;
    return aligned_alloc(16, (bytes + 15) / 16 * 16);
}

static void plain_free(void *user, void *memory)
{
    (void)user;
    free(memory);
}

/* A host with an allocator gets no thread: nothing happens before it is asked for. */
static void test_allocator(void)
{
    const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    ctvk_gpu *gpu = open_slow();
    ctvk_host before = gpu->host;
    gpu->host.alloc = plain_alloc; /* malloc's memory is free's, as what the gpu has already */
    gpu->host.free = plain_free;
    rehearse_all(gpu);
    nanosleep(&pause, NULL);
    CHECK(calls_so_far() == 0 && !gpu->crew);
    CHECK(ask(gpu, 5)->ready && calls_so_far() == 1);
    gpu->host = before;
    ctvk_gpu_destroy(&gpu);
}

static void read_target(const probe *p, uint32_t out[PROBE_COUNT])
{
    CHECK(ctvk_gpu_download(p->target, 0, out, PROBE_COUNT * sizeof *out, NULL) == CTVK_OK);
}

/* Dispatch, copy and fill of a rehearsal change nothing; what is wrong in it is said; the same recorded afterwards is done. */
static void test_nothing_is_done(void)
{
    static uint32_t before[PROBE_COUNT], after[PROBE_COUNT];
    static probe p;
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_gpu_cmd *cmd = NULL;
    uint64_t mark = 7;
    CHECK(probe_open(&p, gpu, NULL) == CTVK_OK);
    memset(before, 0x5a, sizeof before);
    CHECK(ctvk_gpu_upload(p.target, 0, before, sizeof before, NULL) == CTVK_OK);
    for (int real = 0; real < 2; real++) {
        CHECK((real ? ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL) : ctvk_gpu_cmd_rehearse(gpu, &cmd, NULL)) == CTVK_OK);
        CHECK(ctvk_gpu_cmd_fill(cmd, p.target, 0, sizeof before, 1, NULL) == CTVK_OK);
        CHECK(ctvk_gpu_cmd_copy(cmd, p.source, 0, p.target, 0, 64, NULL) == CTVK_OK);
        CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_OK);
        CHECK(real || (ctvk_gpu_cmd_submit(cmd, &mark, NULL) == CTVK_OK && mark == 0 && ctvk_gpu_cmd_wait(cmd, mark, NULL) == CTVK_OK));
        CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
        ctvk_gpu_cmd_destroy(&cmd);
        read_target(&p, after);
        CHECK(memcmp(before, after, sizeof after) == 0 || real);
    }
    for (uint32_t i = 0; i < PROBE_COUNT; i++)
        CHECK(after[i] == probe_value(&p, i, p.in[i], 3));
    CHECK(ctvk_gpu_cmd_rehearse(gpu, &cmd, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_fill(cmd, p.target, 2, 4, 1, NULL) == CTVK_ERROR_INTERNAL);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

/* A rehearsal that is thrown away, and a gpu that is closed while workers are at it, at several times. */
static void test_thrown_away(void)
{
    for (int at = 0; at < 5; at++) {
        const struct timespec pause = {.tv_nsec = 1000 * 1000 * 13 * at + 1};
        ctvk_gpu *gpu = open_slow();
        ctvk_gpu_cmd *cmd = ask_for_all(gpu);
        ctvk_gpu_cmd_destroy(&cmd);
        CHECK(calls_so_far() == 0 && ask(gpu, 5)->ready);
        cmd = ask_for_all(gpu);
        CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
        ctvk_gpu_cmd_destroy(&cmd);
        nanosleep(&pause, NULL);
        ctvk_gpu_destroy(&gpu);
        CHECK_MSG(calls_so_far() < PIPELINES || processors() > 2, "closing waited for all");
    }
}

/* Fails where the pipeline is used, once; asked again it is compiled. */
static void test_failure(void)
{
    for (int at = 1; at <= PIPELINES; at += 5) {
        ctvk_gpu *gpu = open_slow();
        int failed = 0;
        fail_at = at;
        rehearse_all(gpu);
        for (uint32_t i = 0; i < PIPELINES; i++) {
            ctvk_error error = {0};
            ctvk_gpu_pipeline *pipeline = name(gpu, i);
            ctvk_status status = ctvk_gpu_compile(gpu, pipeline, &error);
            CHECK((status == CTVK_OK) == (pipeline->ready != 0));
            if (status == CTVK_OK)
                continue;
            CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY && strstr(error.message, "vkCreateComputePipelines"), "%d: %s", status,
                      error.message);
            failed++;
            CHECK(ask(gpu, i)->ready);
        }
        CHECK_MSG(failed == 1 && ready(gpu) == PIPELINES && calls_so_far() == PIPELINES + 1, "%d failed", failed);
        ctvk_gpu_destroy(&gpu);
    }
}

int main(void)
{
    test_all();
    test_nothing_is_done();
    test_background();
    test_allocator();
    test_thrown_away();
    test_failure();
    return gpu_done("gpu_compile");
}
