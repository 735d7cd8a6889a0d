#include "ops/narrow.h"

#include "ops/chunks.h"
#include "params/narrow.h"

_Static_assert(sizeof(struct ctvk_narrow_params) <= 128, "push constants");

enum { LOCAL = 64, WORK = 16 /* of four numbers */ };

/* Mean and scale of every channel. */
static uint64_t stats_bytes(const ctvk_tensor *in)
{
    return (uint64_t)in->c * 2 * sizeof(float);
}

/* The most planes from `plane` on whose words end before the numbers of this plane begin, where these are in one memory. */
static int64_t free_planes(const ctvk_tensor *in, const ctvk_tensor *out, int32_t plane)
{
    uint64_t to = out->offset + (uint64_t)plane * ctvk_tensor_plane_bytes(out), end = in->offset + ctvk_tensor_bytes(in),
             from = in->offset + (uint64_t)plane * ctvk_tensor_plane_bytes(in);
    if (in->buffer != out->buffer || to >= end || out->offset + ctvk_tensor_bytes(out) <= in->offset)
        return in->x;
    return from < to ? 0 : (int64_t)((from - to) / ctvk_tensor_plane_bytes(out));
}

/* Planes [plane, plane + count) of `in`, which fit its binding. */
static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu_pipeline *pipeline, const ctvk_tensor *in, const ctvk_span *stats,
                          const ctvk_tensor *out, int32_t plane, int32_t count, ctvk_error *error)
{
    const int64_t step = (int64_t)CTVK_MAX_GROUPS * LOCAL, all = (int64_t)count * in->c / 4 * in->y * in->z;
    uint32_t from, to;
    ctvk_gpu_bind binds[3] = {ctvk_tensor_bind(in, plane, count, 16, &from),
                              ctvk_tensor_bind(out, plane, count, 16, &to),
                              {stats->buffer, stats->offset, stats_bytes(in)}};
    ctvk_status status = CTVK_OK;
    for (int64_t done = 0; done < all && !status; done += step) {
        int64_t last = all - done < step ? all : done + step;
        struct ctvk_narrow_params p = {(int)from, (int)to, (int)done, (int)last, in->y * in->z, in->c / 4};
        uint32_t groups[3] = {(uint32_t)((last - done + LOCAL - 1) / LOCAL), 1, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 3, &p, sizeof p, groups, (double)WORK * (double)(last - done),
                                       done ? CTVK_GPU_NO_BARRIER : 0, error);
    }
    return status;
}

ctvk_status ctvk_narrow_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats, const ctvk_tensor *out,
                               ctvk_error *error)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int texel = ctvk_prefers_texel(caps);
    uint64_t range = ctvk_source_range(caps, texel);
    ctvk_gpu_pipeline *pipeline = NULL;
    if (!out->half || in->half || out->c % 4 || in->c != out->c || in->x != out->x || in->y != out->y || in->z != out->z ||
        (in->offset | out->offset | stats->offset) % 256 || stats->bytes < stats_bytes(in))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rounding: %d x %d x %d x %d numbers do not fit their tensor (report this)", in->c,
                         in->x, in->y, in->z);
    range = range < caps->max_storage_range ? range : caps->max_storage_range;
    int32_t most = ctvk_planes_per_dispatch(cmd, in, range - caps->storage_alignment, WORK * in->c / 4.0, LOCAL);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "rounding: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller window)", out->y,
                         out->z);
    ctvk_gpu_cmd_operation(cmd, "narrow", 2.0 * in->c * in->x * in->y * in->z,
                           (double)ctvk_tensor_bytes(in) + (double)ctvk_tensor_bytes(out), "%d, %d x %d x %d", in->c, in->x, in->y, in->z);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, texel ? "narrow_texel" : "narrow", NULL, 0, &pipeline, error);
    for (int32_t plane = 0, count; plane < in->x && !status; plane += count) {
        int64_t apart = free_planes(in, out, plane);
        if (apart < 1)
            return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rounding: plane %d would lie over one that is still to be read (report this)",
                             plane);
        count = in->x - plane < most ? in->x - plane : most;
        count = count < apart ? count : (int32_t)apart;
        status = record(cmd, pipeline, in, stats, out, plane, count, error);
    }
    return status;
}
