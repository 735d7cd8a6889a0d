/* support/rows_case.h - token rows for the tests of the language model's operations: a float array inside a buffer of its own between two
 * guard bands, and its copies as float and as double. */
#ifndef CTVK_TESTS_ROWS_CASE_H
#define CTVK_TESTS_ROWS_CASE_H

#include "support/ops_case.h"

enum { ROWS_GUARD = 256 /* floats */ };

typedef struct rows_case {
    ctvk_span span; /* of the rows alone */
    size_t count;
    float *host; /* what is uploaded, later what was read */
    double *exact;
} rows_case;

/* Random numbers in [-scale, scale); scale 0: NaN, to be written by the operation. */
static inline int rows_create(ctvk_gpu *gpu, rows_case *r, size_t count, uint32_t seed, double scale)
{
    size_t bytes = (count + 2 * ROWS_GUARD) * sizeof(float);
    float *random = ops_random(count, seed, scale), *all = malloc(bytes);
    int ok = random && all && conv_span_create(gpu, &r->span, bytes, NULL);
    if (ok) {
        memset(all, 0xff, bytes);
        for (size_t i = 0; i < ROWS_GUARD; i++)
            all[i] = all[ROWS_GUARD + count + i] = 77.5f;
        if (scale > 0)
            memcpy(all + ROWS_GUARD, random, count * sizeof(float));
        ok = ctvk_gpu_upload(r->span.buffer, 0, all, bytes, NULL) == CTVK_OK;
        r->span.offset = ROWS_GUARD * sizeof(float);
        r->span.bytes = count * sizeof(float);
    }
    free(all);
    r->count = count;
    r->host = random;
    r->exact = malloc((count ? count : 1) * sizeof *r->exact);
    for (size_t i = 0; ok && r->exact && i < count; i++)
        r->exact[i] = random[i];
    CHECK(ok && r->exact);
    return ok && r->exact;
}

/* Reads the rows into host; whether both guard bands still hold. */
static inline int rows_read(rows_case *r)
{
    float guards[2 * ROWS_GUARD];
    uint64_t guard = ROWS_GUARD * sizeof(float);
    int ok = ctvk_gpu_download(r->span.buffer, guard, r->host, r->span.bytes, NULL) == CTVK_OK &&
             ctvk_gpu_download(r->span.buffer, 0, guards, guard, NULL) == CTVK_OK &&
             ctvk_gpu_download(r->span.buffer, guard + r->span.bytes, guards + ROWS_GUARD, guard, NULL) == CTVK_OK;
    for (int i = 0; ok && i < 2 * ROWS_GUARD; i++)
        ok = guards[i] == 77.5f;
    return ok;
}

static inline void rows_destroy(rows_case *r)
{
    ctvk_gpu_buffer_destroy(&r->span.buffer);
    free(r->host);
    free(r->exact);
    memset(r, 0, sizeof *r);
}

#endif
