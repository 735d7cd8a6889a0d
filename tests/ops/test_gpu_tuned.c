/* The table of a tuning pass: written whole, read where it fits in every respect, ignored with a warning where it is damaged or foreign. */
#include "support/gpu_open.h"

#include "core/sha256.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[512], path[1024];
static const ctvk_gpu_tuned lines[] = {{"conv3d 3/1 16+0-16 8x8x4", "gemm 1.25 ms"}, {"conv3d 1/1 16+0-16 8x8x4", "address 0.5 ms"}};

static ctvk_gpu *open_tuned(const char *where, uint32_t disable)
{
    ctvk_gpu_options options = {.cache_folder = where, .validation = 1, .disable = disable};
    return open_gpu_with(&options);
}

static long read_file(char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    return (long)length;
}

static void write_file(const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(text, 1, length, file) == length);
    if (file)
        fclose(file);
}

/* A table that must not be used: nothing is found, and somebody is told. */
static void check_ignored(const char *what, const char *text, size_t length)
{
    write_file(text, length);
    ctvk_gpu *gpu = open_tuned(folder, 0);
    CHECK_MSG(!ctvk_gpu_tuned_find(gpu, lines[0].key) && !ctvk_gpu_tuned_sha256(gpu), "%s was taken", what);
    CHECK_MSG(ctvk_gpu_tuned_problem(gpu) != NULL, "%s: nothing is said", what);
    ctvk_gpu_destroy(&gpu);
}

static void test_written(void)
{
    const ctvk_gpu_tuned more[] = {{"conv3d 3/1 16+0-16 8x8x4", "winograd 1 ms"}, {"conv3d 3/2 1p+0-16 8x8x4", "portable 2 ms"}};
    ctvk_error error = {0};
    char first[65], text[4096];
    ctvk_gpu *gpu = open_tuned(folder, 0);
    CHECK(!ctvk_gpu_tuned_find(gpu, lines[0].key) && !ctvk_gpu_tuned_problem(gpu) && !ctvk_gpu_tuned_sha256(gpu));
    CHECK_MSG(ctvk_gpu_tuned_write(gpu, lines, 2, &error) == CTVK_OK, "%s", error.message);
    CHECK_MSG(!ctvk_gpu_tuned_find(gpu, lines[0].key), "an open device changed its table");
    snprintf(path, sizeof path, "%s", gpu->tuned.path);
    ctvk_gpu_destroy(&gpu);
    gpu = open_tuned(folder, 0);
    for (int i = 0; i < 2; i++)
        CHECK(ctvk_gpu_tuned_find(gpu, lines[i].key) && strcmp(ctvk_gpu_tuned_find(gpu, lines[i].key), lines[i].value) == 0);
    CHECK(!ctvk_gpu_tuned_find(gpu, "conv3d") && ctvk_gpu_tuned_sha256(gpu) && !ctvk_gpu_tuned_problem(gpu));
    snprintf(first, sizeof first, "%s", ctvk_gpu_tuned_sha256(gpu));
    CHECK(read_file(text, sizeof text) > 0 && strstr(text, first) && strstr(text, gpu->info.uuid));
    /* Newer lines replace those of their keys, the others stay. */
    CHECK(ctvk_gpu_tuned_write(gpu, more, 2, &error) == CTVK_OK);
    ctvk_gpu_destroy(&gpu);
    gpu = open_tuned(folder, 0);
    CHECK(gpu->tuned.count == 3 && strcmp(ctvk_gpu_tuned_find(gpu, more[0].key), "winograd 1 ms") == 0);
    CHECK(strcmp(ctvk_gpu_tuned_find(gpu, lines[1].key), lines[1].value) == 0 && strcmp(ctvk_gpu_tuned_sha256(gpu), first) != 0);
    ctvk_gpu_destroy(&gpu);
    /* What is taken away from the device has a table of its own. */
    gpu = open_tuned(folder, CTVK_GPU_NO_TEXEL);
    CHECK(!ctvk_gpu_tuned_sha256(gpu) && !ctvk_gpu_tuned_problem(gpu) && strcmp(gpu->tuned.path, path) != 0);
    ctvk_gpu_destroy(&gpu);
}

static void test_damage(void)
{
    char good[4096], bad[4200];
    long size = read_file(good, sizeof good);
    CHECK(size > 200);
    for (long at = 0; at < size; at += at % 7 + 1) {
        memcpy(bad, good, (size_t)size);
        bad[at] ^= 1;
        check_ignored("a changed byte", bad, (size_t)size);
    }
    const long cuts[] = {1, 20, 71, 72, 73, size / 2, size - 73, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        check_ignored("a cut file", good, (size_t)cuts[i]);
    memcpy(bad, good, (size_t)size);
    memcpy(bad + size, good, 100);
    check_ignored("a tail", bad, (size_t)size + 100);
    memset(bad, 0, (size_t)size);
    check_ignored("zeros", bad, (size_t)size);
    write_file(good, (size_t)size);
}

/* Replaces a word of the table and signs it anew. */
static size_t resigned(const char *good, const char *from, const char *to, char *out, size_t size)
{
    const char *at = strstr(good, from), *tail = strstr(good, "sha256 ");
    ctvk_sha256 hash;
    uint8_t digest[32];
    char hex[65];
    CHECK(at && tail && at < tail);
    int length = snprintf(out, size, "%.*s%s%.*s", (int)(at - good), good, to, (int)(tail - at - (long)strlen(from)), at + strlen(from));
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, out, (size_t)length);
    ctvk_sha256_end(&hash, digest);
    ctvk_sha256_hex(digest, hex);
    return (size_t)(length + snprintf(out + length, size - (size_t)length, "sha256 %s\n", hex));
}

static void test_foreign(void)
{
    static const char *const changes[][2] = {{"ctvk-tuned/1", "ctvk-tuned/2"}, {" driver 0x", " driver 0xf"},
                                             {" library 0.", " library 9."},   {" library 1.", " library 9."},
                                             {" subgroup ", " subgroup 1"},    {" mask 0x0", " mask 0x1"}};
    static const char *const wrong[][2] = {{": winograd 1 ms", " winograd 1 ms"},
                                           {": winograd 1 ms", ":winograd 1 ms"},
                                           {": winograd 1 ms", ": "},
                                           {"conv3d 3/1", ""},
                                           {": winograd", ": a variant whose name is far too long to be one of the names"}};
    char good[4096], bad[8192];
    read_file(good, sizeof good);
    int tried = 0;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strstr(good, changes[i][0])) {
            check_ignored(changes[i][1], bad, resigned(good, changes[i][0], changes[i][1], bad, sizeof bad));
            tried++;
        }
    CHECK(tried == 5); /* one version of the library or the other */
    ctvk_gpu *gpu = open_tuned(folder, 0);
    char other[40];
    snprintf(other, sizeof other, "%s", gpu->info.uuid);
    other[0] = other[0] == '0' ? '1' : '0';
    size_t length = resigned(good, gpu->info.uuid, other, bad, sizeof bad);
    ctvk_gpu_destroy(&gpu);
    check_ignored("another device", bad, length);
    for (size_t i = 0; i < 3; i++)
        check_ignored(wrong[i][1], bad, resigned(good, wrong[i][0], wrong[i][1], bad, sizeof bad));
    check_ignored(wrong[4][1], bad, resigned(good, wrong[4][0], wrong[4][1], bad, sizeof bad));
    /* The same, signed alike, is taken: the offsets above are right. */
    length = resigned(good, "winograd", "winograd", bad, sizeof bad);
    write_file(bad, length);
    gpu = open_tuned(folder, 0);
    CHECK(ctvk_gpu_tuned_sha256(gpu) && gpu->tuned.count == 3);
    ctvk_gpu_destroy(&gpu);
}

static void test_places(void)
{
    ctvk_error error = {0};
    char other[1100];
    static const char *const none[] = {NULL, "", "/dev/null", "/nowhere/at/all"};
    for (int i = 0; i < 4; i++) {
        ctvk_gpu *gpu = open_tuned(none[i], 0);
        CHECK(!ctvk_gpu_tuned_sha256(gpu) && !ctvk_gpu_tuned_problem(gpu));
        CHECK(ctvk_gpu_tuned_write(gpu, lines, 2, &error) == CTVK_ERROR_OUTPUT && error.message[0]);
        ctvk_gpu_destroy(&gpu);
    }
    /* A link is not followed, a folder is no table. */
    snprintf(other, sizeof other, "%s/elsewhere", folder);
    CHECK(rename(path, other) == 0 && symlink(other, path) == 0);
    ctvk_gpu *gpu = open_tuned(folder, 0);
    CHECK(!ctvk_gpu_tuned_sha256(gpu));
    ctvk_gpu_destroy(&gpu);
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    gpu = open_tuned(folder, 0);
    CHECK(!ctvk_gpu_tuned_sha256(gpu) && ctvk_gpu_tuned_write(gpu, lines, 2, &error) == CTVK_ERROR_OUTPUT);
    ctvk_gpu_destroy(&gpu);
    CHECK(rmdir(path) == 0 && unlink(other) == 0);
}

static void remove_all(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[800];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    CHECK_MSG(rmdir(folder) == 0, "something was left in the folder");
}

int main(void)
{
    const char *tmp = getenv("CTVK_TEST_TMP");
    snprintf(folder, sizeof folder, "%s/tuned-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    test_written();
    test_damage();
    test_foreign();
    test_places();
    remove_all();
    return gpu_done("gpu_tuned");
}
