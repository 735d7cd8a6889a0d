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
