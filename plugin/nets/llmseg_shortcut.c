#include "nets/llmseg_shortcut.h"

#include "ops/instance_norm.h"

static int32_t planes_of(int32_t c, int32_t x, int32_t y, int32_t z)
{
    return ctvk_planes_at_a_time(c, x, y, z, ctvk_instance_norm_step(x, y, z));
}

uint64_t ctvk_llmseg_shortcut_bytes(const ctvk_value *out)
{
    return (uint64_t)out->c * (uint64_t)planes_of(out->c, out->x, out->y, out->z) * (uint64_t)out->y * (uint64_t)out->z * sizeof(float);
}

/* Planes [first, first + count) of a tensor. */
static ctvk_tensor part_of(const ctvk_tensor *tensor, int32_t first, int32_t count)
{
    ctvk_tensor part = *tensor;
    part.offset += (uint64_t)first * ctvk_tensor_plane_bytes(tensor);
    part.x = count;
    return part;
}

/* add: to out, else into the statistics. */
static ctvk_status record_part(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_llmseg_shortcut *job, int32_t first, int32_t count, int add,
                               ctvk_error *error)
{
    const ctvk_tensor *out = job->out, in = part_of(job->in, 2 * first, 2 * count), to = part_of(out, first, count),
                      shortcut = {job->scratch->buffer, job->scratch->offset, out->c, count, out->y, out->z, 0};
    ctvk_status status = ctvk_conv3d_record(cmd, gpu, job->conv, &in, NULL, job->weights, NULL, &shortcut, error);
    if (status == CTVK_OK && !add)
        status = ctvk_instance_norm_part(cmd, gpu, &shortcut, first, out->x, job->shortcut_stats, error);
    if (status == CTVK_OK && add)
        status = ctvk_instance_norm_apply(cmd, gpu, &to, job->stats, &shortcut, job->shortcut_stats, &to, error);
    return status;
}

ctvk_status ctvk_llmseg_shortcut_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_llmseg_shortcut *job, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    int32_t planes = planes_of(out->c, out->x, out->y, out->z);
    ctvk_status status = CTVK_OK;
    for (int add = 0; add < 2 && status == CTVK_OK; add++) {
        for (int32_t first = 0; first < out->x && status == CTVK_OK; first += planes)
            status = record_part(cmd, gpu, job, first, out->x - first < planes ? out->x - first : planes, add, error);
        if (status == CTVK_OK && !add)
            status = ctvk_instance_norm_end(cmd, gpu, out->c, out->x, out->y, out->z, job->shortcut_stats, error);
    }
    return status;
}
