#include "core/hash_record.h"

#include "core/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINES = 64, MAX_LINE = 320, MAX_RECORD = MAX_LINES * MAX_LINE };
static const char heading[] = "ctvk-hashes/1\n";

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
static int write_key(const ctvk_file_identity *f, char *text, size_t size)
{
    return snprintf(text, size, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " ", f->device, f->inode,
                    f->bytes, f->modified[0], f->modified[1], f->changed[0], f->changed[1]);
}

static int record_path(const char *folder, char *path, size_t size)
{
    if (!folder || !*folder)
        return -1;
    int length = snprintf(path, size, "%s/hashes", folder);
    return length > 0 && (size_t)length < size ? 0 : -1;
}

/* The whole record, terminated; NULL: none, or one that is not ours. OWNED. No stream, whose buffer would not be of the host's memory. */
static char *read_record(const ctvk_host *host, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = file >= 0 ? ctvk_alloc(host, MAX_RECORD + 1) : NULL;
    size_t length = 0;
    ssize_t got = 1;
    while (text && got > 0 && length < MAX_RECORD) {
        got = read(file, text + length, MAX_RECORD - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (file >= 0)
        close(file);
    if (!text)
        return NULL;
    text[length] = 0;
    if (strlen(text) != length || strncmp(text, heading, sizeof heading - 1) != 0) {
        ctvk_free(host, text);
        return NULL;
    }
    return text;
}

/* The line that begins with key; NULL: there is none. */
static const char *find_line(const char *record, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = record; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (strncmp(line, key, length) == 0)
            return line;
    return NULL;
}

int ctvk_hash_record_find(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, char sha256[65])
{
    char path[4352], key[MAX_LINE];
    if (record_path(folder, path, sizeof path))
        return 0;
    char *record = read_record(host, path);
    if (!record)
        return 0;
    int length = write_key(identity, key, sizeof key);
    const char *line = find_line(record, key);
    int found = line && strspn(line + length, "0123456789abcdef") == 64 && line[length + 64] == '\n';
    if (found) {
        memcpy(sha256, line + length, 64);
        sha256[64] = 0;
    }
    ctvk_free(host, record);
    return found;
}

/* Of old to, line by line, what is not of the same file and still fits. */
static void copy_lines(const char *old, const char *key, char *to, size_t size)
{
    size_t at = strlen(to);
    int count = 1;
    for (const char *line = old ? old + sizeof heading - 1 : NULL; line && *line && count < MAX_LINES;) {
        const char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) + 1 : 0;
        if (length && length < MAX_LINE && at + length < size && strncmp(line, key, strlen(key)) != 0) {
            memcpy(to + at, line, length);
            at += length;
            count++;
        }
        line = end ? end + 1 : NULL;
    }
    to[at] = 0;
}

void ctvk_hash_record_add(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, const char *sha256)
{
    char path[4352], key[MAX_LINE];
    ctvk_file *file = NULL;
    if (record_path(folder, path, sizeof path))
        return;
    char *old = read_record(host, path), *record = ctvk_alloc(host, MAX_RECORD + 1);
    if (record) {
        write_key(identity, key, sizeof key);
        snprintf(record, MAX_RECORD, "%s%s%s\n", heading, key, sha256);
        copy_lines(old, key, record, MAX_RECORD);
        if (ctvk_file_begin(host, path, &file, NULL) == CTVK_OK) {
            if (ctvk_file_write(file, record, strlen(record), NULL) == CTVK_OK)
                ctvk_file_commit(&file, NULL);
            ctvk_file_abandon(&file);
        }
    }
    ctvk_free(host, old);
    ctvk_free(host, record);
}
