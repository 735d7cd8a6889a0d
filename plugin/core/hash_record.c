#include "core/hash_record.h"

#include "core/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static ctvk_record record_in(const char *folder)
{
    return (ctvk_record){folder, "hashes", "ctvk-hashes/1\n"};
}

int ctvk_file_identity_of(const char *path, ctvk_file_identity *out)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return -1;
    *out = (ctvk_file_identity){(uint64_t)info.st_dev,
                                (uint64_t)info.st_ino,
                                (uint64_t)info.st_size,
                                {(int64_t)info.st_mtim.tv_sec, (int64_t)info.st_mtim.tv_nsec},
                                {(int64_t)info.st_ctim.tv_sec, (int64_t)info.st_ctim.tv_nsec}};
    return 0;
}

int ctvk_file_identity_same(const ctvk_file_identity *a, const ctvk_file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes && a->modified[0] == b->modified[0] &&
           a->modified[1] == b->modified[1] && a->changed[0] == b->changed[0] && a->changed[1] == b->changed[1];
}

/* What a file's line begins with. */
static void write_key(const ctvk_file_identity *f, char *text, size_t size)
{
    snprintf(text, size, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " ", f->device, f->inode,
             f->bytes, f->modified[0], f->modified[1], f->changed[0], f->changed[1]);
}

int ctvk_hash_record_find(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, char sha256[65])
{
    char key[CTVK_RECORD_LINE], value[66];
    const ctvk_record record = record_in(folder);
    write_key(identity, key, sizeof key);
    if (!ctvk_record_find(host, &record, key, value, sizeof value) || strlen(value) != 64 || strspn(value, "0123456789abcdef") != 64)
        return 0;
    memcpy(sha256, value, 65);
    return 1;
}

void ctvk_hash_record_add(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, const char *sha256)
{
    char key[CTVK_RECORD_LINE];
    const ctvk_record record = record_in(folder);
    write_key(identity, key, sizeof key);
    ctvk_record_add(host, &record, key, sha256);
}
