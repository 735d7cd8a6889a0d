/* gpu/compile.c - pipelines through the driver's compiler, in the background, several at a time.
 *
 * A worker calls Vulkan alone, with handles that it only reads and one cache, which Vulkan locks itself: no log, no trace, no allocation of
 * the host's. The thread that uses the gpu compiles what it needs itself where nobody has begun, else another one until it is there; it
 * tells of what the others did.
 */
#include "core/trace.h"
#include "gpu/internal.h"

#include <sched.h>
#include <signal.h>

enum { MOST_THREADS = 32, STACK_BYTES = 8 << 20 /* compilers recurse */ };
enum { WAITING, TAKEN, DONE, TOLD };

typedef struct work {
    ctvk_gpu_pipeline *pipeline;
    int state; /* under the crew's lock */
    VkResult result;
    const char *call; /* what gave the result */
    double begin, end;
    int64_t worker; /* 0: the thread that uses the gpu */
} work;

struct ctvk_gpu_crew {
    const ctvk_gpu *gpu;
    pthread_mutex_t lock;
    pthread_cond_t done;
    int stop; /* no further work; under the lock, as hired */
    int64_t hired;
    pthread_t threads[MOST_THREADS];
    uint32_t thread_count;
    uint32_t count;
    work all[];
};

static VkResult create(const ctvk_gpu *gpu, ctvk_gpu_pipeline *p, const char **call)
{
    VkSpecializationMapEntry entries[CTVK_GPU_MAX_CONSTANTS];
    for (uint32_t i = 0; i < p->count; i++)
        entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = i * 4, .size = 4};
    VkSpecializationInfo special = {
        .mapEntryCount = p->count, .pMapEntries = entries, .dataSize = p->count * sizeof(uint32_t), .pData = p->constants};
    VkShaderModule module = VK_NULL_HANDLE;
    VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = p->code->bytes, .pCode = p->words ? p->words : p->code->words};
    *call = "vkCreateShaderModule";
    VkResult result = gpu->vk.CreateShaderModule(gpu->device, &code, NULL, &module);
    if (result < 0)
        return result;
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                        .flags = gpu->get_statistics ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
                                        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                  .module = module,
                                                  .pName = "main",
                                                  .pSpecializationInfo = p->count ? &special : NULL},
                                        .layout = p->layout};
    *call = "vkCreateComputePipelines";
    result = gpu->vk.CreateComputePipelines(gpu->device, gpu->cache, 1, &info, NULL, &p->pipeline);
    if (result < 0)
        p->pipeline = VK_NULL_HANDLE;
    gpu->vk.DestroyShaderModule(gpu->device, module, NULL);
    return result;
}

static void compile(const ctvk_gpu *gpu, work *w, int64_t worker)
{
    w->worker = worker;
    w->begin = ctvk_now();
    w->result = create(gpu, w->pipeline, &w->call);
    w->end = ctvk_now();
}

/* The next one that nobody has begun; NULL: none. Under the lock. */
static work *take(ctvk_gpu_crew *c)
{
    for (uint32_t i = 0; i < c->count && !c->stop; i++)
        if (c->all[i].state == WAITING) {
            c->all[i].state = TAKEN;
            return &c->all[i];
        }
    return NULL;
}

static void *work_on(void *user)
{
    ctvk_gpu_crew *c = user;
    pthread_mutex_lock(&c->lock);
    int64_t number = ++c->hired;
    for (work *w = take(c); w; w = take(c)) {
        pthread_mutex_unlock(&c->lock);
        compile(c->gpu, w, number);
        pthread_mutex_lock(&c->lock);
        w->state = DONE;
        pthread_cond_broadcast(&c->done);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Processors that this process may use. */
static uint32_t processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count < MOST_THREADS ? (uint32_t)count : MOST_THREADS;
}

/* One less than there are processors. Signals stay with the host's own threads; a thread that cannot be made is one less. */
static void hire(ctvk_gpu_crew *c)
{
    uint32_t wanted = processors() - 1;
    sigset_t all;
    pthread_attr_t attributes;
    wanted = wanted < c->count ? wanted : c->count;
    if (!wanted || pthread_attr_init(&attributes) != 0)
        return;
    sigfillset(&all);
    if (pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 && pthread_attr_setsigmask_np(&attributes, &all) == 0)
        while (c->thread_count < wanted && pthread_create(&c->threads[c->thread_count], &attributes, work_on, c) == 0)
            c->thread_count++;
    pthread_attr_destroy(&attributes);
}

/* Work that is done becomes known to the gpu, once. */
static ctvk_status tell(ctvk_gpu *gpu, work *w, ctvk_error *error)
{
    gpu->cache_dirty = 1;
    ctvk_trace_event event = {.kind = CTVK_TRACE_COMPILE, .number = w->worker, .begin = w->begin, .end = w->end};
    ctvk_trace(&gpu->host, &event, w->pipeline->shader, NULL);
    if (w->result < 0)
        return ctvk_gpu_vk_fail(gpu, w->result, w->call, error);
    w->pipeline->ready = 1;
    return CTVK_OK;
}

/* Waits until nobody works on it, and compiles others meanwhile; from then on it is the caller's. 1: a worker did it. */
static int others_did(ctvk_gpu_crew *c, work *w)
{
    pthread_mutex_lock(&c->lock);
    while (w->state == TAKEN) {
        work *other = take(c);
        if (!other) {
            pthread_cond_wait(&c->done, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        compile(c->gpu, other, 0);
        pthread_mutex_lock(&c->lock);
        other->state = DONE;
    }
    int did = w->state == DONE;
    w->state = TOLD;
    pthread_mutex_unlock(&c->lock);
    return did;
}

/* NULL: nobody was asked to. */
static work *find(ctvk_gpu_crew *c, const ctvk_gpu_pipeline *pipeline)
{
    for (uint32_t i = 0; c && i < c->count; i++)
        if (c->all[i].pipeline == pipeline)
            return &c->all[i];
    return NULL;
}

int ctvk_gpu_is_compiled(const ctvk_gpu *gpu, const ctvk_gpu_pipeline *pipeline)
{
    work *w = pipeline->ready ? NULL : find(gpu->crew, pipeline);
    if (!w)
        return pipeline->ready;
    pthread_mutex_lock(&gpu->crew->lock);
    int done = w->state == DONE;
    pthread_mutex_unlock(&gpu->crew->lock);
    return done;
}

ctvk_status ctvk_gpu_compile(ctvk_gpu *gpu, ctvk_gpu_pipeline *pipeline, ctvk_error *error)
{
    if (pipeline->ready)
        return CTVK_OK;
    work alone = {.pipeline = pipeline}, *w = find(gpu->crew, pipeline);
    if (!w || !others_did(gpu->crew, w))
        compile(gpu, w ? w : &alone, 0);
    return tell(gpu, w ? w : &alone, error);
}

void ctvk_gpu_compile_end(ctvk_gpu *gpu)
{
    ctvk_gpu_crew *c = gpu->crew;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = 1;
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->thread_count; i++)
        pthread_join(c->threads[i], NULL);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->all[i].state == DONE)
            (void)tell(gpu, &c->all[i], NULL); /* a failure is met again where the pipeline is used */
    pthread_cond_destroy(&c->done);
    pthread_mutex_destroy(&c->lock);
    ctvk_free(&gpu->host, c);
    gpu->crew = NULL;
}

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "pipelines: out of memory (free memory and run again)");
}

ctvk_status ctvk_gpu_compile_begin(ctvk_gpu *gpu, ctvk_error *error)
{
    uint32_t count = 0;
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next)
        count += !p->ready;
    /* What a thread needs the C library takes for itself, past an allocator that the host brings. */
    if (!count || processors() == 1 || gpu->host.alloc)
        return CTVK_OK;
    ctvk_gpu_compile_end(gpu);
    ctvk_gpu_crew *c = ctvk_calloc(&gpu->host, 1, sizeof *c + count * sizeof *c->all);
    if (!c)
        return no_memory(error);
    if (pthread_mutex_init(&c->lock, NULL) != 0 || pthread_cond_init(&c->done, NULL) != 0) {
        ctvk_free(&gpu->host, c);
        return no_memory(error);
    }
    c->gpu = gpu;
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next)
        c->count += !p->ready;
    uint32_t at = c->count; /* the list is the newest first; the first to be used shall be the first to be there */
    for (ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next)
        if (!p->ready)
            c->all[--at].pipeline = p;
    gpu->crew = c;
    hire(c);
    return CTVK_OK;
}
