/* support/ops_case.h - records one operation, waits for it, and compares; limits of a device made smaller so that ops must split. */
#ifndef CTVK_TESTS_OPS_CASE_H
#define CTVK_TESTS_OPS_CASE_H

#include "support/conv_case.h"
#include "support/gpu_open.h"

#include <math.h>

typedef ctvk_status (*ops_record_fn)(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error);

static inline ctvk_status ops_run(ctvk_gpu *gpu, ops_record_fn record, void *user, ctvk_error *error)
{
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, error);
    if (!status)
        status = record(cmd, gpu, user, error);
    if (!status)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}

/* From here on the device offers `range` bytes of one binding and wants `work` in one submission; 0: as it is. */
static inline void ops_squeeze(ctvk_gpu *gpu, uint64_t range, double work)
{
    if (range) {
        gpu->caps.max_storage_range = range;
        if (gpu->caps.max_texel_elements > range / 16)
            gpu->caps.max_texel_elements = range / 16;
    }
    if (work > 0)
        gpu->budget = work;
}

enum { OPS_GUARD = 1024 };

/* A span between two guard bands of at least 1 KiB. All bytes are 0xff (every float a NaN) but the content, which may be NULL. */
static inline int ops_span_create(ctvk_gpu *gpu, ctvk_span *span, uint64_t bytes, const void *content)
{
    ctvk_error error = {0};
    if (!conv_span_create(gpu, span, (bytes + 15) / 16 * 16 + 2 * OPS_GUARD, NULL))
        return 0;
    span->offset = OPS_GUARD;
    span->bytes = bytes;
    return !content || ctvk_gpu_upload(span->buffer, OPS_GUARD, content, bytes, &error) == CTVK_OK;
}

/* Non-zero where every byte around the span is as it was made. */
static inline int ops_span_guards_hold(const ctvk_span *span)
{
    ctvk_error error = {0};
    uint64_t all = span->buffer->bytes;
    unsigned char *bytes = malloc(all);
    int hold = bytes && ctvk_gpu_download(span->buffer, 0, bytes, all, &error) == CTVK_OK;
    for (uint64_t i = 0; hold && i < all; i++)
        hold = (i >= span->offset && i < span->offset + span->bytes) || bytes[i] == 0xff;
    free(bytes);
    return hold;
}

/* Every mask of gpu.h that an op of this room can see, and a device that is no software driver (OPS_AS_GPU, a bit of this file): what a
 * GPU would take, on the driver at hand. */
enum { OPS_AS_GPU = 1 << 30 };
static const uint32_t ops_masks[] = {0,
                                     CTVK_GPU_NO_TEXEL,
                                     CTVK_GPU_NO_BUFFER_ADDRESS,
                                     CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_NO_FP16 | CTVK_GPU_NO_16BIT |
                                         CTVK_GPU_NO_8BIT | CTVK_GPU_NO_INT64 | CTVK_GPU_NO_MAPPING,
                                     CTVK_GPU_MIN_LIMITS,
                                     OPS_AS_GPU,
                                     OPS_AS_GPU | CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_BUFFER_ADDRESS};
enum { OPS_MASKS = sizeof ops_masks / sizeof *ops_masks };

static inline ctvk_gpu *ops_open(uint32_t mask)
{
    ctvk_gpu *gpu = open_gpu(mask & ~(uint32_t)OPS_AS_GPU);
    if (mask & OPS_AS_GPU)
        gpu->caps.is_cpu = 0;
    return gpu;
}

/* Random numbers in [-scale, scale), room for at least 64 so that a span of them may be uploaded whole. */
static inline float *ops_random(size_t count, uint32_t seed, double scale)
{
    float *array = conv_random_array(count < 64 ? 64 : count, seed);
    for (size_t i = 0; array && i < count; i++)
        array[i] *= (float)scale;
    return array;
}

/* Largest |got - want| / max(1, |want|); 1e30 where a number is not finite. */
static inline double ops_worst(const float *got, const double *want, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(got[i]))
            return 1e30;
        worst = fmax(worst, fabs(got[i] - want[i]) / fmax(1, fabs(want[i])));
    }
    return worst;
}

#endif
