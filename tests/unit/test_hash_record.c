/* Hashes that are remembered by a file's identity: found again, forgotten when the file changes, harmless when damaged. */
#include "core/hash_record.h"

#include "support/check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[512], path[640], record[640];
static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    CHECK(file && fputs(text, file) >= 0);
    if (file)
        fclose(file);
}

static void test_found_again(void)
{
    ctvk_file_identity a, b;
    char found[65] = "";
    put(path, "weights");
    CHECK(ctvk_file_identity_of(path, &a) == 0 && a.bytes == 7);
    CHECK(ctvk_hash_record_find(NULL, folder, &a, found) == 0);
    ctvk_hash_record_add(NULL, folder, &a, digest);
    CHECK(ctvk_hash_record_find(NULL, folder, &a, found) == 1 && strcmp(found, digest) == 0);
    CHECK(ctvk_file_identity_of(path, &b) == 0 && ctvk_file_identity_same(&a, &b));
    /* Same size, same name, other content: the times of change tell. */
    struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL);
    put(path, "weighty");
    CHECK(ctvk_file_identity_of(path, &b) == 0 && !ctvk_file_identity_same(&a, &b));
    CHECK(ctvk_hash_record_find(NULL, folder, &b, found) == 0);
    CHECK(ctvk_file_identity_of("/nowhere/at/all", &b) == -1);
}

static void test_bounded(void)
{
    ctvk_file_identity identity = {1, 0, 2, {3, 4}, {5, 6}};
    char found[65];
    struct stat info;
    for (uint64_t i = 0; i < 200; i++) {
        identity.inode = i;
        ctvk_hash_record_add(NULL, folder, &identity, digest);
    }
    CHECK(ctvk_hash_record_find(NULL, folder, &identity, found) == 1);
    identity.inode = 0;
    CHECK(ctvk_hash_record_find(NULL, folder, &identity, found) == 0); /* the oldest are dropped */
    CHECK(stat(record, &info) == 0 && info.st_size < 64 * 320);
}

static void test_damaged(void)
{
    static const char *const texts[] = {"",
                                        "ctvk-hashes/2\n",
                                        "ctvk-hashes/1\n1 2 3",
                                        "ctvk-hashes/1\n1 0 2 3 4 5 6 0123\n",
                                        "ctvk-hashes/1\n1 0 2 3 4 5 6 ",
                                        "ctvk-hashes/1\n\n\n\n",
                                        "\xff\xfe"};
    ctvk_file_identity identity = {1, 0, 2, {3, 4}, {5, 6}};
    char found[65];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(record, texts[i]);
        CHECK_MSG(ctvk_hash_record_find(NULL, folder, &identity, found) == 0, "text %zu", i);
        ctvk_hash_record_add(NULL, folder, &identity, digest);
        CHECK_MSG(ctvk_hash_record_find(NULL, folder, &identity, found) == 1, "text %zu", i);
    }
    CHECK(ctvk_hash_record_find(NULL, NULL, &identity, found) == 0 && ctvk_hash_record_find(NULL, "", &identity, found) == 0);
    ctvk_hash_record_add(NULL, "/nowhere/at/all", &identity, digest); /* nothing to write to: nothing happens */
}

/* Nothing but the record and the file lie in the folder: no path, no temporary file. */
static void test_private(void)
{
    DIR *d = opendir(folder);
    int entries = 0;
    char text[4096] = "";
    for (struct dirent *e; d && (e = readdir(d));)
        entries += e->d_name[0] != '.';
    if (d)
        closedir(d);
    CHECK(entries == 2);
    FILE *file = fopen(record, "rb");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    CHECK(length > 0 && !strstr(text, "model.gguf") && !strstr(text, folder));
}

int main(void)
{
    const char *base = getenv("CTVK_TEST_TMP");
    snprintf(folder, sizeof folder, "%s/hash-record-%ld", base ? base : ".", (long)getpid());
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    snprintf(record, sizeof record, "%s/hashes", folder);
    CHECK(mkdir(folder, 0700) == 0);
    test_found_again();
    test_bounded();
    test_damaged();
    test_private();
    unlink(path);
    unlink(record);
    rmdir(folder);
    return check_done("hash_record");
}
