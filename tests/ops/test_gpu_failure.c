/* Host memory that runs out anywhere, a lost device, and what each Vulkan result becomes. */
#include "support/gpu_probe.h"

typedef struct budget {
    long left, live;
} budget;

static void *budget_alloc(void *user, size_t bytes)
{
    budget *b = user;
    if (b->left-- <= 0)
        return NULL;
    void *memory = malloc(bytes ? bytes : 1);
    b->live += memory != NULL;
    return memory;
}

static void budget_free(void *user, void *memory)
{
    budget *b = user;
    b->live -= memory != NULL;
    free(memory);
}

/* Everything once, from instance to result. */
static ctvk_status whole_life(const ctvk_host *host, ctvk_error *error)
{
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    ctvk_gpu_cmd *cmd = NULL;
    static probe p;
    ctvk_gpu_options options = {.disable = CTVK_GPU_NO_MAPPING};
    uint32_t out[PROBE_COUNT];
    memset(&p, 0, sizeof p);
    ctvk_status status = ctvk_gpu_instance_create(host, 0, &instance, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_create(instance, 0, &options, &gpu, error);
    if (status == CTVK_OK)
        status = probe_open(&p, gpu, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, error);
    for (int i = 0; i < 5 && status == CTVK_OK; i++)
        status = probe_run(&p, cmd, 3, gpu->budget, 0, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_download(p.target, 0, out, sizeof out, error);
    if (status == CTVK_OK)
        CHECK(out[99] == probe_value(&p, 99, p.in[99], 3));
    ctvk_gpu_cmd_destroy(&cmd);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return status;
}

static void test_host_memory(void)
{
    long failing = 0;
    for (;; failing++) {
        budget b = {.left = failing};
        ctvk_host host = {.alloc = budget_alloc, .free = budget_free, .alloc_user = &b};
        ctvk_error error = {0};
        ctvk_status status = whole_life(&host, &error);
        CHECK_MSG(b.live == 0, "%ld blocks left after failure %ld", b.live, failing);
        if (status == CTVK_OK)
            break;
        CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY && error.status == status && error.message[0], "failure %ld: %d %s", failing, status,
                  error.message);
        if (failing > 1000)
            break;
    }
    CHECK_MSG(failing > 15 && failing < 1000, "%ld allocations", failing);
}

static void test_lost(void)
{
    static probe p;
    ctvk_error error = {0};
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_gpu_cmd *cmd = NULL, *second = NULL;
    ctvk_gpu_buffer *buffer = NULL;
    ctvk_gpu_pipeline *pipeline = NULL;
    const uint32_t constants[2] = {16, 16};
    uint32_t word = 0;
    CHECK(probe_open(&p, gpu, &error) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, &error) == CTVK_OK);
    CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_vk_fail(gpu, VK_ERROR_DEVICE_LOST, "vkQueueSubmit(...)", &error) == CTVK_ERROR_DEVICE);
    CHECK_MSG(strstr(error.message, "VK_ERROR_DEVICE_LOST") && strstr(error.message, "vkQueueSubmit") &&
                  strstr(error.message, gpu->info.name),
              "%s", error.message);
    CHECK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &second, &error) == CTVK_ERROR_DEVICE && !second);
    CHECK(ctvk_gpu_buffer_create(gpu, 64, CTVK_GPU_MEMORY_DEVICE, "buffer", &buffer, &error) == CTVK_ERROR_DEVICE && !buffer);
    CHECK(ctvk_gpu_upload(p.source, 0, &word, 4, &error) == CTVK_ERROR_DEVICE);
    CHECK(ctvk_gpu_download(p.source, 0, &word, 4, &error) == CTVK_ERROR_DEVICE);
    CHECK(ctvk_gpu_pipeline_of(gpu, &probe_shader, constants, 2, &pipeline, &error) == CTVK_ERROR_DEVICE && !pipeline);
    CHECK(probe_run(&p, cmd, 3, 1, 0, &error) == CTVK_ERROR_DEVICE);
    CHECK(ctvk_gpu_cmd_finish(cmd, &error) == CTVK_ERROR_DEVICE);
    ctvk_gpu_cmd_destroy(&cmd);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

static void test_results(void)
{
    static const struct {
        VkResult result;
        ctvk_status status;
    } table[] = {{VK_ERROR_DEVICE_LOST, CTVK_ERROR_DEVICE},
                 {VK_ERROR_OUT_OF_DEVICE_MEMORY, CTVK_ERROR_DEVICE_MEMORY},
                 {VK_ERROR_OUT_OF_HOST_MEMORY, CTVK_ERROR_HOST_MEMORY},
                 {VK_ERROR_OUT_OF_POOL_MEMORY, CTVK_ERROR_DEVICE_MEMORY},
                 {VK_ERROR_INCOMPATIBLE_DRIVER, CTVK_ERROR_NO_DEVICE},
                 {VK_ERROR_UNKNOWN, CTVK_ERROR_DEVICE},
                 {(VkResult)-12345, CTVK_ERROR_DEVICE}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        ctvk_error error = {0};
        CHECK(ctvk_gpu_vk_fail(NULL, table[i].result, "vkCall(a, b)", &error) == table[i].status);
        CHECK_MSG(strstr(error.message, "vkCall gave") && strchr(error.message, '('), "%s", error.message);
    }
}

/* A device that has the memory by its own account and yet cannot give it: the message says how much. */
static void test_device_memory(void)
{
    enum { MAX = 4096 };
    static ctvk_gpu_buffer *buffers[MAX];
    ctvk_error error = {0};
    ctvk_gpu *gpu = open_gpu(CTVK_GPU_NO_MAPPING);
    ctvk_status status = CTVK_OK;
    uint32_t count = 0;
    /* The limit in force is the gate: software drivers hand out more than there is. */
    gpu->memory_limit = UINT64_C(64) << 20;
    for (; count < MAX && status == CTVK_OK; count++)
        status = ctvk_gpu_buffer_create(gpu, 1 << 20, CTVK_GPU_MEMORY_DEVICE, "piece", &buffers[count], &error);
    CHECK(status == CTVK_ERROR_DEVICE_MEMORY && (count == 65 || count == 64));
    CHECK(ctvk_gpu_memory_used(gpu) <= gpu->memory_limit);
    for (uint32_t i = 0; i < count; i++)
        ctvk_gpu_buffer_destroy(&buffers[i]);
    /* Staging counts too: with no room for it a copy fails cleanly, with little room it is small. */
    enum { TENSOR = 3 << 19 };
    static uint8_t in[TENSOR], out[TENSOR];
    for (int i = 0; i < TENSOR; i++)
        in[i] = (uint8_t)(i * 7 + i / 251);
    gpu->memory_limit = TENSOR + 1000;
    CHECK(ctvk_gpu_buffer_create(gpu, TENSOR, CTVK_GPU_MEMORY_DEVICE, "tensor", &buffers[0], &error) == CTVK_OK);
    CHECK(ctvk_gpu_upload(buffers[0], 0, in, TENSOR, &error) == CTVK_ERROR_DEVICE_MEMORY && strstr(error.message, "staging"));
    gpu->memory_limit = TENSOR + (1 << 20) + 4096;
    CHECK(ctvk_gpu_upload(buffers[0], 0, in, TENSOR, &error) == CTVK_OK);
    CHECK(gpu->staging && gpu->staging->bytes == 1 << 20);
    CHECK(ctvk_gpu_download(buffers[0], 0, out, TENSOR, &error) == CTVK_OK && memcmp(in, out, TENSOR) == 0);
    ctvk_gpu_buffer_destroy(&buffers[0]);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_host_memory();
    test_lost();
    test_results();
    test_device_memory();
    return gpu_done("gpu_failure");
}
