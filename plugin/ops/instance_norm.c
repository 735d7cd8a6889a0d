#include "ops/instance_norm.h"

#include "params/instance_norm.h"

_Static_assert(sizeof(struct ctvk_instance_norm_stats_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_instance_norm_apply_params) <= 128, "push constants");

enum {
    CHUNK_VOXELS = 4096,
    CPU_CHUNK_VOXELS = 16384, /* few cores need few chunks, and barriers, by which lanes merge, are dear there */
    APPLY_VOXELS = 256        /* of one workgroup */
};

static uint64_t final_bytes(int32_t c)
{
    return (uint64_t)c / 4 * 2 * 16;
}

ctvk_chunks ctvk_instance_norm_chunks(const ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z)
{
    return ctvk_chunks_cut(c, x, y, z, ctvk_gpu_get_caps(gpu)->is_cpu ? CPU_CHUNK_VOXELS : CHUNK_VOXELS);
}

/* Of the final statistics and so many parts. */
static uint64_t bytes_of(int32_t c, int64_t parts)
{
    return final_bytes(c) + (uint64_t)parts * (uint64_t)(c / 4) * 3 * 16;
}

uint64_t ctvk_instance_norm_scratch_bytes(const ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z)
{
    return bytes_of(c, ctvk_instance_norm_chunks(gpu, c, x, y, z).count);
}

/* How many runs of so many parts are merged before the last step; 0: that takes them all. */
static int32_t runs_of(int32_t parts)
{
    return parts > CTVK_INSTANCE_NORM_RUN ? (parts - 1) / CTVK_INSTANCE_NORM_RUN + 1 : 0;
}

uint64_t ctvk_instance_norm_parts_bytes(int32_t c, int32_t parts)
{
    return bytes_of(c, (int64_t)parts + runs_of(parts));
}

static ctvk_status too_large(const ctvk_tensor *t, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                     "instance norm: planes of %d x %d voxels with %d channels are larger than the device's buffer binding (use a smaller "
                     "window)",
                     t->y, t->z, t->c);
}

static ctvk_status check(const ctvk_tensor *in, const ctvk_span *stats, ctvk_error *error)
{
    if (in->half || in->c < 4 || in->c % 4 || in->x < 1 || in->y < 1 || in->z < 1 || in->offset % 256 || stats->offset % 256 ||
        stats->bytes < final_bytes(in->c))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "instance norm: tensor %d x %d x %d x %d does not fit its statistics (report this)",
                         in->c, in->x, in->y, in->z);
    return CTVK_OK;
}

/* runs: 0 for the last step. */
static ctvk_status merge(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t first, int32_t parts, int32_t runs, const ctvk_span *stats,
                         ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_gpu_bind bind = ctvk_span_bind(stats);
    struct ctvk_instance_norm_merge_params p = {c / 4, first, parts};
    uint32_t groups[3] = {(uint32_t)c / 4, runs ? (uint32_t)runs : 1, 1};
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, runs ? "instance_norm_gather" : "instance_norm_merge", NULL, 0, &pipeline, error);
    return status ? status : ctvk_gpu_cmd_dispatch(cmd, pipeline, &bind, 1, &p, sizeof p, groups, 24.0 * c / 4 * parts, 0, error);
}

ctvk_status ctvk_instance_norm_merge(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t chunks, const ctvk_span *stats, ctvk_error *error)
{
    return merge(cmd, gpu, c, 0, chunks, 0, stats, error);
}

/* What the plain algorithm computes is told by the operation that leaves the parts. */
ctvk_status ctvk_instance_norm_merge_parts(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t c, int32_t x, int32_t y, int32_t z, int32_t parts,
                                           const ctvk_span *stats, ctvk_error *error)
{
    int32_t runs = runs_of(parts);
    ctvk_status status = CTVK_OK;
    if (c < 4 || c % 4 || parts < 1 || stats->offset % 256 || stats->bytes < ctvk_instance_norm_parts_bytes(c, parts))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "instance norm: %d parts of %d channels do not fit (report this)", parts, c);
    ctvk_gpu_cmd_operation(cmd, "instance_norm_stats", 0, (double)bytes_of(c, parts), "%d, %d x %d x %d, %d parts", c, x, y, z, parts);
    if (runs)
        status = merge(cmd, gpu, c, 0, parts, runs, stats, error);
    return status ? status : merge(cmd, gpu, c, runs ? parts : 0, runs ? runs : parts, 0, stats, error);
}

ctvk_status ctvk_instance_norm_stats(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats, ctvk_error *error)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int texel = ctvk_prefers_texel(caps);
    const char *shader = texel ? "instance_norm_stats_texel" : "instance_norm_stats";
    ctvk_chunks chunks = ctvk_instance_norm_chunks(gpu, in->c, in->x, in->y, in->z);
    double work = 12.0 * in->c / 4; /* of a voxel */
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = check(in, stats, error);
    if (!status && stats->bytes < ctvk_instance_norm_scratch_bytes(gpu, in->c, in->x, in->y, in->z))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "instance norm: the statistics are too short (report this)");
    if (!status)
        status = ctvk_gpu_pipeline_get(gpu, shader, NULL, 0, &pipeline, error);
    int32_t most = status ? 1 : ctvk_chunks_runs_per_dispatch(&chunks, cmd, in, ctvk_source_range(caps, texel), work);
    if (most < 1)
        return too_large(in, error);
    /* Sum, difference, square and sum of squares. */
    double bytes = (double)ctvk_tensor_bytes(in), numbers = (double)in->c * in->x * in->y * in->z;
    ctvk_gpu_cmd_operation(cmd, "instance_norm_stats", 4 * numbers, bytes, "%d, %d x %d x %d", in->c, in->x, in->y, in->z);
    for (int32_t run = 0, count; run < chunks.runs && !status; run += count) {
        count = chunks.runs - run < most ? chunks.runs - run : most;
        struct ctvk_instance_norm_stats_params p = {.groups = in->c / 4};
        uint32_t groups[3] = {0, (uint32_t)in->c / 4, 1};
        ctvk_gpu_bind binds[2] = {ctvk_chunks_bind(&chunks, in, run, count, &p.chunk, &groups[0]), ctvk_span_bind(stats)};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 2, &p, sizeof p, groups, work * p.chunk.planes * p.chunk.area, 0, error);
    }
    return status ? status : ctvk_instance_norm_merge(cmd, gpu, in->c, chunks.count, stats, error);
}

static ctvk_status check_same(const ctvk_tensor *a, const ctvk_tensor *b, ctvk_error *error)
{
    if (a->c != b->c || a->x != b->x || a->y != b->y || a->z != b->z || b->half || b->offset % 256)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "instance norm: tensors %d x %d x %d x %d and %d x %d x %d x %d differ (report this)",
                         a->c, a->x, a->y, a->z, b->c, b->x, b->y, b->z);
    return CTVK_OK;
}

ctvk_status ctvk_instance_norm_apply(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *in, const ctvk_span *stats,
                                     const ctvk_tensor *shortcut, const ctvk_span *shortcut_stats, const ctvk_tensor *out,
                                     ctvk_error *error)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int texel = ctvk_prefers_texel(caps);
    static const char *const names[2][2] = {{"instance_norm_apply", "instance_norm_apply_add"},
                                            {"instance_norm_apply_texel", "instance_norm_apply_add_texel"}};
    uint32_t constant = (uint32_t)in->c / 4 * 2;
    double work = (shortcut ? 16.0 : 10.0) * in->c / 4;
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = check(in, stats, error);
    if (!status)
        status = check_same(in, out, error);
    if (!status && shortcut)
        status = check(shortcut, shortcut_stats, error);
    if (!status && shortcut)
        status = check_same(in, shortcut, error);
    if (!status)
        status = ctvk_gpu_pipeline_get(gpu, names[texel][shortcut != NULL], &constant, 1, &pipeline, error);
    /* The written tensor is always a storage binding. */
    uint64_t range = ctvk_source_range(caps, texel);
    range = range < caps->max_storage_range ? range : caps->max_storage_range;
    int32_t most = status ? 1 : ctvk_planes_per_dispatch(cmd, in, range - caps->storage_alignment, work, APPLY_VOXELS);
    if (most < 1)
        return too_large(in, error);
    /* Difference and factor for each input, their sum, the slope. */
    double bytes = (double)ctvk_tensor_bytes(in), numbers = (double)in->c * in->x * in->y * in->z;
    ctvk_gpu_cmd_operation(cmd, "instance_norm_apply", (shortcut ? 6 : 3) * numbers, (shortcut ? 3 : 2) * bytes, "%d, %d x %d x %d%s",
                           in->c, in->x, in->y, in->z, shortcut ? ", with shortcut" : "");
    for (int32_t first = 0, count; first < in->x && !status; first += count) {
        count = in->x - first < most ? in->x - first : most;
        uint32_t in_base, out_base, shortcut_base = 0;
        ctvk_gpu_bind binds[5] = {{0}};
        binds[0] = ctvk_tensor_bind(in, first, count, 16, &in_base);
        binds[1] = (ctvk_gpu_bind){stats->buffer, stats->offset, final_bytes(in->c)};
        binds[2] = ctvk_tensor_bind(out, first, count, 16, &out_base);
        if (shortcut) {
            binds[3] = ctvk_tensor_bind(shortcut, first, count, 16, &shortcut_base);
            binds[4] = (ctvk_gpu_bind){shortcut_stats->buffer, shortcut_stats->offset, final_bytes(in->c)};
        }
        struct ctvk_instance_norm_apply_params p = {.in_base = (int)in_base,
                                                    .shortcut_base = (int)shortcut_base,
                                                    .out_base = (int)out_base,
                                                    .plane = in->c / 4 * in->y * in->z,
                                                    .area = in->y * in->z,
                                                    .voxels = count * in->y * in->z};
        uint32_t groups[3] = {((uint32_t)p.voxels + APPLY_VOXELS - 1) / APPLY_VOXELS, (uint32_t)in->c / 4, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, shortcut ? 5 : 3, &p, sizeof p, groups, work * p.voxels, 0, error);
    }
    return status;
}
