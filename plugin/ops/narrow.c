#include "ops/narrow.h"

#include "ops/chunks.h"
#include "params/narrow.h"

_Static_assert(sizeof(struct ctvk_narrow_params) <= 128, "push constants");

enum { LOCAL = 64, WORK = 16 /* of four numbers */ };

ctvk_tensor ctvk_narrow_sums(const ctvk_span *scratch, const ctvk_tensor *out, int32_t planes)
{
    return (ctvk_tensor){scratch->buffer, scratch->offset, out->c, planes, out->y, out->z, 0};
}

/* The most planes from `plane` on whose halves end before the numbers of this plane begin, where these are in one memory. */
static int64_t free_planes(const ctvk_tensor *in, const ctvk_tensor *out, int32_t first, int32_t plane)
{
    uint64_t to = out->offset + (uint64_t)(first + plane) * ctvk_tensor_plane_bytes(out), end = in->offset + ctvk_tensor_bytes(in),
             from = in->offset + (uint64_t)plane * ctvk_tensor_plane_bytes(in);
    if (in->buffer != out->buffer || to >= end || out->offset + ctvk_tensor_bytes(out) <= in->offset)
        return in->x;
    return from < to ? 0 : (int64_t)((from - to) / ctvk_tensor_plane_bytes(out));
}

/* Planes [plane, plane + count) of `in`, which fit its binding. */
static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu_pipeline *pipeline, const ctvk_tensor *in, const ctvk_tensor *out, int32_t plane,
                          int32_t count, int32_t first, ctvk_error *error)
{
    const int64_t step = (int64_t)CTVK_MAX_GROUPS * LOCAL, all = (int64_t)count * in->c / 4 * in->y * in->z;
    uint32_t from, to;
    ctvk_gpu_bind binds[2] = {ctvk_tensor_bind(in, plane, count, 16, &from), ctvk_tensor_bind(out, first + plane, count, 16, &to)};
    ctvk_status status = CTVK_OK;
    for (int64_t done = 0; done < all && !status; done += step) {
        int64_t last = all - done < step ? all : done + step;
        struct ctvk_narrow_params p = {(int)from, (int)to, (int)done, (int)last};
        uint32_t groups[3] = {(uint32_t)((last - done + LOCAL - 1) / LOCAL), 1, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 2, &p, sizeof p, groups, (double)WORK * (double)(last - done),
                                       CTVK_GPU_PART | (done ? CTVK_GPU_NO_BARRIER : 0), error);
    }
    return status;
}

ctvk_status ctvk_narrow_planes(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *sums, const ctvk_tensor *out, int32_t first,
                               ctvk_error *error)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int texel = ctvk_prefers_texel(caps);
    uint64_t range = ctvk_source_range(caps, texel);
    ctvk_gpu_pipeline *pipeline = NULL;
    if (!out->half || sums->half || out->c % 4 || sums->c != out->c || sums->y != out->y || sums->z != out->z || first < 0 || sums->x < 1 ||
        sums->x > out->x - first || (sums->offset | out->offset) % 256)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rounding: %d planes do not fit their tensor (report this)", sums->x);
    range = range < caps->max_storage_range ? range : caps->max_storage_range;
    int32_t most = ctvk_planes_per_dispatch(cmd, sums, range - caps->storage_alignment, WORK * sums->c / 4.0, LOCAL);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "rounding: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller window)", out->y,
                         out->z);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, texel ? "narrow_texel" : "narrow", NULL, 0, &pipeline, error);
    for (int32_t plane = 0, count; plane < sums->x && !status; plane += count) {
        int64_t apart = free_planes(sums, out, first, plane);
        if (apart < 1)
            return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rounding: plane %d would lie over one that is still to be read (report this)",
                             plane);
        count = sums->x - plane < most ? sums->x - plane : most;
        count = count < apart ? count : (int32_t)apart;
        status = record(cmd, pipeline, sums, out, plane, count, first, error);
    }
    return status;
}

ctvk_status ctvk_narrow_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_tensor *out, ctvk_error *error)
{
    if (in->x != out->x)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "rounding: %d planes into %d (report this)", in->x, out->x);
    ctvk_gpu_cmd_operation(cmd, "narrow", 0, (double)ctvk_tensor_bytes(in) + (double)ctvk_tensor_bytes(out), "%d, %d x %d x %d", in->c,
                           in->x, in->y, in->z);
    return ctvk_narrow_planes(cmd, gpu, in, out, 0, error);
}
