/* The device does not wait for the compiler: what is recorded is submitted before a pipeline is compiled, unless that means waiting or a
 * worker has compiled it; cancels and the driver's failures there. */
#include "support/gpu_probe.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { PIPELINES = 12 };

static PFN_vkCreateComputePipelines compile;
static PFN_vkQueueSubmit submit;
static PFN_vkGetFenceStatus fence_status;
static ctvk_gpu *watched;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int calls, fail_at, submissions, seen_at[PIPELINES], seems_busy;

static VKAPI_ATTR VkResult VKAPI_CALL counted_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *infos, VkFence fence)
{
    submissions++;
    return submit(queue, count, infos, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL busy_status(VkDevice device, VkFence fence)
{
    return seems_busy ? VK_NOT_READY : fence_status(device, fence);
}

/* Keeps what had been submitted when the compiler was called, and takes until the device is done; on one thread here. */
static VKAPI_ATTR VkResult VKAPI_CALL seen_compile(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                   const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator,
                                                   VkPipeline *out)
{
    seen_at[calls++] = submissions;
    CHECK(ctvk_gpu_wait_idle(watched, NULL) == CTVK_OK);
    return calls == fail_at ? VK_ERROR_OUT_OF_HOST_MEMORY : compile(device, cache, count, infos, allocator, out);
}

/* The call of number fail_at fails, on whatever thread. */
static VKAPI_ATTR VkResult VKAPI_CALL failing_compile(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                      const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator,
                                                      VkPipeline *out)
{
    pthread_mutex_lock(&lock);
    int fails = ++calls == fail_at;
    pthread_mutex_unlock(&lock);
    return fails ? VK_ERROR_OUT_OF_HOST_MEMORY : compile(device, cache, count, infos, allocator, out);
}

static int processors(void)
{
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    return CPU_COUNT(&set);
}

/* The probe with another number to add. */
static ctvk_gpu_pipeline *name(ctvk_gpu *gpu, uint32_t number)
{
    const uint32_t constants[2] = {PROBE_LOCAL, 100 + number};
    ctvk_gpu_pipeline *pipeline = NULL;
    CHECK(ctvk_gpu_pipeline_of(gpu, &probe_shader, constants, 2, &pipeline, NULL) == CTVK_OK && pipeline);
    return pipeline;
}

static void read_target(const probe *p, uint32_t out[PROBE_COUNT])
{
    CHECK(ctvk_gpu_download(p->target, 0, out, PROBE_COUNT * sizeof *out, NULL) == CTVK_OK);
}

static ctvk_gpu *open_watched(void)
{
    ctvk_gpu *gpu = watched = open_gpu(0);
    compile = gpu->vk.CreateComputePipelines;
    submit = gpu->vk.QueueSubmit;
    fence_status = gpu->vk.GetFenceStatus;
    gpu->vk.CreateComputePipelines = seen_compile;
    gpu->vk.QueueSubmit = counted_submit;
    gpu->vk.GetFenceStatus = busy_status;
    return gpu;
}

static ctvk_status add_numbers(probe *p, ctvk_gpu_cmd *cmd, uint32_t number, ctvk_error *error)
{
    p->pipeline = name(p->gpu, number);
    return probe_run(p, cmd, 3, 1, 0, error);
}

/* What is recorded is submitted before the next pipeline is compiled, unless that means waiting; what comes out is the last dispatch's. */
static void test_device_goes_on(void)
{
    static uint32_t after[PROBE_COUNT];
    static probe p;
    for (seems_busy = 0; seems_busy < 2; seems_busy++) {
        ctvk_gpu *gpu = open_watched();
        ctvk_gpu_cmd *cmd = NULL;
        CHECK(probe_open(&p, gpu, NULL) == CTVK_OK);
        calls = submissions = fail_at = 0;
        CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL) == CTVK_OK);
        for (uint32_t i = 0; i < 5; i++)
            CHECK(add_numbers(&p, cmd, i, NULL) == CTVK_OK && calls == (int)i + 1);
        for (int i = 0; i < 5; i++) {
            const int most = seems_busy && i > CTVK_GPU_IN_FLIGHT ? CTVK_GPU_IN_FLIGHT : i;
            CHECK_MSG(seen_at[i] == most, "busy %d: %d submissions before pipeline %d", seems_busy, seen_at[i], i);
        }
        /* Where it seems busy, nobody has waited for it. One that is there keeps nobody; one that fails fails the command. */
        CHECK(cmd->landed == (seems_busy ? 0 : 2));
        int before = submissions;
        CHECK(add_numbers(&p, cmd, 3, NULL) == CTVK_OK && submissions == before && calls == 5);
        CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
        ctvk_gpu_cmd_destroy(&cmd);
        read_target(&p, after);
        for (uint32_t i = 0; i < PROBE_COUNT; i++)
            CHECK(after[i] == probe_value(&p, i, p.in[i], 3) - PROBE_ADD + 103);
        ctvk_error error = {0};
        fail_at = 6;
        CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL) == CTVK_OK);
        CHECK(add_numbers(&p, cmd, 6, &error) == CTVK_ERROR_HOST_MEMORY && strstr(error.message, "vkCreateComputePipelines"));
        CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_ERROR_HOST_MEMORY);
        ctvk_gpu_cmd_destroy(&cmd);
        probe_close(&p);
        ctvk_gpu_destroy(&gpu);
    }
}

static int32_t stop(void *user, double work_done)
{
    (void)work_done;
    return ++*(int *)user;
}

/* The first piece that is seen to be done asks whether to go on; then nothing more is compiled. */
static void test_cancelled_before_compiling(void)
{
    static probe p;
    ctvk_gpu *gpu = open_watched();
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_error error = {0};
    int asked = 0;
    CHECK(probe_open(&p, gpu, NULL) == CTVK_OK);
    calls = submissions = fail_at = seems_busy = 0;
    CHECK(ctvk_gpu_cmd_begin(gpu, stop, &asked, &cmd, NULL) == CTVK_OK);
    for (uint32_t i = 0; i <= CTVK_GPU_IN_FLIGHT; i++)
        CHECK(add_numbers(&p, cmd, i, NULL) == CTVK_OK && asked == 0);
    CHECK(add_numbers(&p, cmd, CTVK_GPU_IN_FLIGHT + 1, &error) == CTVK_CANCELLED && asked == 1 && calls == CTVK_GPU_IN_FLIGHT + 1);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_CANCELLED);
    ctvk_gpu_cmd_destroy(&cmd);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

/* After a rehearsal, with a pipeline that the driver refuses to a worker (fail_at > 0) or without. What workers are through with ends no
 * piece. */
static void dispatch_rehearsed(int fails)
{
    static uint32_t after[PROBE_COUNT];
    static probe p;
    ctvk_gpu_pipeline *wanted[PIPELINES];
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_gpu_cmd *cmd = NULL;
    int failed = 0;
    compile = gpu->vk.CreateComputePipelines;
    submit = gpu->vk.QueueSubmit;
    gpu->vk.CreateComputePipelines = failing_compile;
    gpu->vk.QueueSubmit = counted_submit;
    CHECK(probe_open(&p, gpu, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_rehearse(gpu, &cmd, NULL) == CTVK_OK);
    for (uint32_t i = 0; i < PIPELINES; i++)
        wanted[i] = name(gpu, i);
    calls = 0, fail_at = fails;
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    ctvk_gpu_cmd_destroy(&cmd);
    for (uint32_t i = 0; i < PIPELINES && processors() > 1; i++)
        while (!ctvk_gpu_is_compiled(gpu, wanted[i]))
            nanosleep(&pause, NULL);
    submissions = 0;
    for (uint32_t i = 0; i < PIPELINES; i++) {
        ctvk_error error = {0};
        if (!cmd)
            CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL) == CTVK_OK);
        ctvk_status status = add_numbers(&p, cmd, i, &error);
        if (status == CTVK_OK)
            continue;
        CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY && strstr(error.message, "vkCreateComputePipelines"), "%d: %s", status, error.message);
        CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_ERROR_HOST_MEMORY);
        ctvk_gpu_cmd_destroy(&cmd);
        failed++;
        i--; /* asked again it is compiled */
    }
    CHECK_MSG(failed == (fails > 0), "%d failed", failed);
    CHECK_MSG(fails || processors() == 1 || submissions == 0, "%d submissions", submissions);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    ctvk_gpu_cmd_destroy(&cmd);
    for (uint32_t i = 0; i < PIPELINES; i++)
        CHECK(wanted[i]->ready);
    read_target(&p, after);
    for (uint32_t i = 0; i < PROBE_COUNT; i++)
        CHECK(after[i] == probe_value(&p, i, p.in[i], 3) - PROBE_ADD + 100 + PIPELINES - 1);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

/* Two pieces that ended while the host did something else: how long the second took nobody knows, so that the budget stays. */
static void test_unseen_end(void)
{
    static probe p;
    const struct timespec pause = {.tv_nsec = 300 * 1000 * 1000};
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_gpu_cmd *cmd = NULL;
    uint64_t mark;
    CHECK(probe_open(&p, gpu, NULL) == CTVK_OK);
    const double budget = gpu->budget;
    CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL) == CTVK_OK);
    for (int i = 0; i < CTVK_GPU_IN_FLIGHT; i++)
        CHECK(probe_run(&p, cmd, 3, budget / 2, 0, NULL) == CTVK_OK && ctvk_gpu_cmd_submit(cmd, &mark, NULL) == CTVK_OK);
    nanosleep(&pause, NULL);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    CHECK_MSG(gpu->budget == budget, "%g became %g", budget, gpu->budget);
    ctvk_gpu_cmd_destroy(&cmd);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_unseen_end();
    test_device_goes_on();
    test_cancelled_before_compiling();
    dispatch_rehearsed(0);
    dispatch_rehearsed(5);
    return gpu_done("gpu_hand_over");
}
