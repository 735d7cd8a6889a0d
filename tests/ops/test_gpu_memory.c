/* Buffers: limits, the account of bytes, copies in both directions. */
#include "support/gpu_open.h"

static void test_limits(void)
{
    ctvk_gpu_options options = {.memory_limit = 8 << 20, .validation = 1};
    ctvk_gpu *gpu = open_gpu_with(&options);
    ctvk_gpu_buffer *a = NULL, *b = NULL, *c = NULL;
    ctvk_error error = {0};
    CHECK(ctvk_gpu_memory_used(gpu) == 0 && ctvk_gpu_memory_peak(gpu) == 0);
    CHECK(ctvk_gpu_buffer_create(gpu, 5 << 20, CTVK_GPU_MEMORY_DEVICE, "tensor", &a, &error) == CTVK_OK);
    CHECK(ctvk_gpu_buffer_create(gpu, 4 << 20, CTVK_GPU_MEMORY_DEVICE, "second tensor", &b, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK(b == NULL);
    /* The message names what is needed, what is used, what there is and the limit. */
    CHECK_MSG(strstr(error.message, "second tensor") && strstr(error.message, "4.0 MiB") && strstr(error.message, "5.0 MiB") &&
                  strstr(error.message, "8.0 MiB") && strstr(error.message, "limit"),
              "%s", error.message);
    CHECK(ctvk_gpu_buffer_create(gpu, 2 << 20, CTVK_GPU_MEMORY_UPLOAD, "third", &c, &error) == CTVK_OK);
    CHECK(ctvk_gpu_memory_used(gpu) >= 7 << 20 && ctvk_gpu_memory_used(gpu) < 8 << 20);
    ctvk_gpu_buffer_destroy(&a);
    CHECK(a == NULL && ctvk_gpu_memory_used(gpu) >= 2 << 20 && ctvk_gpu_memory_used(gpu) < 3 << 20);
    CHECK(ctvk_gpu_memory_peak(gpu) >= 7 << 20);
    CHECK(ctvk_gpu_buffer_create(gpu, UINT64_MAX, CTVK_GPU_MEMORY_DEVICE, "huge", &b, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK(ctvk_gpu_buffer_create(gpu, UINT64_MAX - 3, CTVK_GPU_MEMORY_DEVICE, "huge", &b, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK(ctvk_gpu_buffer_create(gpu, 0, CTVK_GPU_MEMORY_DEVICE, "none", &b, &error) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_buffer_destroy(&c);
    ctvk_gpu_buffer_destroy(&c);
    ctvk_gpu_buffer_destroy(NULL);
    CHECK(ctvk_gpu_memory_used(gpu) == 0);
    ctvk_gpu_destroy(&gpu);

    gpu = open_gpu(0);
    CHECK(ctvk_gpu_buffer_create(gpu, ctvk_gpu_get_caps(gpu)->max_allocation + 1, CTVK_GPU_MEMORY_DEVICE, "huge", &b, &error) ==
          CTVK_ERROR_DEVICE_MEMORY);
    CHECK_MSG(strstr(error.message, "huge"), "%s", error.message);
    ctvk_gpu_destroy(&gpu);
}

static void test_kinds(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_error error = {0};
    for (int kind = CTVK_GPU_MEMORY_DEVICE; kind <= CTVK_GPU_MEMORY_DOWNLOAD; kind++) {
        ctvk_gpu_buffer *buffer = NULL;
        CHECK(ctvk_gpu_buffer_create(gpu, 1001, kind, "buffer", &buffer, &error) == CTVK_OK);
        if (!buffer)
            continue;
        CHECK(buffer->bytes == 1001 && buffer->gpu == gpu);
        CHECK(kind == CTVK_GPU_MEMORY_DEVICE || buffer->mapped);
        CHECK((buffer->address != 0) == (ctvk_gpu_get_caps(gpu)->buffer_address != 0));
        if (buffer->mapped)
            memset(buffer->mapped, 1, 1001);
        ctvk_gpu_buffer_destroy(&buffer);
    }
    ctvk_gpu_destroy(&gpu);
}

/* Copies of odd places and sizes, larger than the staging buffer, mapped and not; the bytes around them stay. */
static void test_copies(uint32_t disable)
{
    enum { SIZE = CTVK_GPU_STAGING_BYTES + 4096, HEAD = 13, TAIL = 27 };
    ctvk_gpu *gpu = open_gpu(disable);
    ctvk_gpu_buffer *buffer = NULL;
    ctvk_error error = {0};
    uint8_t *in = malloc(SIZE), *out = malloc(SIZE);
    CHECK(ctvk_gpu_buffer_create(gpu, SIZE, CTVK_GPU_MEMORY_DEVICE, "buffer", &buffer, &error) == CTVK_OK);
    if (!buffer || !in || !out)
        exit(1);
    CHECK((buffer->mapped == NULL) == (disable != 0 || !ctvk_gpu_get_caps(gpu)->is_cpu));
    memset(in, 0xA5, SIZE);
    CHECK(ctvk_gpu_upload(buffer, 0, in, SIZE, &error) == CTVK_OK);
    for (uint32_t i = 0; i < SIZE; i++)
        in[i] = (uint8_t)(i * 2654435761u >> 24);
    CHECK(ctvk_gpu_upload(buffer, HEAD, in + HEAD, SIZE - HEAD - TAIL, &error) == CTVK_OK);
    memset(out, 0, SIZE);
    CHECK(ctvk_gpu_download(buffer, 0, out, SIZE, &error) == CTVK_OK);
    CHECK(memcmp(in + HEAD, out + HEAD, SIZE - HEAD - TAIL) == 0);
    CHECK(out[0] == 0xA5 && out[HEAD - 1] == 0xA5 && out[SIZE - TAIL] == 0xA5 && out[SIZE - 1] == 0xA5);
    memset(out, 0, SIZE);
    CHECK(ctvk_gpu_download(buffer, 100, out, 7, &error) == CTVK_OK);
    CHECK(memcmp(out, in + 100, 7) == 0 && out[7] == 0);
    CHECK(ctvk_gpu_upload(buffer, SIZE, in, 0, &error) == CTVK_OK);
    CHECK(ctvk_gpu_upload(buffer, SIZE, in, 1, &error) == CTVK_ERROR_INTERNAL);
    CHECK(ctvk_gpu_download(buffer, 1, out, SIZE, &error) == CTVK_ERROR_INTERNAL);
    CHECK(ctvk_gpu_download(buffer, UINT64_MAX, out, 2, &error) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_buffer_destroy(&buffer);
    free(in);
    free(out);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_limits();
    test_kinds();
    test_copies(0);
    test_copies(CTVK_GPU_NO_MAPPING);
    return gpu_done("gpu_memory");
}
