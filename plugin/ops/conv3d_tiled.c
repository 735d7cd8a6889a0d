/* Convolution on GPUs: bricks of voxels through shared memory, all input and output channels of a brick of planes in one dispatch; by
 * multiply-adds (shaders/conv3d_tiled.comp) or by cooperative matrices (shaders/conv3d_cooperative.comp). */
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"
#include "params/conv3d.h"

enum { LANES = 64, SUBGROUPS = 4, MAX_GROUPS = 65535, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS, BINDINGS = 4 };
/* More would not be merged in two steps: a row of workgroups each of a run (shaders/params/instance_norm.h). */
enum { MOST_PARTS = 1 << 24 };
_Static_assert(sizeof(struct ctvk_conv3d_tiled_params) <= 128, "push constants");

int ctvk_conv3d_tiled_fits(const ctvk_conv3d *conv, uint64_t storage)
{
    return !conv->planar && ctvk_conv3d_direct_weight_bytes(conv) <= storage;
}

/* Voxels of one workgroup, and how many chunks of output channels it computes. */
typedef struct brick {
    int32_t planes, rows, columns, chunks;
} brick;

static int32_t ceiling(int32_t value, int32_t step)
{
    return (value + step - 1) / step;
}

static int32_t bricks_of_plane(int32_t y, int32_t z, int32_t columns)
{
    return ceiling(y, LANES / columns) * ceiling(z, columns);
}

static uint32_t matrix_of(const ctvk_conv3d_job *job)
{
    return ctvk_gpu_get_caps(job->gpu)->cooperative;
}

/* Of TILED for an output of these extents. Lanes lie 8 x 8 over y and z, or 16 x 4 where fewer of them are idle so. */
static brick tiled_brick(const ctvk_conv3d *conv, int32_t y, int32_t z)
{
    int32_t columns = bricks_of_plane(y, z, 4) < bricks_of_plane(y, z, 8) ? 4 : 8;
    int32_t planes = conv->kernel == 3 && conv->stride == 2 ? 1 : 2;
    return (brick){planes, LANES / columns, columns, 1};
}

/* Rows of a matrix lie along z. */
static brick brick_for(const ctvk_conv3d_job *job)
{
    if (job->plan->family == CTVK_CONV3D_COOPERATIVE)
        return (brick){1, 8 / job->conv->stride, matrix_of(job) == CTVK_GPU_MATRIX_16X16X16 ? 16 : 8, 2};
    return tiled_brick(job->conv, job->out->y, job->out->z);
}

static ctvk_status cooperative_pipeline(const ctvk_conv3d_job *job, ctvk_gpu_pipeline **out, ctvk_error *error)
{
    static const char *const names[][2] = {{"", ""},
                                           {"conv3d_cooperative_16x16x16", "conv3d_cooperative_16x16x16_half"},
                                           {"conv3d_cooperative_8x16x16", "conv3d_cooperative_8x16x16_half"},
                                           {"conv3d_cooperative_8x8x8", "conv3d_cooperative_8x8x8_half"}};
    const int half = ctvk_conv3d_second_is_half(job);
    const uint32_t constants[4] = {(uint32_t)job->conv->kernel, (uint32_t)job->conv->stride,
                                   SUBGROUPS * ctvk_gpu_get_caps(job->gpu)->subgroup_size, (uint32_t)job->conv->in_b / 2};
    return ctvk_gpu_pipeline_get(job->gpu, names[matrix_of(job)][half], constants, half ? 4 : 3, out, error);
}

/* Whether bindings hold pieces of so many planes, whole bricks, of the output. */
static int bricks_fit(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t planes, int32_t y,
                      int32_t z)
{
    uint64_t voxel = sizeof(float), area = (uint64_t)y * (uint64_t)z, stride = (uint64_t)conv->stride;
    uint64_t in = (uint64_t)(conv->in_a > conv->in_b ? conv->in_a : conv->in_b) * area * stride * stride * voxel;
    uint64_t read = (uint64_t)(planes - 1) * stride + (uint64_t)conv->kernel, written = (uint64_t)conv->out * area * voxel;
    return read * in + caps->storage_alignment <= plan->source_bytes &&
           (uint64_t)planes * written + caps->storage_alignment <= plan->target_bytes;
}

/* A part for each brick, in a binding more than are promised. A brick that two pieces share would have two. */
int32_t ctvk_conv3d_tiled_parts(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y,
                                int32_t z)
{
    brick b = tiled_brick(conv, y, z);
    int64_t parts = (int64_t)ceiling(x, b.planes) * bricks_of_plane(y, z, b.columns);
    int whole = x == 1 || b.planes == 1 || bricks_fit(caps, plan, conv, b.planes, y, z);
    if (!whole || caps->max_storage_buffers < BINDINGS + 1 || parts > MOST_PARTS)
        return 0;
    return ctvk_instance_norm_parts_bytes(conv->out, (int32_t)parts) <= caps->max_storage_range ? (int32_t)parts : 0;
}

static ctvk_status pipeline_for(const ctvk_conv3d_job *job, const brick *b, ctvk_gpu_pipeline **out, ctvk_error *error)
{
    static const char *const names[5][2] = {{"conv3d_tiled_k3", "conv3d_tiled_k3_stats"},
                                            {"conv3d_tiled_k3_half", "conv3d_tiled_k3_half_stats"},
                                            {"conv3d_tiled_k3_norm", "conv3d_tiled_k3_norm_stats"},
                                            {"conv3d_tiled_k3_stride2", "conv3d_tiled_k3_stride2_stats"},
                                            {"conv3d_tiled_k1", "conv3d_tiled_k1_stats"}};
    if (job->plan->family == CTVK_CONV3D_COOPERATIVE)
        return cooperative_pipeline(job, out, error);
    const int half = ctvk_conv3d_second_is_half(job);
    int variant = half ? 1 : job->norm ? 2 : 0;
    if (job->conv->kernel == 1 || job->conv->stride == 2)
        variant = job->conv->kernel == 1 ? 4 : 3;
    const uint32_t constants[2] = {(uint32_t)b->columns, (uint32_t)job->conv->in_b / 2};
    return ctvk_gpu_pipeline_get(job->gpu, names[variant][job->stats != NULL], constants, half ? 2 : 1, out, error);
}

/* Multiply-adds of one row of one plane, whole bricks along z. */
static double row_work(const ctvk_conv3d_job *job, const brick *b)
{
    const ctvk_conv3d *conv = job->conv;
    double taps = (double)conv->kernel * conv->kernel * conv->kernel, columns = ceiling(job->out->z, b->columns) * b->columns;
    return columns * taps * (conv->in_a + conv->in_b) * OUT_CHANNELS * ceiling(ctvk_conv3d_out_chunks(conv), b->chunks) * b->chunks;
}

/* Planes and rows of one dispatch: bindings, number of workgroups, work. Whole bricks; rows are cut where one brick's planes are too much
 * work, and one line of bricks is done whatever its work. */
static ctvk_status size_piece(const ctvk_conv3d_job *job, const brick *b, brick *piece, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    int32_t most = ctvk_conv3d_block_planes(job);
    if (most < 1)
        return ctvk_conv3d_refuse_plane(job, error);
    if (job->stats && most < b->planes && most < out->x)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "convolution: no whole brick for the output's statistics (report this)");
    most -= most > b->planes ? most % b->planes : 0;
    double row = row_work(job, b), limit = ctvk_gpu_cmd_work_limit(job->cmd), planes = limit / (row * ceiling(out->y, b->rows) * b->rows);
    double bricks = planes < (double)MAX_GROUPS * b->planes ? planes / b->planes : MAX_GROUPS;
    piece->planes = (bricks < 1 ? 1 : (int32_t)bricks) * b->planes;
    piece->planes = piece->planes < most ? piece->planes : most;
    piece->rows = out->y;
    if (bricks < 1) {
        double lines = limit / (row * b->planes * b->rows);
        piece->rows = lines < 1 ? b->rows : lines < ceiling(out->y, b->rows) ? (int32_t)lines * b->rows : out->y;
    }
    return CTVK_OK;
}

static struct ctvk_conv3d_tiled_params params_for(const ctvk_conv3d_job *job, const ctvk_conv3d_range *r)
{
    const ctvk_conv3d *conv = job->conv;
    const ctvk_tensor *a = job->a, *out = job->out;
    int32_t area = a->y * a->z;
    return (struct ctvk_conv3d_tiled_params){.plane_a = conv->in_a / 4 * area,
                                             .plane_b = conv->in_b / 4 * area,
                                             .units_a = conv->in_a / 4,
                                             .units_b = conv->in_b / 4,
                                             .in_first = r->in_first,
                                             .in_last = r->in_last,
                                             .in_x = a->x,
                                             .in_y = a->y,
                                             .in_z = a->z,
                                             .stride = conv->stride,
                                             .out_first = r->first,
                                             .out_end = r->first + r->count,
                                             .out_y = out->y,
                                             .out_z = out->z,
                                             .out_plane = out->c / 4 * out->y * out->z,
                                             .out_groups = out->c / 4,
                                             .chunks = ctvk_conv3d_out_chunks(conv)};
}

/* Rows [row, row + rows) of the planes of a range. */
static ctvk_status record_piece(const ctvk_conv3d_job *job, const brick *b, const ctvk_conv3d_range *r, int32_t row, int32_t rows,
                                ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = pipeline_for(job, b, &pipeline, error);
    if (status)
        return status;
    struct ctvk_conv3d_tiled_params p = params_for(job, r);
    const ctvk_tensor *second = job->conv->in_b ? job->b : job->a; /* a binding that is not read must hold something too */
    uint32_t base_a = 0, base_b = 0, base_out = 0;
    int32_t in_planes = r->in_last - r->in_first + 1;
    ctvk_gpu_bind binds[BINDINGS + 2] = {ctvk_tensor_bind(job->a, r->in_first, in_planes, 16, &base_a),
                                         ctvk_tensor_bind(second, r->in_first, in_planes, 16, &base_b),
                                         ctvk_tensor_bind(job->out, r->first, r->count, 16, &base_out), ctvk_span_bind(job->weights)};
    p.base_a = (int32_t)base_a;
    p.base_b = (int32_t)base_b;
    p.out_base = (int32_t)base_out;
    p.out_row = row;
    uint32_t groups[3] = {(uint32_t)(ceiling(p.chunks, b->chunks) * ceiling(p.out_z, b->columns)), (uint32_t)ceiling(rows, b->rows),
                          (uint32_t)ceiling(r->count, b->planes)};
    double work = row_work(job, b) * groups[1] * b->rows * groups[2] * b->planes;
    if (job->norm && !job->conv->in_b)
        binds[1] = ctvk_conv3d_norm_bind(job);
    binds[3].bytes = ctvk_conv3d_direct_weight_bytes(job->conv);
    uint32_t bound = BINDINGS;
    if (job->stats)
        binds[bound++] = ctvk_span_bind(job->stats);
    if (ctvk_conv3d_second_is_half(job))
        binds[bound++] = ctvk_conv3d_norm_bind(job);
    return ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, bound, &p, sizeof p, groups, work, row ? CTVK_GPU_NO_BARRIER : 0, error);
}

ctvk_status ctvk_conv3d_tiled_record(const ctvk_conv3d_job *job, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    brick b = brick_for(job), piece = {1, 1, 1, 1};
    ctvk_status status = size_piece(job, &b, &piece, error);
    for (int32_t first = 0; first < out->x && !status; first += piece.planes) {
        int32_t left = out->x - first;
        ctvk_conv3d_range r = ctvk_conv3d_range_at(job, first, left < piece.planes ? left : piece.planes);
        for (int32_t row = 0; row < out->y && !status; row += piece.rows)
            status = record_piece(job, &b, &r, row, out->y - row < piece.rows ? out->y - row : piece.rows, error);
    }
    return status;
}
