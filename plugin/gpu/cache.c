/* gpu/cache.c - the pipeline cache and its file.
 *
 * One file a driver and device, "pipelines-DRIVER-VENDOR-DEVICE.bin": a header that says which driver build it is for, the length and
 * the SHA-256 of what follows, then the driver's own data. A file that fits in every respect is used, any other is as good as none and
 * is replaced. Some drivers trust what they are handed, so nothing unchecked reaches them. Nothing here can fail a job.
 */
#include "core/sha256.h"
#include "gpu/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_TEXT "ctvkpip1" /* 8 bytes, the format's version in the last */
enum { MAX_FILE_BYTES = 256 << 20, VULKAN_HEADER_BYTES = 32 };

/* Written and read on the same machine: in its byte order. */
typedef struct cache_header {
    char magic[8];
    uint32_t vendor, device, driver_version, library_version;
    uint8_t uuid[VK_UUID_SIZE];
    char device_uuid[40];
    uint64_t payload_bytes;
    uint8_t payload_digest[32];
    uint8_t header_digest[32]; /* of all of the above */
} cache_header;
_Static_assert(sizeof(cache_header) == 8 + 16 + 16 + 40 + 8 + 64, "no padding");

static void digest_of(const void *data, size_t bytes, uint8_t digest[32])
{
    ctvk_sha256 hash;
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, data, bytes);
    ctvk_sha256_end(&hash, digest);
}

static void make_header(const ctvk_gpu *gpu, const void *payload, uint64_t bytes, cache_header *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->magic, MAGIC_TEXT, sizeof out->magic);
    out->vendor = gpu->info.vendor_id;
    out->device = gpu->info.device_id;
    out->driver_version = gpu->info.driver_version;
    out->library_version = CTVK_VERSION_MAJOR << 20 | CTVK_VERSION_MINOR << 10 | CTVK_VERSION_PATCH;
    memcpy(out->uuid, gpu->features.pipeline_cache_uuid, VK_UUID_SIZE);
    memcpy(out->device_uuid, gpu->info.uuid, sizeof gpu->info.uuid);
    out->payload_bytes = bytes;
    digest_of(payload, (size_t)bytes, out->payload_digest);
    digest_of(out, offsetof(cache_header, header_digest), out->header_digest);
}

/* The header that Vulkan prescribes in front of a driver's data. */
static int payload_fits(const ctvk_gpu *gpu, const uint8_t *payload, uint64_t bytes)
{
    VkPipelineCacheHeaderVersionOne header;
    if (bytes < VULKAN_HEADER_BYTES)
        return 0;
    memcpy(&header, payload, sizeof header);
    return header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && header.headerSize <= bytes &&
           header.vendorID == gpu->info.vendor_id && header.deviceID == gpu->info.device_id &&
           memcmp(header.pipelineCacheUUID, gpu->features.pipeline_cache_uuid, VK_UUID_SIZE) == 0;
}

static int read_all(int file, uint8_t *data, size_t bytes)
{
    while (bytes) {
        ssize_t got = read(file, data, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        data += got;
        bytes -= (size_t)got;
    }
    return 0;
}

static int write_all(int file, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    while (bytes) {
        ssize_t put = write(file, at, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -1;
        at += put;
        bytes -= (size_t)put;
    }
    return 0;
}

uint8_t *ctvk_gpu_cache_read(const ctvk_gpu *gpu, const char *path, size_t most, size_t *bytes)
{
    uint8_t *data = NULL;
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= (off_t)most) {
        *bytes = (size_t)status.st_size;
        data = ctvk_alloc(&gpu->host, *bytes);
        if (data && read_all(file, data, *bytes) != 0) {
            ctvk_free(&gpu->host, data);
            data = NULL;
        }
    }
    close(file);
    return data;
}

/* True where the file is whole and was made by this library with this driver on this device. */
static int file_fits(const ctvk_gpu *gpu, const uint8_t *data, size_t bytes)
{
    cache_header wanted;
    const uint8_t *payload = data + sizeof wanted;
    if (bytes <= sizeof wanted)
        return 0;
    make_header(gpu, payload, bytes - sizeof wanted, &wanted);
    return memcmp(data, &wanted, sizeof wanted) == 0 && payload_fits(gpu, payload, bytes - sizeof wanted);
}

void ctvk_gpu_driver_word(const ctvk_gpu *gpu, char word[24])
{
    size_t length = 0;
    for (const char *c = gpu->info.driver; *c && *c != ' ' && length < 23; c++)
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))
            word[length++] = *c;
    word[length] = 0;
}

static void make_path(ctvk_gpu *gpu, const char *folder)
{
    char driver[24];
    ctvk_gpu_driver_word(gpu, driver);
    size_t size = strlen(folder) + 80;
    gpu->cache_path = ctvk_alloc(&gpu->host, size);
    if (gpu->cache_path)
        snprintf(gpu->cache_path, size, "%s/pipelines-%s-%04x-%04x.bin", folder, driver, gpu->info.vendor_id, gpu->info.device_id);
}

void ctvk_gpu_cache_open(ctvk_gpu *gpu, const char *folder)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    VkPipelineCacheCreateInfo create = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    if (folder && *folder)
        make_path(gpu, folder);
    if (gpu->cache_path)
        data = ctvk_gpu_cache_read(gpu, gpu->cache_path, MAX_FILE_BYTES, &bytes);
    if (data && file_fits(gpu, data, bytes)) {
        create.initialDataSize = bytes - sizeof(cache_header);
        create.pInitialData = data + sizeof(cache_header);
        memcpy(gpu->cache_digest, ((const cache_header *)data)->payload_digest, sizeof gpu->cache_digest);
        gpu->cache_loaded = 1;
    } else if (data) {
        ctvk_log(&gpu->host, CTVK_LOG_DEBUG, "%s: not of this driver, device and version, or damaged: it will be replaced",
                 gpu->cache_path);
    }
    VkResult result = gpu->vk.CreatePipelineCache(gpu->device, &create, NULL, &gpu->cache);
    if (result < 0 && create.initialDataSize) {
        create.initialDataSize = 0;
        gpu->cache_loaded = 0;
        result = gpu->vk.CreatePipelineCache(gpu->device, &create, NULL, &gpu->cache);
    }
    if (result < 0)
        gpu->cache = VK_NULL_HANDLE;
    ctvk_free(&gpu->host, data);
}

/* Beside the final name first, so that a reader sees the old file or the new one and never a part. */
static int write_file(const ctvk_gpu *gpu, const cache_header *header, const void *payload)
{
    size_t length = strlen(gpu->cache_path);
    char *temporary = ctvk_alloc(&gpu->host, length + 8);
    if (!temporary)
        return -1;
    memcpy(temporary, gpu->cache_path, length);
    memcpy(temporary + length, ".XXXXXX", 8);
    int file = mkostemp(temporary, O_CLOEXEC);
    int failed = file < 0;
    if (file >= 0) {
        failed = write_all(file, header, sizeof *header) != 0 || write_all(file, payload, (size_t)header->payload_bytes) != 0;
        failed = close(file) != 0 || failed;
        failed = failed || rename(temporary, gpu->cache_path) != 0;
        if (failed)
            unlink(temporary);
    }
    ctvk_free(&gpu->host, temporary);
    return failed ? -1 : 0;
}

static void save(ctvk_gpu *gpu)
{
    size_t bytes = 0;
    if (gpu->vk.GetPipelineCacheData(gpu->device, gpu->cache, &bytes, NULL) < 0 || bytes < VULKAN_HEADER_BYTES ||
        bytes > MAX_FILE_BYTES - sizeof(cache_header))
        return;
    uint8_t *data = ctvk_alloc(&gpu->host, bytes);
    if (!data)
        return;
    if (gpu->vk.GetPipelineCacheData(gpu->device, gpu->cache, &bytes, data) == VK_SUCCESS) {
        cache_header header;
        make_header(gpu, data, bytes, &header);
        int same = gpu->cache_loaded && memcmp(header.payload_digest, gpu->cache_digest, sizeof gpu->cache_digest) == 0;
        if (!same && write_file(gpu, &header, data) != 0)
            ctvk_log(&gpu->host, CTVK_LOG_DEBUG, "%s: cannot be written, the next start compiles again", gpu->cache_path);
    }
    ctvk_free(&gpu->host, data);
}

void ctvk_gpu_cache_close(ctvk_gpu *gpu)
{
    if (gpu->cache && gpu->cache_path && gpu->cache_dirty && !gpu->lost)
        save(gpu);
    gpu->vk.DestroyPipelineCache(gpu->device, gpu->cache, NULL);
    gpu->cache = VK_NULL_HANDLE;
}
