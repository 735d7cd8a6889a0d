/* Listing, choosing and opening devices; what may be switched off. */
#include "support/gpu_open.h"

#include <ctype.h>

static void test_list(void)
{
    ctvk_gpu_instance *instance = open_instance();
    uint32_t count = ctvk_gpu_device_count(instance);
    CHECK(count >= 1);
    CHECK(ctvk_gpu_device_info(instance, count) == NULL);
    for (uint32_t i = 0; i < count; i++) {
        const ctvk_gpu_info *info = ctvk_gpu_device_info(instance, i);
        CHECK(info->index == i && info->name[0] && info->driver[0] && info->vendor[0]);
        CHECK(strlen(info->uuid) == 36 && info->uuid[8] == '-' && info->uuid[23] == '-');
        CHECK(info->type >= CTVK_GPU_DISCRETE && info->type <= CTVK_GPU_OTHER);
        CHECK(info->usable == 1);
        CHECK(info->memory_bytes > 0 && info->api_version >= VK_API_VERSION_1_1);
    }
}

static void check_refused(const char *selector)
{
    ctvk_error error = {0};
    uint32_t index = 77;
    CHECK(ctvk_gpu_select(open_instance(), selector, &index, &error) == CTVK_ERROR_NO_DEVICE);
    CHECK_MSG(strstr(error.message, selector), "%s", error.message);
    CHECK(index == 77);
}

static void test_select(void)
{
    ctvk_gpu_instance *instance = open_instance();
    const ctvk_gpu_info *info = ctvk_gpu_device_info(instance, 0);
    ctvk_error error = {0};
    char part[8] = {0}, uuid[40];
    for (int i = 0; i < 6; i++)
        part[i] = (char)(i % 2 ? tolower((unsigned char)info->name[i]) : toupper((unsigned char)info->name[i]));
    for (int i = 0; i < 37; i++)
        uuid[i] = (char)toupper((unsigned char)info->uuid[i]);
    const char *good[] = {NULL, "", "auto", "0", part, info->name, info->uuid, uuid};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint32_t index = 77;
        CHECK_MSG(ctvk_gpu_select(instance, good[i], &index, &error) == CTVK_OK && index == 0, "%s: %s", good[i] ? good[i] : "NULL",
                  error.message);
    }
    check_refused("99");
    check_refused("-1");
    check_refused("0x0");
    check_refused("99999999999999999999");
    check_refused("GeForce 9000 \xC3\xA4");
    check_refused("ffffffff-ffff-ffff-ffff-ffffffffffff");
}

/* Fields of an unusable device, made by hand: the real drivers here are all usable. */
static void test_unusable(void)
{
    ctvk_gpu_info infos[3] = {{.name = "Old card", .index = 0, .type = CTVK_GPU_DISCRETE, .lacks = "a compute queue"},
                              {.name = "Processor", .index = 1, .type = CTVK_GPU_CPU, .usable = 1},
                              {.name = "Old card", .index = 2, .type = CTVK_GPU_INTEGRATED, .usable = 1}};
    ctvk_gpu_instance fake = {.count = 3, .infos = infos};
    ctvk_error error = {0};
    ctvk_gpu *gpu = NULL;
    uint32_t index = 77;
    CHECK(ctvk_gpu_select(&fake, NULL, &index, &error) == CTVK_OK && index == 2);
    CHECK(ctvk_gpu_select(&fake, "old", &index, &error) == CTVK_OK && index == 2);
    CHECK(ctvk_gpu_select(&fake, "0", &index, &error) == CTVK_ERROR_NO_DEVICE && strstr(error.message, "a compute queue"));
    CHECK(ctvk_gpu_create(&fake, 0, NULL, &gpu, &error) == CTVK_ERROR_NO_DEVICE && strstr(error.message, "a compute queue") && !gpu);
    infos[1].usable = infos[2].usable = 0;
    CHECK(ctvk_gpu_select(&fake, "auto", &index, &error) == CTVK_ERROR_NO_DEVICE);
}

static void test_caps(void)
{
    ctvk_error error = {0};
    ctvk_gpu *gpu = NULL;
    CHECK(ctvk_gpu_create(open_instance(), 99, NULL, &gpu, &error) == CTVK_ERROR_NO_DEVICE && !gpu);
    gpu = open_gpu(0);
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    CHECK(caps->max_storage_range >= 1u << 27 && caps->max_uniform_range >= 16384 && caps->max_texel_elements >= 65536);
    CHECK(caps->max_invocations >= 256 && caps->max_shared_bytes >= 32768 && caps->push_bytes >= 128 && caps->max_groups >= 65535);
    CHECK((caps->storage_alignment & (caps->storage_alignment - 1)) == 0 && caps->storage_alignment >= 16);
    CHECK(caps->subgroup_size > 0 && caps->max_allocation > 0 && caps->heap_bytes > 0);
    CHECK(strcmp(ctvk_gpu_get_info(gpu)->name, ctvk_gpu_device_info(open_instance(), 0)->name) == 0);
    CHECK(ctvk_gpu_host(gpu)->log == print_log);
    ctvk_gpu_destroy(&gpu);
    CHECK(gpu == NULL);
    ctvk_gpu_destroy(&gpu);

    gpu = open_gpu(CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_FP16 | CTVK_GPU_NO_16BIT |
                   CTVK_GPU_NO_8BIT | CTVK_GPU_NO_INT64);
    caps = ctvk_gpu_get_caps(gpu);
    CHECK(caps->max_storage_range == 1u << 27 && caps->max_uniform_range == 16384 && caps->max_texel_elements == 65536);
    CHECK(caps->max_invocations == 256 && caps->max_shared_bytes == 32768 && caps->push_bytes == 128 && caps->max_groups == 65535);
    CHECK(caps->storage_alignment == 256 && caps->max_storage_buffers == 4);
    CHECK(!caps->buffer_address && !caps->texel_rgba32f && !caps->fp16 && !caps->storage16 && !caps->storage8 && !caps->int64);
    ctvk_gpu_buffer *buffer = NULL;
    CHECK(ctvk_gpu_buffer_create(gpu, 64, CTVK_GPU_MEMORY_DEVICE, "buffer", &buffer, &error) == CTVK_OK);
    CHECK(buffer && buffer->address == 0);
    ctvk_gpu_buffer_destroy(&buffer);
    ctvk_gpu_destroy(&gpu);
}

/* What every device of an instance must not use, by words. */
static void test_mask(void)
{
    static const char *const wrong[] = {"warps", "fp16,warps", "fp1", "fp166", "FP16", "fp16;int64"};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    ctvk_error error = {0};
    uint32_t bits = 77, all = 0, one;
    for (uint32_t i = 0; ctvk_gpu_mask_word(i, &one); i++) {
        CHECK_MSG(ctvk_gpu_mask_parse(ctvk_gpu_mask_word(i, &one), &bits, &error) == CTVK_OK && bits == one && one, "word %u", i);
        all |= one;
    }
    CHECK(all == CTVK_GPU_NO_ALL && bits == CTVK_GPU_NO_ALL);
    CHECK(ctvk_gpu_mask_parse(NULL, &bits, &error) == CTVK_OK && bits == 0);
    CHECK(ctvk_gpu_mask_parse(" ,fp16,, int64 ", &bits, &error) == CTVK_OK && bits == (CTVK_GPU_NO_FP16 | CTVK_GPU_NO_INT64));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_MSG(ctvk_gpu_mask_parse(wrong[i], &bits, &error) == CTVK_ERROR_ARGUMENT && strstr(error.message, "storage16") &&
                      strstr(error.message, strrchr(wrong[i], ',') ? "\"warps\"" : wrong[i]),
                  "%s: %s", wrong[i], error.message);
    CHECK(ctvk_gpu_instance_create(NULL, 0, &instance, &error) == CTVK_OK);
    if (!instance)
        return;
    ctvk_gpu_instance_mask(instance, CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_MIN_LIMITS);
    const ctvk_gpu_info *info = ctvk_gpu_device_info(instance, 0);
    CHECK(info->usable && strstr(info->lacks, "buffer addresses") && info->memory_bytes <= UINT64_C(2) << 30);
    CHECK_MSG(strcmp(info->mask, "limits,address") == 0, "%s", info->mask);
    const ctvk_gpu_options options = {.disable = CTVK_GPU_NO_SUBGROUP, .memory_limit = UINT64_C(3) << 30};
    CHECK(ctvk_gpu_create(instance, 0, &options, &gpu, &error) == CTVK_OK);
    if (gpu) {
        const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
        CHECK(!caps->buffer_address && caps->max_invocations == 256 && caps->subgroup_operations == 0);
        CHECK(gpu->memory_limit == caps->heap_bytes && caps->heap_bytes <= UINT64_C(2) << 30);
    }
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
}

/* The layer's messages really reach the log and the count. The layer stops this call before the driver sees it. */
static void test_validation_counts(void)
{
    static const ctvk_host quiet = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    ctvk_error error = {0};
    CHECK(ctvk_gpu_instance_create(&quiet, 1, &instance, &error) == CTVK_OK);
    CHECK(instance && ctvk_gpu_create(instance, 0, NULL, &gpu, &error) == CTVK_OK);
    if (gpu) {
        VkBufferCreateInfo wrong = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 0, .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
        VkBuffer buffer = VK_NULL_HANDLE;
        CHECK(ctvk_gpu_validation_errors(gpu) == 0);
        if (vkCreateBuffer(gpu->device, &wrong, NULL, &buffer) == VK_SUCCESS)
            vkDestroyBuffer(gpu->device, buffer, NULL);
        CHECK(ctvk_gpu_validation_errors(gpu) > 0);
    }
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    CHECK(instance == NULL);
    ctvk_gpu_instance_destroy(&instance);
}

int main(void)
{
    test_list();
    test_select();
    test_unusable();
    test_caps();
    test_mask();
    test_validation_counts();
    return gpu_done("gpu_device");
}
