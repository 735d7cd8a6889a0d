#include "ops/chunks.h"

ctvk_chunks ctvk_chunks_cut(int32_t c, int32_t x, int32_t y, int32_t z, int32_t wanted)
{
    int32_t area = y * z;
    ctvk_chunks k = {1, 1, 0, 0, 0};
    (void)c;
    if (wanted >= area)
        k.run_planes = wanted / area < x ? wanted / area : x;
    else
        k.parts = (area + wanted - 1) / wanted;
    int64_t part = ((int64_t)k.run_planes * area + k.parts - 1) / k.parts;
    k.part_voxels = (int32_t)((part + 63) / 64 * 64);
    k.parts = (int32_t)(((int64_t)k.run_planes * area + k.part_voxels - 1) / k.part_voxels);
    k.runs = (x + k.run_planes - 1) / k.run_planes;
    k.count = k.runs * k.parts;
    return k;
}

static int32_t within(double value, int32_t most)
{
    return value < 1 ? 1 : value > most ? most : (int32_t)value;
}

int32_t ctvk_chunks_runs_per_dispatch(const ctvk_chunks *chunks, const ctvk_gpu_cmd *cmd, const ctvk_tensor *tensor, uint64_t range,
                                      double work_per_voxel)
{
    double run_work = work_per_voxel * chunks->run_planes * tensor->y * tensor->z;
    int32_t fit = ctvk_tensor_max_planes(tensor, range);
    /* All planes fit where the last run is short. */
    fit = fit == tensor->x ? chunks->runs : fit / chunks->run_planes;
    int32_t runs = within(ctvk_gpu_cmd_work_limit(cmd) / run_work, chunks->runs);
    runs = runs > CTVK_MAX_GROUPS / chunks->parts ? CTVK_MAX_GROUPS / chunks->parts : runs;
    return runs < fit ? runs : fit;
}

ctvk_gpu_bind ctvk_chunks_bind(const ctvk_chunks *chunks, const ctvk_tensor *tensor, int32_t first, int32_t count,
                               struct ctvk_chunk_params *params, uint32_t *groups)
{
    uint32_t base = 0;
    int32_t plane = first * chunks->run_planes, planes = count * chunks->run_planes;
    planes = planes < tensor->x - plane ? planes : tensor->x - plane;
    ctvk_gpu_bind bind = ctvk_tensor_bind(tensor, plane, planes, 16, &base);
    *params = (struct ctvk_chunk_params){.base = (int)base,
                                         .plane = tensor->c / 4 * tensor->y * tensor->z,
                                         .area = tensor->y * tensor->z,
                                         .planes = planes,
                                         .run_planes = chunks->run_planes,
                                         .parts = chunks->parts,
                                         .part_voxels = chunks->part_voxels,
                                         .first = first * chunks->parts};
    *groups = (uint32_t)(count * chunks->parts);
    return bind;
}

int32_t ctvk_planes_per_dispatch(const ctvk_gpu_cmd *cmd, const ctvk_tensor *tensor, uint64_t range, double work_per_voxel,
                                 int32_t voxels_per_group)
{
    double area = (double)tensor->y * tensor->z, most = (double)CTVK_MAX_GROUPS * voxels_per_group / area;
    double planes = ctvk_gpu_cmd_work_limit(cmd) / (work_per_voxel * area);
    int32_t fit = ctvk_tensor_max_planes(tensor, range);
    return fit < 1 ? 0 : within(planes < most ? planes : most, fit);
}

int ctvk_prefers_texel(const ctvk_gpu_caps *caps)
{
    return caps->is_cpu && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22;
}

uint64_t ctvk_source_range(const ctvk_gpu_caps *caps, int texel)
{
    return texel ? caps->max_texel_elements * 16 : caps->max_storage_range;
}
