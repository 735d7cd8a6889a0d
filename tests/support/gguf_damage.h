/* support/gguf_damage.h - damaged GGUF files: parsed from a copy of just their size, with an allocator that counts. */
#ifndef CTVK_TESTS_GGUF_DAMAGE_H
#define CTVK_TESTS_GGUF_DAMAGE_H

#include "formats/gguf.h"
#include "support/check.h"
#include "support/gguf_writer.h"

static const uint64_t row[4] = {256, 1, 1, 1};

/* The allocator of all parses here: counts what lives, remembers the largest, fails the nth. */
static struct {
    long live, calls, fail_at;
    size_t largest;
} heap;

static inline void *heap_alloc(void *user, size_t bytes)
{
    (void)user;
    if (bytes > heap.largest)
        heap.largest = bytes;
    if (++heap.calls == heap.fail_at)
        return NULL;
    heap.live++;
    return malloc(bytes);
}

static inline void heap_free(void *user, void *memory)
{
    (void)user;
    heap.live -= memory != NULL;
    free(memory);
}

static const ctvk_host host = {.alloc = heap_alloc, .free = heap_free};

/* Parses a copy of just this size, so that a byte read too many is seen by the address sanitizer. */
static inline ctvk_status parse(const uint8_t *bytes, size_t size, ctvk_error *error)
{
    ctvk_gguf *file = (ctvk_gguf *)&file;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    if (size)
        memcpy(copy, bytes, size);
    memset(error, 0, sizeof *error);
    heap.largest = 0;
    ctvk_status status = ctvk_gguf_parse(&host, copy, size, "m.gguf", CTVK_ERROR_INPUT, &file, error);
    CHECK((status == CTVK_OK) == (file != NULL));
    ctvk_gguf_close(&file);
    CHECK(heap.live == 0);
    free(copy);
    return status;
}

static inline void refused_bytes(const uint8_t *bytes, size_t size, const char *names, const char *why)
{
    ctvk_error error;
    ctvk_status status = parse(bytes, size, &error);
    CHECK_MSG(status == CTVK_ERROR_INPUT && error.status == status, "%s, %s: status %d", names, why, status);
    CHECK_MSG(!strncmp(error.message, "m.gguf: ", 8) && strstr(error.message, names) && strstr(error.message, why) &&
                  strchr(error.message, '(') && !strchr(error.message, '\n'),
              "no \"%s\" or \"%s\" in: %s", names, why, error.message);
    CHECK_MSG(heap.largest <= 64 * size + 4096, "%zu bytes allocated for a file of %zu", heap.largest, size);
}

/* Makes the file of w, expects a refusal, frees w. */
static inline void refused(gguf_writer *w, const char *names, const char *why)
{
    size_t size;
    uint8_t *bytes = gguf_writer_bytes(w, &size);
    refused_bytes(bytes, size, names, why);
    free(bytes);
    gguf_writer_free(w);
}

static inline void allowed(gguf_writer *w)
{
    size_t size;
    ctvk_error error;
    uint8_t *bytes = gguf_writer_bytes(w, &size);
    CHECK_MSG(parse(bytes, size, &error) == CTVK_OK, "%s", error.message);
    free(bytes);
    gguf_writer_free(w);
}

static inline gguf_writer begun(void)
{
    gguf_writer w;
    gguf_writer_begin(&w);
    gguf_writer_string(&w, "general.architecture", "llama");
    return w;
}

#endif
