/* support/token_rows.h - one buffer of token rows (ops/tokens.h): an op writes the places that it promises and no other bit. */
#ifndef CTVK_TESTS_TOKEN_ROWS_H
#define CTVK_TESTS_TOKEN_ROWS_H

#include "ops/tokens.h"
#include "support/ops_case.h"

typedef struct rows_case {
    ctvk_gpu *gpu;
    ctvk_span span;
    size_t floats;
    float *before, *after; /* of the span */
    unsigned char *meant;  /* floats that the op was to write */
} rows_case;

/* All floats are NaN. */
static inline int rows_create(rows_case *r, ctvk_gpu *gpu, size_t floats)
{
    *r = (rows_case){.gpu = gpu, .floats = floats};
    r->before = malloc(floats * sizeof *r->before);
    r->after = malloc(floats * sizeof *r->after);
    r->meant = calloc(floats, 1);
    if (!r->before || !r->after || !r->meant)
        return 0;
    memset(r->before, 0xff, floats * sizeof *r->before);
    return ops_span_create(gpu, &r->span, floats * sizeof *r->before, NULL);
}

static inline void rows_destroy(rows_case *r)
{
    ctvk_gpu_buffer_destroy(&r->span.buffer);
    free(r->before);
    free(r->after);
    free(r->meant);
}

/* Random numbers into `rows` rows of `width` floats; dense: a copy in double, [rows][width]. */
static inline void rows_random(rows_case *r, int place, int stride, int rows, int width, uint32_t seed, double scale, double *dense)
{
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < width; i++)
            dense[row * width + i] = r->before[place + row * stride + i] = conv_random(&seed) * (float)scale;
}

static inline ctvk_status rows_run(rows_case *r, ops_record_fn record, void *user)
{
    ctvk_error error = {0};
    ctvk_status status = ctvk_gpu_upload(r->span.buffer, r->span.offset, r->before, r->floats * sizeof *r->before, &error);
    if (!status)
        status = ops_run(r->gpu, record, user, &error);
    if (!status)
        status = ctvk_gpu_download(r->span.buffer, r->span.offset, r->after, r->floats * sizeof *r->after, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    return status;
}

/* Largest |got - want| / max(1, |want|) of the rows that were to be written; want: [rows][width]. */
static inline double rows_worst(rows_case *r, int place, int stride, int rows, int width, const double *want)
{
    double worst = 0;
    for (int row = 0; row < rows; row++) {
        worst = fmax(worst, ops_worst(r->after + place + row * stride, want + row * width, (size_t)width));
        memset(r->meant + place + row * stride, 1, (size_t)width);
    }
    return worst;
}

/* Non-zero where every bit that was not meant is as before, around the span as well. After all rows_worst. */
static inline int rows_rest_holds(const rows_case *r)
{
    for (size_t i = 0; i < r->floats; i++)
        if (!r->meant[i] && memcmp(&r->before[i], &r->after[i], sizeof *r->before) != 0)
            return 0;
    return ops_span_guards_hold(&r->span);
}

#endif
