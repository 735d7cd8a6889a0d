#include "support/conv_case.h"
#include "ref/narrow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 1024 };
#define GUARD_WORD 0x7fc0beefu /* a NaN: a shader that reads the guard spoils its result */

static int report(const char *what, ctvk_status status, const ctvk_error *error)
{
    if (status) {
        fprintf(stderr, "%s: %s\n", what, error->message);
    }
    return status == CTVK_OK;
}

int conv_device_open(conv_device *device, uint32_t disable)
{
    ctvk_error error = {0};
    ctvk_gpu_options options = {.disable = disable};
    memset(device, 0, sizeof *device);
    return report("instance", ctvk_gpu_instance_create(0, 0, &device->instance, &error), &error) &&
           report("device", ctvk_gpu_create(device->instance, 0, &options, &device->gpu, &error), &error);
}

void conv_device_close(conv_device *device)
{
    ctvk_gpu_destroy(&device->gpu);
    ctvk_gpu_instance_destroy(&device->instance);
}

float conv_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)(*state >> 8 << 8) * (1.0f / 2147483648.0f);
}

float *conv_random_array(size_t count, uint32_t seed)
{
    float *array = malloc((count ? count : 1) * sizeof(float));
    for (size_t i = 0; array && i < count; i++) {
        array[i] = conv_random(&seed);
    }
    return array;
}

int conv_span_create(ctvk_gpu *gpu, ctvk_span *span, uint64_t bytes, const void *content)
{
    ctvk_error error = {0};
    memset(span, 0, sizeof *span);
    bytes = bytes < 256 ? 256 : bytes;
    if (!report("buffer", ctvk_gpu_buffer_create(gpu, bytes, CTVK_GPU_MEMORY_DEVICE, "test", &span->buffer, &error), &error)) {
        return 0;
    }
    span->bytes = bytes;
    if (content) {
        return report("upload", ctvk_gpu_upload(span->buffer, 0, content, bytes, &error), &error);
    }
    void *poison = malloc(bytes);
    if (!poison) {
        return 0;
    }
    memset(poison, 0xff, bytes); /* every float is NaN */
    ctvk_status status = ctvk_gpu_upload(span->buffer, 0, poison, bytes, &error);
    free(poison);
    return report("upload", status, &error);
}

int conv_tensor_create(ctvk_gpu *gpu, conv_tensor *t, int c, int x, int y, int z, int planar)
{
    return conv_tensor_create_as(gpu, t, 0, c, x, y, z, planar);
}

int conv_tensor_create_as(ctvk_gpu *gpu, conv_tensor *t, int half, int c, int x, int y, int z, int planar)
{
    ctvk_span span;
    ctvk_tensor tensor = {0, GUARD, c, x, y, z, half};
    uint64_t bytes = ctvk_tensor_bytes(&tensor) + 2 * GUARD;
    memset(t, 0, sizeof *t);
    t->planar = planar;
    int ok = conv_span_create(gpu, &span, bytes, 0);
    tensor.buffer = span.buffer;
    t->tensor = tensor;
    uint32_t guard[GUARD / 4];
    for (int i = 0; i < GUARD / 4; i++) {
        guard[i] = GUARD_WORD;
    }
    ctvk_error error = {0};
    return ok && report("guard", ctvk_gpu_upload(span.buffer, 0, guard, GUARD, &error), &error) &&
           report("guard", ctvk_gpu_upload(span.buffer, bytes - GUARD, guard, GUARD, &error), &error);
}

float *conv_stored_stats(float *dense, int c, size_t voxels)
{
    float *stats = conv_random_array((size_t)c * 2, 17);
    for (int i = 0; i < c * 2; i++) {
        stats[i] = i % 8 < 4 ? stats[i] : 1.5f + stats[i];
    }
    ref_restored(dense, stats, c, voxels);
    return stats;
}

void conv_tensor_destroy(conv_tensor *t)
{
    ctvk_gpu_buffer_destroy(&t->tensor.buffer);
}

/* Place of an element in the device's layout (ops/tensor.h). */
static size_t place(const conv_tensor *t, int c, int x, int y, int z)
{
    const ctvk_tensor *s = &t->tensor;
    if (t->planar) {
        return (((size_t)x * s->c + c) * s->y + y) * s->z + z;
    }
    return ((((size_t)x * (s->c / 4) + c / 4) * s->y + y) * s->z + z) * 4 + c % 4;
}

/* to_device: lies[place] = dense[...]; else the other way. */
static void reorder(const conv_tensor *t, float *dense, float *lies, int to_device)
{
    const ctvk_tensor *s = &t->tensor;
    for (int c = 0; c < s->c; c++) {
        for (int x = 0; x < s->x; x++) {
            for (int y = 0; y < s->y; y++) {
                for (int z = 0; z < s->z; z++, dense++) {
                    float *cell = lies + place(t, c, x, y, z);
                    *(to_device ? cell : dense) = *(to_device ? dense : cell);
                }
            }
        }
    }
}

/* The same where numbers have 16 bits: lies are the words of four channels. */
static void reorder_words(const ctvk_tensor *s, float *dense, uint32_t *lies, int to_device)
{
    size_t area = (size_t)s->y * s->z, voxels = s->x * area, groups = s->c / 4;
    for (size_t i = 0; i < groups * voxels; i++, lies += 2) {
        float *first = dense + i / area % groups * 4 * voxels + i / area / groups * area + i % area, four[4];
        for (size_t k = 0; k < 4; k++) {
            four[k] = first[k * voxels];
        }
        if (to_device) {
            ref_narrow(four, lies);
            continue;
        }
        ref_widen(lies, four);
        for (size_t k = 0; k < 4; k++) {
            first[k * voxels] = four[k];
        }
    }
}

static void arrange(const conv_tensor *t, float *dense, void *lies, int to_device)
{
    if (t->tensor.half) {
        reorder_words(&t->tensor, dense, lies, to_device);
    } else {
        reorder(t, dense, lies, to_device);
    }
}

static size_t elements(const ctvk_tensor *s)
{
    return (size_t)s->c * s->x * s->y * s->z;
}

int conv_tensor_write(conv_tensor *t, const float *dense)
{
    size_t bytes = elements(&t->tensor) * 4;
    float *lies = malloc(bytes), *copy = malloc(bytes);
    ctvk_error error = {0};
    ctvk_status status = CTVK_ERROR_HOST_MEMORY;
    if (lies && copy) {
        memcpy(copy, dense, bytes);
        arrange(t, copy, lies, 1);
        status = ctvk_gpu_upload(t->tensor.buffer, t->tensor.offset, lies, ctvk_tensor_bytes(&t->tensor), &error);
    }
    free(lies);
    free(copy);
    return report("upload", status, &error);
}

int conv_tensor_read(const conv_tensor *t, float *dense)
{
    size_t bytes = elements(&t->tensor) * 4;
    float *lies = malloc(bytes);
    ctvk_error error = {0};
    ctvk_status status = CTVK_ERROR_HOST_MEMORY;
    if (lies) {
        status = ctvk_gpu_download(t->tensor.buffer, t->tensor.offset, lies, ctvk_tensor_bytes(&t->tensor), &error);
        arrange(t, dense, lies, 0);
    }
    free(lies);
    return report("download", status, &error);
}

int conv_tensor_guards_hold(const conv_tensor *t)
{
    uint32_t guard[2][GUARD / 4];
    ctvk_error error = {0};
    uint64_t end = t->tensor.offset + ctvk_tensor_bytes(&t->tensor);
    int ok = report("guard", ctvk_gpu_download(t->tensor.buffer, 0, guard[0], GUARD, &error), &error) &&
             report("guard", ctvk_gpu_download(t->tensor.buffer, end, guard[1], GUARD, &error), &error);
    for (int i = 0; i < GUARD / 4; i++) {
        ok = ok && guard[0][i] == GUARD_WORD && guard[1][i] == GUARD_WORD;
    }
    return ok;
}

double conv_worst(const float *got, const double *want, size_t count)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(got[i])) {
            return 1e30;
        }
        worst = fmax(worst, fabs(got[i] - want[i]));
        largest = fmax(largest, fabs(want[i]));
    }
    return worst / largest;
}
