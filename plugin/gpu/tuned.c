/* gpu/tuned.c - the table of a tuning pass and its file.
 *
 * Text, so that it can be read and compared: a heading with the format's version, a line that says what it holds for, "KEY: VALUE" line by
 * line, and the SHA-256 of all of that. A file that fits in every respect is used; any other is as good as none, which is said, because
 * somebody spent minutes on it. Nothing here can fail a job.
 */
#include "core/file.h"
#include "core/sha256.h"
#include "gpu/internal.h"

#include <stdio.h>
#include <string.h>

#define HEADING "ctvk-tuned/1\n"
enum { MOST_LINES = 1024, LINE_BYTES = sizeof(ctvk_gpu_tuned) + 4, HEAD_BYTES = 512, TAIL_BYTES = 72 };
enum { MOST_BYTES = HEAD_BYTES + MOST_LINES * LINE_BYTES + TAIL_BYTES };

static const char damaged[] = "what was tuned for this device is damaged: it is ignored (run ctvk tune again)";
static const char foreign[] =
    "what was tuned for this device is of another driver or another version of ctvk: it is ignored (run ctvk tune again)";

/* Heading and the line of what a table holds for. */
static void write_head(const ctvk_gpu *gpu, char head[HEAD_BYTES])
{
    snprintf(head, HEAD_BYTES, HEADING "%s driver 0x%08x library %d.%d.%d subgroup %u mask 0x%x\n", gpu->info.uuid,
             gpu->info.driver_version, CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH, gpu->caps.subgroup_size,
             gpu->disable & CTVK_GPU_NO_ALL);
}

/* One "KEY: VALUE" line without its end. */
static int take_line(const char *line, size_t length, ctvk_gpu_tuned *out)
{
    const char *colon = memchr(line, ':', length);
    size_t key = colon ? (size_t)(colon - line) : 0, value = colon ? length - key - 2 : 0;
    if (!key || key >= sizeof out->key || length < key + 3 || colon[1] != ' ' || value >= sizeof out->value)
        return 0;
    memcpy(out->key, line, key);
    memcpy(out->value, colon + 2, value);
    return 1;
}

/* From behind the head to the digest. */
static int take_lines(ctvk_gpu_tuned_table *t, const char *text, const char *end)
{
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop || t->count == MOST_LINES || !take_line(text, (size_t)(stop - text), &t->lines[t->count]))
            return 0;
        t->count++;
        text = stop + 1;
    }
    return 1;
}

/* NULL: everything is right, and the lines are taken. */
static const char *parse(const ctvk_gpu *gpu, ctvk_gpu_tuned_table *t, const char *text, size_t length)
{
    char head[HEAD_BYTES], digest[65], tail[TAIL_BYTES];
    if (length < TAIL_BYTES || memchr(text, 0, length))
        return damaged;
    size_t body = length - TAIL_BYTES;
    ctvk_sha256_of(text, body, digest);
    snprintf(tail, sizeof tail, "sha256 %s", digest);
    if (memcmp(text + body, tail, TAIL_BYTES - 1) != 0 || text[length - 1] != '\n')
        return damaged;
    write_head(gpu, head);
    size_t begin = strlen(head);
    if (body < begin || memcmp(text, head, begin) != 0)
        return foreign;
    t->lines = ctvk_calloc(&gpu->host, MOST_LINES, sizeof *t->lines);
    if (!t->lines) /* without memory a job does not come far */
        return NULL;
    if (!take_lines(t, text + begin, text + body))
        return damaged;
    memcpy(t->sha256, digest, sizeof t->sha256);
    return NULL;
}

static void make_path(ctvk_gpu *gpu, const char *folder)
{
    char driver[24], mask[12] = "";
    uint32_t taken = gpu->disable & CTVK_GPU_NO_ALL;
    ctvk_gpu_driver_word(gpu, driver);
    if (taken)
        snprintf(mask, sizeof mask, "-%x", taken);
    size_t size = strlen(folder) + 128;
    gpu->tuned.path = ctvk_alloc(&gpu->host, size);
    if (gpu->tuned.path)
        snprintf(gpu->tuned.path, size, "%s/tuned-%s-%s-%u%s.txt", folder, driver, gpu->info.uuid, gpu->caps.subgroup_size, mask);
}

void ctvk_gpu_tuned_open(ctvk_gpu *gpu, const char *folder)
{
    ctvk_gpu_tuned_table *t = &gpu->tuned;
    size_t length = 0;
    if (folder && *folder)
        make_path(gpu, folder);
    char *text = t->path ? (char *)ctvk_gpu_cache_read(gpu, t->path, MOST_BYTES, &length) : NULL;
    if (!text)
        return;
    t->problem = parse(gpu, t, text, length);
    ctvk_free(&gpu->host, text);
    if (!t->problem)
        return;
    ctvk_log(&gpu->host, CTVK_LOG_WARNING, "%s: %s", t->path, t->problem);
    ctvk_free(&gpu->host, t->lines);
    t->lines = NULL;
    t->count = 0;
}

void ctvk_gpu_tuned_close(ctvk_gpu *gpu)
{
    ctvk_free(&gpu->host, gpu->tuned.lines);
    ctvk_free(&gpu->host, gpu->tuned.path);
}

static const ctvk_gpu_tuned *find(const ctvk_gpu_tuned *lines, uint32_t count, const char *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(lines[i].key, key) == 0)
            return &lines[i];
    return NULL;
}

const char *ctvk_gpu_tuned_find(const ctvk_gpu *gpu, const char *key)
{
    const ctvk_gpu_tuned *line = find(gpu->tuned.lines, gpu->tuned.count, key);
    return line ? line->value : NULL;
}

const char *ctvk_gpu_tuned_sha256(const ctvk_gpu *gpu)
{
    return gpu->tuned.lines ? gpu->tuned.sha256 : NULL;
}

const char *ctvk_gpu_tuned_problem(const ctvk_gpu *gpu)
{
    return gpu->tuned.problem;
}

/* Appends; lines of both may be NULL. */
static size_t put_lines(char *text, size_t at, const ctvk_gpu_tuned *lines, uint32_t count, const ctvk_gpu_tuned *over, uint32_t over_count,
                        uint32_t *room)
{
    for (uint32_t i = 0; i < count && *room; i++) {
        if (find(over, over_count, lines[i].key))
            continue;
        at += (size_t)snprintf(text + at, MOST_BYTES - at, "%s: %s\n", lines[i].key, lines[i].value);
        --*room;
    }
    return at;
}

ctvk_status ctvk_gpu_tuned_write(const ctvk_gpu *gpu, const ctvk_gpu_tuned *lines, uint32_t count, ctvk_error *error)
{
    const ctvk_gpu_tuned_table *t = &gpu->tuned;
    ctvk_file *file = NULL;
    uint32_t room = MOST_LINES;
    char digest[65];
    if (!t->path)
        return ctvk_fail(error, CTVK_ERROR_OUTPUT, "tuning: there is no cache folder to keep it in (give the context one)");
    char *text = ctvk_alloc(&gpu->host, MOST_BYTES);
    if (!text)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "tuning: no host memory (close other programs)");
    write_head(gpu, text);
    size_t at = put_lines(text, strlen(text), lines, count, NULL, 0, &room);
    at = put_lines(text, at, t->lines, t->count, lines, count, &room);
    ctvk_sha256_of(text, at, digest);
    at += (size_t)snprintf(text + at, MOST_BYTES - at, "sha256 %s\n", digest);
    ctvk_status status = ctvk_file_begin(&gpu->host, t->path, &file, error);
    if (status == CTVK_OK)
        status = ctvk_file_write(file, text, at, error);
    if (status == CTVK_OK)
        status = ctvk_file_commit(&file, error);
    ctvk_file_abandon(&file);
    ctvk_free(&gpu->host, text);
    return status;
}
