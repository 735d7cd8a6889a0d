/* Winograd F(4x4, 3x3) over y and z with three direct taps along x: block by block, run of input channels by run,
 * transform -> 36 products -> (all runs) -> inverse transform (shaders/conv3d_winograd_*.comp). */
#include "ops/conv3d_plan.h"
#include "params/conv3d.h"

#include <string.h>

enum { LOCAL = 64, MAX_GROUPS = 65535, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS, POINTS = 36, UNIT_FLOATS = 3 * 4 * OUT_CHANNELS };
_Static_assert(sizeof(struct ctvk_conv3d_winograd_params) <= 128, "push constants");

uint64_t ctvk_conv3d_winograd_weight_bytes(const ctvk_conv3d *conv)
{
    return (uint64_t)POINTS * ctvk_conv3d_out_chunks(conv) * ctvk_conv3d_in_units(conv) * UNIT_FLOATS * sizeof(float);
}

/* G w G^T of one 3 x 3 slice, G as in Lavin and Gray (2016). */
static void transform_weights(const float *w, double u[POINTS])
{
    static const double g[6][3] = {
        {1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6},
        {0, 0, 1}};
    double half[6][3];
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 3; k++) {
            half[i][k] = g[i][0] * w[k] + g[i][1] * w[3 + k] + g[i][2] * w[6 + k];
        }
    }
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++) {
            u[i * 6 + j] = half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2];
        }
    }
}

void ctvk_conv3d_winograd_pack(const ctvk_conv3d *conv, const float *weights, float *packed)
{
    int32_t in = conv->in_a + conv->in_b, units = ctvk_conv3d_in_units(conv), chunks = ctvk_conv3d_out_chunks(conv);
    memset(packed, 0, ctvk_conv3d_winograd_weight_bytes(conv));
    for (int32_t o = 0; o < conv->out; o++) {
        for (int32_t i = 0; i < in; i++) {
            for (int32_t tap = 0; tap < 3; tap++) {
                double u[POINTS];
                transform_weights(weights + ((uint64_t)o * in + i) * 27 + tap * 9, u);
                for (int32_t point = 0; point < POINTS; point++) {
                    uint64_t unit = ((uint64_t)point * chunks + o / OUT_CHANNELS) * units + i / 4;
                    packed[unit * UNIT_FLOATS + (tap * 4 + i % 4) * OUT_CHANNELS + o % OUT_CHANNELS] = (float)u[point];
                }
            }
        }
    }
}

/* Tiles of a tensor and the shape of the blocks that it is worked in. */
typedef struct blocking {
    int32_t tiles_y, tiles_z, planes, rows;
} blocking;

static uint64_t round256(uint64_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static uint64_t in_scratch(const ctvk_conv3d_plan *plan, const blocking *b)
{
    return round256((uint64_t)POINTS * plan->chunk * (b->planes + 2) * b->rows * b->tiles_z * 16);
}

static uint64_t out_scratch(const ctvk_conv3d *conv, const blocking *b)
{
    return round256((uint64_t)POINTS * (conv->out / 4) * b->planes * b->rows * b->tiles_z * 16);
}

static int fits(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, const blocking *b)
{
    uint64_t in = in_scratch(plan, b), out = out_scratch(conv, b);
    return in + out <= plan->scratch_bytes && in <= plan->source_bytes && in <= plan->target_bytes && out <= plan->source_bytes &&
           out <= plan->target_bytes;
}

/* Blocks of at most 48 planes (their halo then costs 4 %), as many tile rows as the scratch allows; more planes where all rows fit. */
static blocking choose(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    blocking b = {(y + 3) / 4, (z + 3) / 4, x < 48 ? x : 48, 1};
    while (b.planes > 1 && !fits(plan, conv, &b)) {
        b.planes--;
    }
    for (blocking next = b; b.rows < b.tiles_y; b = next) {
        next.rows = b.rows + 1;
        if (!fits(plan, conv, &next)) {
            break;
        }
    }
    for (blocking next = b; b.rows == b.tiles_y && b.planes < x; b = next) {
        next.planes = b.planes + 1;
        if (!fits(plan, conv, &next)) {
            break;
        }
    }
    /* Even shares: the last block is not a small rest. */
    int32_t row_blocks = (b.tiles_y + b.rows - 1) / b.rows, plane_blocks = (x + b.planes - 1) / b.planes;
    b.rows = (b.tiles_y + row_blocks - 1) / row_blocks;
    b.planes = (x + plane_blocks - 1) / plane_blocks;
    return b;
}

uint64_t ctvk_conv3d_winograd_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    blocking b = choose(plan, conv, x, y, z);
    return in_scratch(plan, &b) + out_scratch(conv, &b);
}

/* The bindings and work of a block may have to be smaller than its scratch: source planes with halo, output planes, submission. */
static void shrink(const ctvk_conv3d_job *job, blocking *b)
{
    int32_t most = ctvk_conv3d_block_planes(job);
    b->planes = b->planes < most ? b->planes : most;
    double work = (double)job->plan->chunk * 12 * OUT_CHANNELS * b->tiles_z, limit = ctvk_gpu_cmd_work_limit(job->cmd);
    double lanes =
        (double)LOCAL * MAX_GROUPS / ((job->conv->out / 4 > job->plan->chunk ? job->conv->out / 4 : job->plan->chunk) * b->tiles_z);
    while (b->rows > 1 && (work * b->planes * b->rows > limit || (b->planes + 2.0) * b->rows > lanes)) {
        b->rows--;
    }
    while (b->planes > 1 && (work * b->planes * b->rows > limit || (b->planes + 2.0) * b->rows > lanes)) {
        b->planes--;
    }
}

/* One block: output planes [first, first + planes), tile rows [row, row + rows). */
typedef struct block {
    int32_t first, planes, row, rows, tiles_z, tiles;
    uint64_t out_at; /* bytes of the scratch where the products begin */
} block;

static ctvk_gpu_bind scratch_bind(const ctvk_conv3d_job *job, uint64_t at, uint64_t bytes)
{
    return (ctvk_gpu_bind){job->scratch->buffer, job->scratch->offset + at, bytes};
}

static ctvk_gpu_bind bind_in(const ctvk_conv3d_job *job, const block *k)
{
    return scratch_bind(job, 0, (uint64_t)POINTS * job->plan->chunk * (k->planes + 2) * k->tiles * 16);
}

static ctvk_gpu_bind bind_products(const ctvk_conv3d_job *job, const block *k)
{
    return scratch_bind(job, k->out_at, (uint64_t)POINTS * (job->conv->out / 4) * k->planes * k->tiles * 16);
}

static struct ctvk_conv3d_winograd_params transform_params(const ctvk_tensor *tensor, const block *k, int32_t first, int32_t planes)
{
    struct ctvk_conv3d_winograd_params p = {.x = tensor->x,
                                            .y = tensor->y,
                                            .z = tensor->z,
                                            .plane = tensor->c / 4 * tensor->y * tensor->z,
                                            .first = first,
                                            .planes = planes,
                                            .row = k->row,
                                            .tiles_z = k->tiles_z,
                                            .tiles = k->tiles};
    p.bound_first = first < 0 ? 0 : first;
    p.bound_last = first + planes > tensor->x ? tensor->x - 1 : first + planes - 1;
    return p;
}

static ctvk_status dispatch_transform(const ctvk_conv3d_job *job, const char *shader, const ctvk_gpu_bind *binds, uint32_t count,
                                      const struct ctvk_conv3d_winograd_params *p, uint32_t flags, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, shader, 0, 0, &pipeline, error);
    uint32_t groups[3] = {((uint32_t)p->lanes + LOCAL - 1) / LOCAL, 1, 1};
    /* 36 vec4 in or out and about as many sums: some 700 multiply-adds. */
    return status ? status : ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, count, p, sizeof *p, groups, 700.0 * p->lanes, flags, error);
}

/* Channel groups [group, group + count) of one source into scratch groups from `to` on. */
static ctvk_status transform_in(const ctvk_conv3d_job *job, const block *k, const ctvk_tensor *source, int32_t group, int32_t count,
                                int32_t to, ctvk_error *error)
{
    struct ctvk_conv3d_winograd_params p = transform_params(source, k, k->first - 1, k->planes + 2);
    uint32_t base;
    ctvk_gpu_bind binds[3];
    uint32_t flags = (to ? CTVK_GPU_NO_BARRIER : 0) | ctvk_tensor_texels(source);
    binds[0] = ctvk_tensor_bind(source, p.bound_first, p.bound_last - p.bound_first + 1, 16, &base);
    binds[1] = bind_in(job, k);
    p.base = (int32_t)base + group * source->y * source->z;
    p.scratch = to * p.planes * p.tiles;
    p.scratch_point = job->plan->chunk * p.planes * p.tiles;
    p.lanes = count * p.planes * p.tiles;
    p.norm = 2 * group;
    if (!source->half && (!job->norm || job->conv->in_b))
        return dispatch_transform(job, "conv3d_winograd_in", binds, 2, &p, flags, error);
    binds[2] = ctvk_conv3d_norm_bind(job);
    return dispatch_transform(job, source->half ? "conv3d_winograd_in_half" : "conv3d_winograd_in_norm", binds, 3, &p, flags, error);
}

/* The units [unit, unit + chunk) of the concatenated sources. */
static ctvk_status transform_run(const ctvk_conv3d_job *job, const block *k, int32_t unit, ctvk_error *error)
{
    int32_t units_a = job->conv->in_a / 4, end = unit + job->plan->chunk, end_a = end < units_a ? end : units_a, done = 0;
    ctvk_status status = CTVK_OK;
    if (unit < units_a) {
        done = end_a - unit;
        status = transform_in(job, k, job->a, unit, done, 0, error);
    }
    if (!status && end > units_a) {
        status = transform_in(job, k, job->b, unit + done - units_a, end - unit - done, done, error);
    }
    return status;
}

static ctvk_status products(const ctvk_conv3d_job *job, const block *k, int32_t unit, ctvk_error *error)
{
    int32_t chunk = job->plan->chunk, group = (k->planes + 2) * k->tiles, lanes = k->planes * k->tiles, out_groups = job->conv->out / 4;
    uint64_t chunk_bytes = (uint64_t)ctvk_conv3d_in_units(job->conv) * UNIT_FLOATS * sizeof(float);
    ctvk_conv3d_product product = {.shader = chunk == 12 ? "conv3d_product12" : "conv3d_product4",
                                   .in = bind_in(job, k),
                                   .out = bind_products(job, k),
                                   .at = (uint64_t)unit * UNIT_FLOATS * sizeof(float),
                                   .runs = POINTS,
                                   .vec4 = 3 * chunk};
    struct ctvk_conv3d_product_params p = {.in_third = 3 * chunk * group,
                                           .in_run = chunk * group,
                                           .in_unit = chunk / 4 * group,
                                           .in_row = group,
                                           .in_column = k->tiles,
                                           .step_z = 1,
                                           .out_run = out_groups * lanes,
                                           .out_group = lanes,
                                           .out_groups = out_groups,
                                           .lanes = lanes,
                                           .accumulate = unit > 0,
                                           .weights_chunk = (int32_t)(uint32_t)chunk_bytes,
                                           .weights_run = (int32_t)(uint32_t)(chunk_bytes * ctvk_conv3d_out_chunks(job->conv))};
    return ctvk_conv3d_product_record(job, &product, &p, error);
}

static ctvk_status transform_out(const ctvk_conv3d_job *job, const block *k, ctvk_error *error)
{
    struct ctvk_conv3d_winograd_params p = transform_params(job->out, k, k->first, k->planes);
    uint32_t base;
    ctvk_gpu_bind binds[2];
    binds[0] = bind_products(job, k);
    binds[1] = ctvk_tensor_bind(job->out, k->first, k->planes, 16, &base);
    p.base = (int32_t)base;
    p.scratch_point = job->conv->out / 4 * p.planes * p.tiles;
    p.lanes = p.scratch_point;
    return dispatch_transform(job, "conv3d_winograd_out", binds, 2, &p, 0, error);
}

static ctvk_status record_block(const ctvk_conv3d_job *job, const block *k, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (int32_t unit = 0; unit < ctvk_conv3d_in_units(job->conv) && !status; unit += job->plan->chunk) {
        status = transform_run(job, k, unit, error);
        status = status ? status : products(job, k, unit, error);
    }
    return status ? status : transform_out(job, k, error);
}

ctvk_status ctvk_conv3d_winograd_record(const ctvk_conv3d_job *job, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    blocking b = choose(job->plan, job->conv, out->x, out->y, out->z);
    uint64_t out_at = in_scratch(job->plan, &b);
    shrink(job, &b);
    if (b.planes < 1 || out_at > job->plan->target_bytes) {
        return ctvk_conv3d_refuse_plane(job, error);
    }
    ctvk_status status = CTVK_OK;
    for (int32_t first = 0; first < out->x; first += b.planes) {
        for (int32_t row = 0; row < b.tiles_y && !status; row += b.rows) {
            block k = {first, out->x - first, row, b.tiles_y - row, b.tiles_z, 0, out_at};
            k.planes = k.planes < b.planes ? k.planes : b.planes;
            k.rows = k.rows < b.rows ? k.rows : b.rows;
            k.tiles = k.rows * k.tiles_z;
            status = record_block(job, &k, error);
        }
    }
    return status;
}
