#include "core/record.h"

#include "core/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RECORD = CTVK_RECORD_LINES * CTVK_RECORD_LINE };

static int path_of(const ctvk_record *record, char *path, size_t size)
{
    if (!record->folder || !*record->folder)
        return -1;
    int length = snprintf(path, size, "%s/%s", record->folder, record->name);
    return length > 0 && (size_t)length < size ? 0 : -1;
}

/* The whole record, terminated; NULL: none, or one that is not ours. OWNED. No stream, whose buffer would not be of the host's memory. */
static char *read_record(const ctvk_host *host, const char *path, const char *heading)
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
    if (strlen(text) != length || strncmp(text, heading, strlen(heading)) != 0) {
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

int ctvk_record_find(const ctvk_host *host, const ctvk_record *record, const char *key, char *value, size_t size)
{
    char path[4352];
    if (path_of(record, path, sizeof path))
        return 0;
    char *text = read_record(host, path, record->heading);
    const char *line = text ? find_line(text, key) : NULL, *begin = line ? line + strlen(key) : NULL,
               *end = line ? strchr(begin, '\n') : NULL;
    int found = end && (size_t)(end - begin) < size;
    if (found) {
        memcpy(value, begin, (size_t)(end - begin));
        value[end - begin] = 0;
    }
    ctvk_free(host, text);
    return found;
}

/* Of old to, line by line, what is not of the same key and still fits. */
static void copy_lines(const char *old, const char *key, char *to, size_t size)
{
    size_t at = strlen(to);
    int count = 1;
    for (const char *line = old; line && *line && count < CTVK_RECORD_LINES;) {
        const char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) + 1 : 0;
        if (length && length < CTVK_RECORD_LINE && at + length < size && strncmp(line, key, strlen(key)) != 0) {
            memcpy(to + at, line, length);
            at += length;
            count++;
        }
        line = end ? end + 1 : NULL;
    }
    to[at] = 0;
}

void ctvk_record_add(const ctvk_host *host, const ctvk_record *record, const char *key, const char *value)
{
    char path[4352];
    ctvk_file *file = NULL;
    if (path_of(record, path, sizeof path))
        return;
    char *old = read_record(host, path, record->heading), *text = ctvk_alloc(host, MAX_RECORD + 1);
    if (text) {
        snprintf(text, MAX_RECORD, "%s%s%s\n", record->heading, key, value);
        copy_lines(old ? old + strlen(record->heading) : NULL, key, text, MAX_RECORD);
        if (ctvk_file_begin(host, path, &file, NULL) == CTVK_OK) {
            if (ctvk_file_write(file, text, strlen(text), NULL) == CTVK_OK)
                ctvk_file_commit(&file, NULL);
            ctvk_file_abandon(&file);
        }
    }
    ctvk_free(host, old);
    ctvk_free(host, text);
}
