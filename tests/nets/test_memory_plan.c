/* The network's memory plan: the paper's window within its promise, values apart, the plan kept by a real run, and a limit below it refused
 * with what is needed, what there is and what would fit. */
#include "ctvk/bundle.h"
#include "ctvk/context.h"
#include "ctvk/ctvk.h"
#include "ctvk/job.h"
#include "api/api.h"
#include "formats/bundle.h"
#include "nets/llmseg_graph.h"
#include "support/golden.h"
#include "support/ops_case.h"
#include "support/plan_case.h"

#define MIB 1048576.0

/* The paper's network, with SmolLM2's embeddings and with Llama-2's. */
static const ctvk_llmseg_desc paper = {1, 2, 48, 1, 4096, 2, {384, 384, 128}, 0};
/* What 16 bits a number may take of float32: the project's aim. */
#define HALF_SHARE 0.55

/* Memory with 16 bits a number over that of float32, as the device allocates. */
static double share_of(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc)
{
    ctvk_llmseg_desc small = *desc;
    ctvk_llmseg_memory half = {0}, single = {0};
    ctvk_error error = {0};
    small.half = 1;
    CHECK(ctvk_llmseg_plan(gpu, desc, &single, &error) == CTVK_OK && ctvk_llmseg_plan(gpu, &small, &half, &error) == CTVK_OK);
    return single.total ? (double)half.total / (double)single.total : 1;
}

static void test_paper_window(uint32_t mask)
{
    ctvk_gpu *gpu = ops_open(mask);
    const ctvk_llmseg_desc descs[] = {paper, {1, 2, 48, 1, 576, 2, {384, 384, 128}, 0}, {1, 2, 48, 0, 0, 0, {384, 384, 128}, 0}};
    static ctvk_llmseg_graph net;
    for (int i = 0; i < 3; i++) {
        ctvk_error error = {0};
        ctvk_llmseg_memory plan = {0};
        CHECK_MSG(share_of(gpu, &descs[i]) <= HALF_SHARE, "%.3f of float32, in one allocation", share_of(gpu, &descs[i]));
        gpu->caps.max_allocation = 1u << 30;
        ctvk_status status = ctvk_llmseg_plan(gpu, &descs[i], &plan, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        printf("mask %x, 384 x 384 x 128, f 48, D %d: weights %.1f, activations %.1f, staging %.1f, in all %.1f MiB\n", (unsigned)mask,
               descs[i].text_dim, plan.weights / MIB, plan.activations / MIB, plan.staging / MIB, plan.total / MIB);
        CHECK(plan.total == plan.weights + plan.activations + plan.staging && plan.weights > 0 && plan.staging > 0);
        CHECK_MSG(plan.total <= UINT64_C(2) << 30, "%.1f MiB are planned", plan.total / MIB);
        status = ctvk_llmseg_graph_build(gpu, &descs[i], &net, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(ctvk_graph_arena_bytes(&net.graph) == plan.activations);
        CHECK(plan_check(&net.graph, 1u << 30, "paper's window") > 0);
        ctvk_llmseg_desc small = descs[i];
        ctvk_llmseg_memory half = {0};
        small.half = 1;
        CHECK(ctvk_llmseg_plan(gpu, &small, &half, &error) == CTVK_OK && half.weights == plan.weights && half.staging < plan.staging);
        printf("    with 16 bits a number: activations %.1f, in all %.1f MiB, %.3f of that\n", half.activations / MIB, half.total / MIB,
               (double)half.total / (double)plan.total);
        CHECK((double)half.total <= HALF_SHARE * (double)plan.total);
    }
    ctvk_gpu_destroy(&gpu);
}

/* How often a node has one of these as its input and the other one as its output. */
static int meetings(const ctvk_graph *g, int32_t a, int32_t b)
{
    int count = 0;
    for (int32_t i = 0; i < g->nodes; i++)
        count += (g->node[i].in == a && g->node[i].out == b) || (g->node[i].in == b && g->node[i].out == a);
    return count;
}

/* What lies over each other and is alive at once is what one operation writes over its input, and nothing else. */
static void check_over(const ctvk_graph *g, const int32_t window[3])
{
    for (int32_t i = 0; i < g->values; i++)
        for (int32_t k = 0; k < i; k++) {
            const ctvk_value *a = &g->value[i], *b = &g->value[k];
            const int one = (a->over < 0 ? i : a->over) == (b->over < 0 ? k : b->over),
                      place = a->offset < b->offset + b->bytes && b->offset<a->offset + a->bytes, first = a->first> b->first ? a->first
                                                                                                                             : b->first,
                      last = a->last < b->last ? a->last : b->last;
            CHECK_MSG(!one || !place || first > last || (first == last && meetings(g, i, k) == 1),
                      "%d x %d x %d: values %d and %d lie over each other from node %d to %d", window[0], window[1], window[2], i, k, first,
                      last);
        }
}

/* Windows of all shapes, in allocations that hold little more than the largest value with what lies over it. */
static void test_windows(int32_t half)
{
    static const int32_t windows[][3] = {{32, 32, 32}, {32, 64, 96}, {96, 96, 32}, {160, 32, 64}, {192, 192, 64}};
    static ctvk_llmseg_graph net;
    ctvk_gpu *gpu = ops_open(0);
    for (int i = 0; i < 5; i++) {
        ctvk_llmseg_desc desc = {1, 3, 16, i % 2, 33, 2, {windows[i][0], windows[i][1], windows[i][2]}, half};
        ctvk_error error = {0};
        uint64_t largest = 0;
        CHECK(ctvk_llmseg_graph_build(gpu, &desc, &net, &error) == CTVK_OK);
        plan_check(&net.graph, ctvk_gpu_get_caps(gpu)->max_allocation, "window");
        check_over(&net.graph, desc.window);
        for (int32_t k = 0; k < net.graph.values; k++) {
            const ctvk_value *value = &net.graph.value[k];
            largest = value->behind + value->bytes > largest ? value->behind + value->bytes : largest;
        }
        const ctvk_gpu_caps caps = gpu->caps;
        gpu->caps.max_allocation = largest + 256;
        ctvk_status status = ctvk_llmseg_graph_build(gpu, &desc, &net, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(plan_check(&net.graph, largest + 256, "window in pieces") > 0 && net.graph.chunks > 1);
        gpu->caps.max_allocation = largest - 256;
        CHECK(ctvk_llmseg_graph_build(gpu, &desc, &net, &error) == CTVK_ERROR_DEVICE_MEMORY);
        gpu->caps = caps;
    }
    ctvk_gpu_destroy(&gpu);
}

/* A device with enough memory that gives too little at once for 16 bits a number: float32 is named where it would fit, and only there. */
static void test_small_allocations(void)
{
    ctvk_gpu *gpu = ops_open(0);
    const ctvk_gpu_caps caps = gpu->caps;
    ctvk_llmseg_desc desc = paper;
    for (int i = 0; i < 4; i++) {
        const int fits = i == 0;
        const uint64_t limit = i == 1 ? UINT64_C(1) << 30 : 0;
        ctvk_memory_info info = CTVK_MEMORY_INFO_INIT;
        ctvk_error error = {0};
        desc.half = i != 3;
        gpu->caps.heap_bytes = UINT64_C(16) << 30;
        gpu->caps.max_allocation = i < 2 ? 600u << 20 : 300u << 20; /* of 692 and, in float32, 432 */
        CHECK(ctvk_plan_memory(gpu, &desc, limit, &info, &error) == CTVK_ERROR_DEVICE_MEMORY);
        CHECK_MSG(fits == (strstr(error.message, "--precision f32 would fit with") != NULL), "%d: %s", i, error.message);
        CHECK_MSG(fits != (strstr(error.message, "a smaller window would fit") != NULL), "%d: %s", i, error.message);
        desc.half = 0;
        CHECK(i > 1 || ctvk_plan_memory(gpu, &desc, 0, &info, &error) == CTVK_OK);
    }
    gpu->caps = caps;
    ctvk_gpu_destroy(&gpu);
}

static ctvk_llmseg_desc desc_of(const ctvk_manifest *m, int32_t half)
{
    return (ctvk_llmseg_desc){m->in_channels,
                              m->out_channels,
                              m->feature_size,
                              m->has_text,
                              m->text_dim,
                              m->prompts,
                              {m->window[0], m->window[1], m->window[2]},
                              half};
}

static void no_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    (void)first;
    (void)tile;
    *(int32_t *)user += count;
}

/* The plan is what a window takes: never more, and not much less (the staging may be smaller than its most). */
static void test_plan_is_kept(const golden_case *c, int32_t half)
{
    ctvk_error error = {0};
    ctvk_bundle_files *bundle = NULL;
    ctvk_llmseg *net = NULL;
    ctvk_llmseg_memory plan = {0};
    ctvk_gpu *gpu = ops_open(0);
    CHECK_MSG(ctvk_bundle_open(NULL, c->bundle, NULL, NULL, &bundle, &error) == CTVK_OK, "%s", error.message);
    ctvk_llmseg_desc desc = desc_of(&bundle->manifest, half);
    CHECK(ctvk_llmseg_plan(gpu, &desc, &plan, &error) == CTVK_OK);
    ctvk_status status = ctvk_llmseg_create(gpu, &desc, bundle->weights, &(ctvk_llmseg_wanted){0}, &net, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    float *window = ops_random((size_t)desc.window[0] * (size_t)desc.window[1] * (size_t)desc.window[2], 1, 1),
          *text = ops_random((size_t)desc.prompts * (size_t)desc.text_dim, 2, 1);
    int32_t planes = 0;
    ctvk_llmseg_run run = {.window = window, .text = text, .sigma_scale = 0.125, .tile = no_tile, .user = &planes};
    status = ctvk_llmseg_window(net, &run, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(planes == desc.window[0]);
    uint64_t peak = ctvk_gpu_memory_peak(gpu);
    CHECK_MSG(peak <= plan.total && peak + plan.staging >= plan.total, "%llu bytes planned, %llu taken", (unsigned long long)plan.total,
              (unsigned long long)peak);
    ctvk_llmseg_destroy(&net);
    ctvk_gpu_destroy(&gpu);

    /* A device whose limit is below the plan: refused, and nothing stays behind. */
    ctvk_gpu_options options = {.memory_limit = plan.weights + plan.activations / 2, .validation = 1};
    gpu = open_gpu_with(&options);
    CHECK(ctvk_llmseg_create(gpu, &desc, bundle->weights, &(ctvk_llmseg_wanted){0}, &net, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK_MSG(net == NULL && strstr(error.message, "are needed") && strstr(error.message, "limit"), "%s", error.message);
    CHECK(ctvk_gpu_memory_used(gpu) == 0);
    ctvk_gpu_destroy(&gpu);
    ctvk_bundle_close(&bundle);
    free(window);
    free(text);
}

typedef struct host {
    const ctvk_context_api *contexts;
    const ctvk_bundle_api *bundles;
    const ctvk_job_api *jobs;
    ctvk_context *context;
    ctvk_bundle *bundle;
} host;

/* Runs a job on a small volume with this limit; message: what it says at the end. */
static ctvk_status run_job(const host *h, uint64_t limit, ctvk_memory_info *memory, char *message, size_t size)
{
    static int16_t voxels[24 * 24 * 24];
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    ctvk_job *job = NULL;
    ctvk_text text = CTVK_TEXT_INIT;
    CHECK(h->bundles->info(h->bundle, &info) == CTVK_OK);
    for (int i = 0; i < 24 * 24 * 24; i++)
        voxels[i] = (int16_t)(i % 997 - 500);
    volume.type = CTVK_SCALAR_INT16;
    volume.data = voxels;
    volume.convention = CTVK_RAS;
    for (int i = 0; i < 3; i++) {
        volume.dim[i] = 24;
        volume.affine[i * 5] = 1;
    }
    float *embedding = ops_random((size_t)info.text_dim * (size_t)info.text_prompts, 3, 1);
    options.memory_limit = limit;
    options.embedding = info.has_text ? embedding : NULL;
    options.embedding_count = (uint64_t)info.text_dim * (uint64_t)info.text_prompts;
    ctvk_status status = h->jobs->create(h->context, h->bundle, &volume, &options, &job);
    CHECK(status == CTVK_OK);
    if (status == CTVK_OK) {
        status = h->jobs->run(job);
        h->jobs->memory(job, memory);
        h->jobs->last_error(job, &text);
        snprintf(message, size, "%.*s", (int)text.length, text.data ? text.data : "");
        h->jobs->destroy(job);
    }
    free(embedding);
    return status;
}

static void test_job_limits(const golden_case *c)
{
    host h = {ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION), ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION),
              ctvk_interface(CTVK_JOB_NAME, CTVK_JOB_VERSION), NULL, NULL};
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT, low = CTVK_MEMORY_INFO_INIT;
    char message[1024] = "", need[64], have[64];
    CHECK(h.contexts && h.bundles && h.jobs && h.contexts->create(NULL, &h.context) == CTVK_OK &&
          h.bundles->open(h.context, c->bundle, strlen(c->bundle), &h.bundle) == CTVK_OK);
    if (!h.bundle)
        return;
    ctvk_status status = run_job(&h, 0, &memory, message, sizeof message);
    CHECK_MSG(status == CTVK_OK && memory.fits && memory.planned_bytes > 0, "%s", message);
    /* The plan to the byte is enough, half a MiB less is not: something smaller would fit. */
    status = run_job(&h, memory.planned_bytes, &low, message, sizeof message);
    CHECK_MSG(status == CTVK_OK && low.planned_bytes == memory.planned_bytes, "%s", message);
    uint64_t limit = memory.planned_bytes - (1u << 19);
    status = run_job(&h, limit, &low, message, sizeof message);
    snprintf(need, sizeof need, "needs %.1f MiB", memory.planned_bytes / MIB);
    snprintf(have, sizeof have, "limit is %.1f MiB", limit / MIB);
    CHECK_MSG(status == CTVK_ERROR_DEVICE_MEMORY && strstr(message, need) && strstr(message, have) && strstr(message, "a window of") &&
                  strstr(message, "would fit") && !strstr(message, "no window"),
              "status %d: %s", (int)status, message);
    CHECK(low.available_bytes == limit && !low.fits);
    /* Less than the weights: nothing would. */
    status = run_job(&h, 1 << 20, &low, message, sizeof message);
    CHECK_MSG(status == CTVK_ERROR_DEVICE_MEMORY && strstr(message, need) && strstr(message, "limit is 1.0 MiB") &&
                  strstr(message, "no window"),
              "status %d: %s", (int)status, message);
    h.bundles->destroy(h.bundle);
    h.contexts->destroy(h.context);
}

int main(void)
{
    golden_case cases[32];
    int count = golden_cases(cases, 32);
    CHECK(count >= 1);
    test_paper_window(0);
    test_paper_window(CTVK_GPU_MIN_LIMITS);
    test_paper_window(OPS_AS_GPU);
    test_small_allocations();
    test_windows(0);
    test_windows(1);
    for (int i = 0; i < count; i++)
        if (strcmp(cases[i].name, "one-window") == 0) {
            test_plan_is_kept(&cases[i], 0);
            test_plan_is_kept(&cases[i], 1);
            test_job_limits(&cases[i]);
            return gpu_done("memory_plan");
        }
    CHECK_MSG(0, "the case one-window of the repository is missing");
    return gpu_done("memory_plan");
}
