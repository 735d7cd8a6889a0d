/* The pipeline cache file: used when it fits, ignored and replaced when it is damaged or foreign, never in the way. */
#include "support/gpu_probe.h"
#include "core/sha256.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[512], path[800];

/* Opens a device with the cache folder; compiles where asked. Returns whether the file was taken. */
static int open_once(const char *where, int compile)
{
    const uint32_t constants[2] = {64, 1};
    ctvk_gpu_options options = {.cache_folder = where, .validation = 1};
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_gpu *gpu = open_gpu_with(&options);
    int loaded = gpu->cache_loaded;
    CHECK(gpu->cache != VK_NULL_HANDLE);
    if (compile)
        CHECK(ctvk_gpu_pipeline_of(gpu, &probe_shader, constants, 2, &pipeline, NULL) == CTVK_OK &&
              ctvk_gpu_compile(gpu, pipeline, NULL) == CTVK_OK);
    if (gpu->cache_path)
        snprintf(path, sizeof path, "%s", gpu->cache_path);
    ctvk_gpu_destroy(&gpu);
    return loaded;
}

static int count_files(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static long read_bytes(uint8_t **data)
{
    FILE *file = fopen(path, "rb");
    long size = 0;
    *data = NULL;
    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    *data = malloc((size_t)size + 1);
    CHECK(*data && fread(*data, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return size;
}

static void write_bytes(const uint8_t *data, long size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(data, 1, (size_t)size, file) == (size_t)size);
    if (file)
        fclose(file);
}

/* A file that must not be used, then is replaced by a good one. */
static void check_ignored(const char *what, const uint8_t *data, long size)
{
    write_bytes(data, size);
    CHECK_MSG(open_once(folder, 1) == 0, "%s was taken", what);
    CHECK_MSG(open_once(folder, 0) == 1, "%s was not replaced", what);
    CHECK(count_files() == 1);
}

static void resign(uint8_t *data, long size)
{
    /* Offsets of cache.c: digest of the payload at 88, of the header at 120, payload from 152. */
    ctvk_sha256 hash;
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, data + 152, (size_t)size - 152);
    ctvk_sha256_end(&hash, data + 88);
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, data, 120);
    ctvk_sha256_end(&hash, data + 120);
}

static void test_damage(void)
{
    uint8_t *good = NULL;
    long size = read_bytes(&good);
    /* lavapipe has nothing but Vulkan's own header of 32 bytes to keep. */
    CHECK(size >= 152 + 32);
    if (size < 152 + 32)
        return;
    uint8_t *bad = malloc((size_t)size + 64);
    /* Every field of the header, the first and the last byte of the payload. */
    const long flips[] = {0, 7, 8, 12, 16, 20, 24, 39, 40, 79, 80, 88, 119, 120, 151, 152, 160, 183, size - 1};
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        char what[64];
        memcpy(bad, good, (size_t)size);
        bad[flips[i]] ^= 1;
        snprintf(what, sizeof what, "bit flip at %ld", flips[i]);
        check_ignored(what, bad, size);
    }
    const long cuts[] = {0, 1, 100, 151, 152, 153, 183, size / 2, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        check_ignored("truncated file", good, cuts[i]);
    memcpy(bad, good, (size_t)size);
    memset(bad + size, 0, 64);
    check_ignored("file with a tail", bad, size + 64);
    memset(bad, 0, (size_t)size);
    check_ignored("zeros", bad, size);

    /* Signed properly, but for another vendor, device, driver build, or with another Vulkan header in the payload. */
    const long foreign[] = {8, 12, 16, 20, 24, 40, 80, 152, 156, 160, 164, 168};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        memcpy(bad, good, (size_t)size);
        bad[foreign[i]] ^= 0x40;
        resign(bad, size);
        check_ignored("foreign file", bad, size);
    }
    memcpy(bad, good, (size_t)size);
    resign(bad, size);
    write_bytes(bad, size);
    CHECK(open_once(folder, 0) == 1); /* the offsets above are right */
    free(good);
    free(bad);
}

static void test_places(void)
{
    char other[600];
    struct stat status;
    /* No folder, an empty name, a folder that is not there, a file in place of the folder. */
    CHECK(open_once(NULL, 1) == 0);
    CHECK(open_once("", 1) == 0);
    snprintf(other, sizeof other, "%s/none/at/all", folder);
    CHECK(open_once(other, 1) == 0);
    CHECK(open_once("/dev/null", 1) == 0);

    /* A link in place of the file is not followed when reading, and replaced when writing. */
    CHECK(open_once(folder, 0) == 1);
    snprintf(other, sizeof other, "%s/elsewhere", folder);
    CHECK(rename(path, other) == 0 && symlink(other, path) == 0);
    CHECK(open_once(folder, 1) == 0);
    CHECK(lstat(path, &status) == 0 && S_ISREG(status.st_mode));
    CHECK(unlink(other) == 0);

    /* A folder or a pipe in place of the file. */
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    CHECK(open_once(folder, 1) == 0 && count_files() == 1);
    CHECK(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    CHECK(open_once(folder, 1) == 0);
    CHECK(open_once(folder, 0) == 1);
}

static void test_use(void)
{
    struct stat before, after;
    CHECK(open_once(folder, 0) == 0 && count_files() == 0); /* nothing compiled: nothing written */
    CHECK(open_once(folder, 1) == 0 && count_files() == 1);
    CHECK(stat(path, &before) == 0 && (before.st_mode & 0777) == 0600);
    CHECK(open_once(folder, 0) == 1);
    CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino);
}

int main(void)
{
    const char *base = getenv("CTVK_TEST_TMP");
    snprintf(folder, sizeof folder, "%s/gpu-cache-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    test_use();
    test_damage();
    test_places();
    unlink(path);
    CHECK(rmdir(folder) == 0);
    return gpu_done("gpu_cache");
}
