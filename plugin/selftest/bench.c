#include "selftest/bench.h"

#include "ref/narrow.h"
#include "selftest/seeded.h"

#include <math.h>
#include <string.h>

enum { GUARD = 256, FILL = 0xff /* every float of it is NaN */ };

static void give_up(ctvk_trials *b, ctvk_status status)
{
    if (!b->status)
        b->status = status;
}

void ctvk_bench_case(ctvk_trials *b)
{
    b->spans = 0;
    b->used = GUARD;
    b->host_used = 0;
    b->result.cases++;
}

void *ctvk_bench_take(ctvk_trials *b, uint64_t bytes)
{
    uint64_t at = b->host_used, next = at + (bytes + 15) / 16 * 16 + 16;
    if (!b->status && next > b->host_room)
        b->status =
            ctvk_fail(b->error, CTVK_ERROR_INTERNAL, "self-test: %s: a case is larger than its memory (report this)", b->result.name);
    if (b->status)
        return NULL;
    b->host_used = next;
    return b->host + at;
}

float *ctvk_bench_random(ctvk_trials *b, size_t count, double scale)
{
    float *numbers = ctvk_bench_take(b, count * sizeof *numbers);
    b->seed++;
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = ctvk_seeded_number(b->seed, i) * (float)scale;
    return numbers ? numbers : (float *)b->host;
}

double *ctvk_bench_doubles(ctvk_trials *b, size_t count)
{
    double *numbers = ctvk_bench_take(b, count * sizeof *numbers);
    if (numbers)
        memset(numbers, 0, count * sizeof *numbers);
    return numbers ? numbers : (double *)b->host;
}

ctvk_span ctvk_bench_span(ctvk_trials *b, uint64_t bytes, const void *content)
{
    ctvk_span span = {b->device, b->used, bytes};
    uint64_t next = (b->used + bytes + 15) / GUARD * GUARD + 2 * GUARD; /* a binding of whole vec4 stays inside */
    if (!b->status && (next > b->room || b->spans == CTVK_BENCH_SPANS))
        b->status =
            ctvk_fail(b->error, CTVK_ERROR_INTERNAL, "self-test: %s: a case is larger than its buffer (report this)", b->result.name);
    if (b->status)
        return span;
    memset(b->mirror + b->used, FILL, next - b->used);
    if (content)
        memcpy(b->mirror + b->used, content, bytes);
    b->begin[b->spans] = b->used;
    b->end[b->spans++] = b->used + bytes;
    b->used = next;
    return span;
}

/* Place of an element in the device's layout (ops/tensor.h). */
static size_t place(const ctvk_tensor *t, int32_t planar, int32_t c, int32_t x, int32_t y, int32_t z)
{
    if (planar)
        return (((size_t)x * (size_t)t->c + (size_t)c) * (size_t)t->y + (size_t)y) * (size_t)t->z + (size_t)z;
    return ((((size_t)x * (size_t)(t->c / 4) + (size_t)(c / 4)) * (size_t)t->y + (size_t)y) * (size_t)t->z + (size_t)z) * 4 +
           (size_t)(c % 4);
}

/* to_mirror: dense goes to its places, else the other way. */
static void reorder(ctvk_trials *b, const ctvk_tensor *t, int32_t planar, float *dense, int32_t to_mirror)
{
    float *lies = (float *)(void *)(b->mirror + t->offset);
    for (int32_t c = 0; c < t->c; c++)
        for (int32_t x = 0; x < t->x; x++)
            for (int32_t y = 0; y < t->y; y++)
                for (int32_t z = 0; z < t->z; z++, dense++) {
                    float *cell = lies + place(t, planar, c, x, y, z);
                    *(to_mirror ? cell : dense) = *(to_mirror ? dense : cell);
                }
}

/* As reorder, where numbers have 16 bits: dense as its numbers are stored. */
static void reorder_words(ctvk_trials *b, const ctvk_tensor *t, float *dense, int32_t to_mirror)
{
    const size_t area = (size_t)t->y * (size_t)t->z, voxels = (size_t)t->x * area;
    uint32_t *lies = (uint32_t *)(void *)(b->mirror + t->offset);
    for (size_t i = 0; i < (size_t)t->c / 4 * voxels; i++, lies += 2) {
        size_t x = i / (area * (size_t)(t->c / 4)), group = i / area % (size_t)(t->c / 4);
        float *first = dense + group * 4 * voxels + x * area + i % area, four[4];
        for (size_t k = 0; k < 4; k++)
            four[k] = first[k * voxels];
        if (to_mirror)
            ref_narrow(four, lies);
        ref_widen(lies, four);
        for (size_t k = 0; k < 4; k++)
            first[k * voxels] = four[k];
    }
}

ctvk_tensor ctvk_bench_tensor(ctvk_trials *b, int32_t c, int32_t x, int32_t y, int32_t z, int32_t layout, float *dense)
{
    ctvk_tensor tensor = {b->device, 0, c, x, y, z, layout == CTVK_BENCH_HALF};
    tensor.offset = ctvk_bench_span(b, ctvk_tensor_bytes(&tensor), NULL).offset;
    if (dense && !b->status && tensor.half)
        reorder_words(b, &tensor, dense, 1);
    else if (dense && !b->status)
        reorder(b, &tensor, layout == CTVK_BENCH_PLANAR, dense, 1);
    return tensor;
}

int32_t ctvk_bench_begin(ctvk_trials *b)
{
    if (!b->status)
        memset(b->mirror, FILL, GUARD);
    if (!b->status)
        give_up(b, ctvk_gpu_upload(b->device, 0, b->mirror, b->used, b->error));
    if (!b->status)
        give_up(b, ctvk_gpu_cmd_begin(b->gpu, b->check, b->user, &b->cmd, b->error));
    return !b->status;
}

/* Non-zero where nothing was written between the operands. */
static int32_t guards_hold(const ctvk_trials *b)
{
    for (int32_t i = 0; i <= b->spans; i++) {
        uint64_t first = i ? b->end[i - 1] : 0, last = i < b->spans ? b->begin[i] : b->used;
        for (uint64_t at = first; at < last; at++)
            if (b->mirror[at] != FILL)
                return 0;
    }
    return 1;
}

void ctvk_bench_finish(ctvk_trials *b, ctvk_status status)
{
    give_up(b, status);
    if (!b->status)
        give_up(b, ctvk_gpu_cmd_finish(b->cmd, b->error));
    ctvk_gpu_cmd_destroy(&b->cmd);
    if (!b->status)
        give_up(b, ctvk_gpu_download(b->device, 0, b->mirror, b->used, b->error));
    if (!b->status && !guards_hold(b))
        ctvk_bench_require(b, 0);
}

const float *ctvk_bench_floats(const ctvk_trials *b, const ctvk_span *span)
{
    return (const float *)(b->mirror + span->offset);
}

const float *ctvk_bench_dense(ctvk_trials *b, const ctvk_tensor *tensor, int32_t planar)
{
    float *dense = ctvk_bench_take(b, ctvk_tensor_bytes(tensor) * (tensor->half ? 2 : 1));
    if (dense && tensor->half)
        reorder_words(b, tensor, dense, 0);
    else if (dense)
        reorder(b, tensor, planar, dense, 0);
    return dense ? dense : (const float *)b->host;
}

/* Keeps the case that is nearest to its limit, or furthest beyond. */
static void note(ctvk_trials *b, double error, double limit)
{
    ctvk_trial_result *r = &b->result;
    if (!b->status && (!(r->limit > 0) || error / limit > r->error / r->limit)) {
        r->error = error;
        r->limit = limit;
    }
}

void ctvk_bench_compare(ctvk_trials *b, const float *got, const double *want, size_t count, int by, const double *sizes, double limit)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < count && !b->status; i++) {
        double size = by == CTVK_BY_SIZE ? fmax(sizes[i], 1e-30) : by == CTVK_BY_ONE ? fmax(1, fabs(want[i])) : 1;
        worst = isfinite(got[i]) ? fmax(worst, fabs(got[i] - want[i]) / size) : INFINITY;
        largest = fmax(largest, fabs(want[i]));
    }
    note(b, by == CTVK_BY_LARGEST ? worst / largest : worst, limit);
}

void ctvk_bench_require(ctvk_trials *b, int32_t right)
{
    note(b, right ? 0 : INFINITY, 1e-6);
}
