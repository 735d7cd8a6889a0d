/* The first block's shortcut, normalised and added without ever being stored. */
#include "ops/instance_norm.h"
#include "params/instance_norm.h"

_Static_assert(sizeof(struct ctvk_instance_norm_planar_stats_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_instance_norm_planar_apply_params) <= 128, "push constants");

enum {
    APPLY_VOXELS = 256,   /* of one workgroup */
    STATS_GROUPS = 4,     /* channel groups of one workgroup */
    MOST_VOXELS = 1 << 21 /* of a plane: shaders/common/planar_shortcut.glsl */
};

typedef struct job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_planar_shortcut *shortcut;
    ctvk_tensor in; /* planes two at a time: as many as out has, each with the channels of both */
    const ctvk_span *weights, *own_stats, *out_stats;
    const ctvk_tensor *out;
} job;

uint64_t ctvk_planar_shortcut_weight_bytes(const ctvk_planar_shortcut *shortcut)
{
    return (uint64_t)shortcut->in * (uint64_t)shortcut->out * sizeof(float);
}

void ctvk_planar_shortcut_pack(const ctvk_planar_shortcut *shortcut, const float *weights, void *packed)
{
    float *to = packed;
    for (int32_t group = 0; group < shortcut->out; group += 4)
        for (int32_t i = 0; i < shortcut->in; i++)
            for (int32_t o = 0; o < 4; o++)
                *to++ = weights[(uint64_t)(group + o) * (uint64_t)shortcut->in + (uint64_t)i];
}

static ctvk_status check(const job *j, const ctvk_tensor *in, ctvk_error *error)
{
    const ctvk_tensor *out = j->out;
    uint64_t finals = (uint64_t)out->c * 2 * sizeof(float);
    const char *why = NULL;
    if (j->shortcut->in < 1 || j->shortcut->out < 4 || j->shortcut->out % 4 || in->c != j->shortcut->in || out->c != j->shortcut->out ||
        in->half || out->half)
        why = "the channels or the precision do not fit";
    else if (out->x < 1 || out->y < 1 || out->z < 1 || in->x != 2 * out->x || in->y != 2 * out->y || in->z != 2 * out->z)
        why = "the input is not twice the output";
    else if (j->weights->bytes < ctvk_planar_shortcut_weight_bytes(j->shortcut) || j->out_stats->bytes < finals ||
             j->own_stats->bytes < ctvk_instance_norm_scratch_bytes(j->gpu, out->c, out->x, out->y, out->z) ||
             (in->offset | out->offset | j->weights->offset | j->out_stats->offset | j->own_stats->offset) % 256)
        why = "the weights or the statistics are too short, or out of line";
    return why ? ctvk_fail(error, CTVK_ERROR_INTERNAL, "shortcut of the first block: %s (report this)", why) : CTVK_OK;
}

static ctvk_status too_large(const job *j, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                     "shortcut of the first block: planes of %d x %d voxels with %d channels are larger than the device's buffer binding "
                     "(use a smaller window)",
                     j->out->y, j->out->z, j->out->c);
}

static struct ctvk_planar_shortcut_params params_of(const job *j)
{
    return (struct ctvk_planar_shortcut_params){j->in.y * j->in.z, j->in.z, j->out->z, 1.0f / (float)j->out->z};
}

/* Floats from one plane of the output to the next, of the input. */
static int32_t step_of(const job *j)
{
    return (int32_t)(ctvk_tensor_plane_bytes(&j->in) / sizeof(float));
}

static uint64_t storage_range(const job *j)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(j->gpu);
    return caps->max_storage_range - caps->storage_alignment;
}

/* Sum, difference, square and sum of squares, and the product itself. */
static ctvk_status record_stats(const job *j, ctvk_error *error)
{
    const ctvk_tensor *out = j->out;
    ctvk_chunks chunks = ctvk_instance_norm_chunks(j->gpu, out->c, out->x, out->y, out->z);
    double work = (12.0 + 4 * j->shortcut->in) * out->c / 4, numbers = (double)out->c * out->x * out->y * out->z;
    uint32_t channels = (uint32_t)j->shortcut->in;
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = ctvk_gpu_pipeline_get(j->gpu, "instance_norm_planar_stats", &channels, 1, &pipeline, error);
    /* The input's planes have four times the voxels. */
    int32_t most = status ? 1 : ctvk_chunks_runs_per_dispatch(&chunks, j->cmd, &j->in, storage_range(j), work / 4);
    if (most < 1 || (int64_t)out->y * out->z > MOST_VOXELS)
        return too_large(j, error);
    ctvk_gpu_cmd_operation(j->cmd, "instance_norm_stats", (4 + 2.0 * j->shortcut->in) * numbers, (double)ctvk_tensor_bytes(&j->in) / 8,
                           "%d, %d x %d x %d, of the first shortcut", out->c, out->x, out->y, out->z);
    for (int32_t run = 0, count; run < chunks.runs && !status; run += count) {
        struct ctvk_instance_norm_planar_stats_params p = {.groups = out->c / 4, .shortcut = params_of(j)};
        uint32_t base, groups[3] = {0, ((uint32_t)out->c / 4 + STATS_GROUPS - 1) / STATS_GROUPS, 1};
        count = chunks.runs - run < most ? chunks.runs - run : most;
        (void)ctvk_chunks_bind(&chunks, out, run, count, &p.chunk, &groups[0]);
        ctvk_gpu_bind binds[3] = {ctvk_tensor_bind(&j->in, run * chunks.run_planes, p.chunk.planes, sizeof(float), &base),
                                  ctvk_span_bind(j->weights), ctvk_span_bind(j->own_stats)};
        p.chunk.base = (int32_t)base;
        p.chunk.plane = step_of(j);
        status = ctvk_gpu_cmd_dispatch(j->cmd, pipeline, binds, 3, &p, sizeof p, groups, work * p.chunk.planes * p.chunk.area, 0, error);
    }
    return status ? status : ctvk_instance_norm_merge(j->cmd, j->gpu, out->c, chunks.count, j->own_stats, error);
}

/* The most planes of one dispatch. */
static int32_t planes_of_apply(const job *j, int texel, double work)
{
    uint64_t range = ctvk_source_range(ctvk_gpu_get_caps(j->gpu), texel);
    range = range < storage_range(j) ? range : storage_range(j);
    int32_t most = ctvk_planes_per_dispatch(j->cmd, j->out, range, work, APPLY_VOXELS), of_in = ctvk_tensor_max_planes(&j->in, range);
    return most < of_in ? most : of_in;
}

/* Difference and factor for each input, their sum, the slope. The product is counted once, with the statistics. */
static ctvk_status record_apply(const job *j, ctvk_error *error)
{
    const ctvk_tensor *out = j->out;
    int texel = ctvk_prefers_texel(ctvk_gpu_get_caps(j->gpu));
    const char *shader = texel ? "instance_norm_planar_apply_texel" : "instance_norm_planar_apply";
    uint32_t constants[2] = {(uint32_t)j->shortcut->in, (uint32_t)out->c / 4 * 2};
    uint64_t finals = (uint64_t)constants[1] * 16;
    double work = (16.0 + 4 * j->shortcut->in) * out->c / 4, numbers = (double)out->c * out->x * out->y * out->z;
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = ctvk_gpu_pipeline_get(j->gpu, shader, constants, 2, &pipeline, error);
    int32_t most = status ? 1 : planes_of_apply(j, texel, work);
    if (most < 1)
        return too_large(j, error);
    ctvk_gpu_cmd_operation(j->cmd, "instance_norm_apply", 6 * numbers,
                           2 * (double)ctvk_tensor_bytes(out) + (double)ctvk_tensor_bytes(&j->in) / 8,
                           "%d, %d x %d x %d, with the first shortcut", out->c, out->x, out->y, out->z);
    for (int32_t first = 0, count; first < out->x && !status; first += count) {
        uint32_t base, in_base;
        count = out->x - first < most ? out->x - first : most;
        ctvk_gpu_bind planes = ctvk_tensor_bind(out, first, count, 16, &base);
        ctvk_gpu_bind binds[6] = {planes,
                                  {j->out_stats->buffer, j->out_stats->offset, finals},
                                  planes,
                                  {j->own_stats->buffer, j->own_stats->offset, finals},
                                  ctvk_tensor_bind(&j->in, first, count, sizeof(float), &in_base),
                                  ctvk_span_bind(j->weights)};
        struct ctvk_instance_norm_planar_apply_params p = {.base = (int)base,
                                                           .plane = out->c / 4 * out->y * out->z,
                                                           .area = out->y * out->z,
                                                           .voxels = count * out->y * out->z,
                                                           .groups = out->c / 4,
                                                           .shortcut_base = (int)in_base,
                                                           .shortcut_plane = step_of(j),
                                                           .shortcut = params_of(j)};
        uint32_t groups[3] = {((uint32_t)p.voxels + APPLY_VOXELS - 1) / APPLY_VOXELS, 1, 1};
        status = ctvk_gpu_cmd_dispatch(j->cmd, pipeline, binds, 6, &p, sizeof p, groups, work * p.voxels, 0, error);
    }
    return status;
}

ctvk_status ctvk_planar_shortcut_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_planar_shortcut *shortcut, const ctvk_tensor *in,
                                        const ctvk_span *weights, const ctvk_span *own_stats, const ctvk_tensor *out,
                                        const ctvk_span *out_stats, ctvk_error *error)
{
    job j = {.cmd = cmd,
             .gpu = gpu,
             .shortcut = shortcut,
             .in = {in->buffer, in->offset, 2 * in->c, in->x / 2, in->y, in->z, 0},
             .weights = weights,
             .own_stats = own_stats,
             .out_stats = out_stats,
             .out = out};
    ctvk_status status = check(&j, in, error);
    status = status ? status : record_stats(&j, error);
    return status ? status : record_apply(&j, error);
}
