/* Products with packed weights on software drivers (shaders/quant_linear_pack, _decode, _product, _sum.comp): rows are packed once, then
 * outputs go piece by piece: decode their weights, multiply run by run of columns, add the runs into the output rows.
 *
 * Scratch: packed rows, decoded weights of one piece, sums of some runs of some tiles of one piece. */
#include "ops/quant_linear_plan.h"
#include "params/quant_linear.h"

#include <stdio.h>

/* TILES, RUNS: most of one dispatch (tables of the push constants). LANES: of a workgroup. PART: columns that are decoded together. */
enum { TILES = 14, RUNS = 12, LANES = 64, PART = 32 };
/* Cost of one decoded weight and of one packed or added vec4, in multiply-adds of the product: about what lavapipe takes. */
static const double DECODE_WORK = 24, VEC4_WORK = 96;
_Static_assert(sizeof(struct ctvk_quant_linear_pack_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_quant_linear_decode_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_quant_linear_product_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_quant_linear_sum_params) <= 128, "push constants");

/* What follows from the operation and the plan alone. */
typedef struct layout {
    int32_t address, floats; /* family; plain floats are decoded to floats */
    int32_t tile;            /* rows of one lane */
    int32_t run, runs;       /* columns of a run, runs of the width */
    int32_t rows;            /* most rows that are packed at once: whole tiles, or all */
    int32_t outs;            /* most outputs of a piece: a multiple of 4, or all; 0: not one fits */
    uint64_t tile_bytes;     /* of one tile of packed rows */
    uint64_t out_bytes;      /* of one output's decoded weights */
    uint64_t sum_bytes;      /* of the sums of one run of one tile of one output */
    uint64_t packed_at, matrix_at, sums_at, end;
} layout;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t tiles_of(const layout *l, int32_t rows)
{
    return (rows + l->tile - 1) / l->tile;
}

static layout lay_out(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows)
{
    layout l = {.address = plan->family == CTVK_QUANT_LINEAR_ADDRESS,
                .floats = op->type == CTVK_QUANT_F32 || op->type == CTVK_QUANT_F16 || op->type == CTVK_QUANT_BF16};
    /* lavapipe compiles a lane of 12 rows in two fifths of the time of 24, and runs it as fast (shaders/README.md). */
    l.tile = l.address ? 12 : 24;
    l.run = PART * (l.address ? 6 : 4);
    l.runs = (op->width + l.run - 1) / l.run;
    l.tile_bytes = (uint64_t)l.runs * (uint64_t)l.run * (uint64_t)l.tile * sizeof(float);
    l.sum_bytes = (uint64_t)l.tile * sizeof(float);
    l.out_bytes = (uint64_t)l.runs * (uint64_t)(l.run / PART) * (l.floats ? 8 : 3) * 16;
    double tiles = (double)plan->row_bytes / (double)l.tile_bytes;
    l.rows = l.tile * ctvk_quant_linear_share(tiles_of(&l, rows), tiles, tiles, 1);
    l.rows = least(l.rows, rows);
    double outs = (double)plan->matrix_bytes / (double)l.out_bytes;
    outs = outs < 4 ? 4 : outs;
    l.outs = ctvk_quant_linear_share(op->outs, outs, outs, outs < LANES ? 4 : LANES);
    /* Sums of at least one run of one tile; of more where it costs no more than the weights. */
    double sums = (double)l.outs * (double)l.sum_bytes, all = sums * least(l.runs, RUNS) * least(tiles_of(&l, rows), TILES);
    all = all < (double)plan->matrix_bytes ? all : (double)plan->matrix_bytes;
    l.matrix_at = ((uint64_t)tiles_of(&l, l.rows) * l.tile_bytes + 255) / 256 * 256;
    l.sums_at = l.matrix_at + ((uint64_t)l.outs * l.out_bytes + 255) / 256 * 256;
    l.end = l.sums_at + ((uint64_t)(all > sums ? all : sums) + 255) / 256 * 256;
    return l;
}

uint64_t ctvk_quant_linear_straight_scratch_bytes(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear *op, int32_t rows)
{
    return rows > 0 && op->outs > 0 && ctvk_quant_linear_row_bytes(op) ? lay_out(plan, op, rows).end : 0;
}

/* Where the recording is: rows [row, row + rows) packed, outputs [out, out + outs) decoded, some tiles and runs of them. */
typedef struct place {
    const ctvk_quant_linear_job *job;
    const layout *l;
    int32_t row, rows, out, outs, tile, tiles, run, runs;
} place;

static ctvk_gpu_bind scratch_bind(const place *k, uint64_t at, uint64_t bytes)
{
    return (ctvk_gpu_bind){k->job->scratch->buffer, k->job->scratch->offset + at, bytes};
}

typedef struct launch {
    const char *shader;
    const ctvk_gpu_bind *binds;
    uint32_t bind_count;
    const void *push;
    uint32_t push_bytes, groups[3];
    double work;
    uint32_t flags;
    const uint32_t *constants; /* two, or NULL */
} launch;

static ctvk_status dispatch(const place *k, const launch *l, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_status status = ctvk_gpu_pipeline_get(k->job->gpu, l->shader, l->constants, l->constants ? 2 : 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(k->job->cmd, pipeline, l->binds, l->bind_count, l->push, l->push_bytes, l->groups, l->work,
                                          l->flags, error);
}

static uint32_t lanes(int32_t count)
{
    return ((uint32_t)count + LANES - 1) / LANES;
}

static ctvk_status record_pack(const place *k, ctvk_error *error)
{
    const layout *l = k->l;
    struct ctvk_quant_linear_pack_params p = {
        .in_stride = k->job->in_stride / 4, .rows = k->rows, .width = k->job->op->width, .fours = l->runs * l->run / 4};
    ctvk_gpu_bind binds[2];
    binds[0] = ctvk_quant_linear_row_bind(k->job, k->job->in, k->row, k->rows, &p.from);
    binds[1] = scratch_bind(k, l->packed_at, (uint64_t)tiles_of(l, k->rows) * l->tile_bytes);
    p.from /= 4;
    launch g = {l->address ? "quant_linear_pack_texel" : "quant_linear_pack",
                binds,
                2,
                &p,
                sizeof p,
                {lanes(p.fours), (uint32_t)(tiles_of(l, k->rows) * l->tile / 4), 1},
                VEC4_WORK * p.fours * tiles_of(l, k->rows) * l->tile,
                0,
                NULL};
    return dispatch(k, &g, error);
}

static ctvk_status record_decode(const place *k, ctvk_error *error)
{
    const layout *l = k->l;
    const ctvk_quant_linear *op = k->job->op;
    struct ctvk_quant_linear_decode_params p = {.row_bytes = (int32_t)ctvk_quant_linear_row_bytes(op), .width = op->width, .outs = k->outs};
    ctvk_gpu_bind binds[2];
    binds[0] = ctvk_quant_linear_weight_bind(k->job, k->out, k->outs, &p.weights);
    binds[1] = scratch_bind(k, l->matrix_at, (uint64_t)k->outs * l->out_bytes);
    char shader[40];
    snprintf(shader, sizeof shader, "quant_linear_decode_%s%s", ctvk_quant_type_of(op->type)->name, l->address ? "_texel" : "");
    /* The first piece follows the packing of rows, with which it has nothing to do. */
    launch g = {shader,
                binds,
                2,
                &p,
                sizeof p,
                {(uint32_t)(l->runs * l->run / PART), lanes(k->outs), 1},
                DECODE_WORK * op->width * k->outs,
                k->out ? 0 : CTVK_GPU_NO_BARRIER,
                NULL};
    return dispatch(k, &g, error);
}

/* Address: all tiles and runs of the place; uniform: one of each, whose packed rows are the third binding. */
static ctvk_status dispatch_product(const place *k, int32_t tile, int32_t run, uint32_t flags, ctvk_error *error)
{
    const layout *l = k->l;
    const ctvk_quant_linear_job *job = k->job;
    uint64_t run_bytes = (uint64_t)l->run * (uint64_t)l->tile * sizeof(float),
             address = job->scratch->buffer->address + job->scratch->offset;
    struct ctvk_quant_linear_product_params p = {.low = (int32_t)(uint32_t)(address + l->packed_at),
                                                 .high = (int32_t)(uint32_t)((address + l->packed_at) >> 32),
                                                 .from = (int32_t)((uint64_t)(k->run + run) * (l->out_bytes / 16 / (uint64_t)l->runs)) *
                                                         k->outs,
                                                 .to = (run * k->tiles + tile) * (l->tile / 4) * k->outs,
                                                 .outs = k->outs};
    for (int32_t i = 0; i < k->tiles && l->address; i++)
        p.tiles[i] = (int32_t)((uint64_t)(k->tile + i) * l->tile_bytes);
    for (int32_t i = 0; i < k->runs && l->address; i++)
        p.runs[i] = (int32_t)((uint64_t)(k->run + i) * run_bytes);
    ctvk_gpu_bind binds[3] = {
        scratch_bind(k, l->sums_at, (uint64_t)k->runs * (uint64_t)k->tiles * (uint64_t)k->outs * l->sum_bytes),
        scratch_bind(k, l->matrix_at, (uint64_t)k->outs * l->out_bytes),
        scratch_bind(k, l->packed_at + (uint64_t)(k->tile + tile) * l->tile_bytes + (uint64_t)(k->run + run) * run_bytes, run_bytes)};
    static const char *const shaders[2][2] = {{"quant_linear_product_uniform", "quant_linear_product_uniform_float"},
                                              {"quant_linear_product_address", "quant_linear_product_address_float"}};
    uint32_t tiles = l->address ? (uint32_t)k->tiles : 1, runs = l->address ? (uint32_t)k->runs : 1;
    launch g = {shaders[l->address][l->floats],
                binds,
                l->address ? 2 : 3,
                &p,
                sizeof p,
                {lanes(k->outs), tiles, runs},
                (double)l->tile * l->run * k->outs * tiles * runs,
                flags,
                NULL};
    return dispatch(k, &g, error);
}

static ctvk_status record_product(const place *k, ctvk_error *error)
{
    ctvk_status status = k->l->address ? dispatch_product(k, 0, 0, 0, error) : CTVK_OK;
    for (int32_t i = 0; i < k->runs * k->tiles && !status && !k->l->address; i++)
        status = dispatch_product(k, i % k->tiles, i / k->tiles, i ? CTVK_GPU_NO_BARRIER : 0, error);
    return status;
}

static ctvk_status record_sum(const place *k, ctvk_error *error)
{
    const layout *l = k->l;
    const ctvk_quant_linear_job *job = k->job;
    int32_t first = k->row + k->tile * l->tile, rows = least(k->tiles * l->tile, k->row + k->rows - first);
    struct ctvk_quant_linear_sum_params p = {
        .out_stride = job->out_stride / 4, .outs = k->outs, .rows = rows, .runs = k->runs, .run = k->tiles * (l->tile / 4) * k->outs};
    const uint32_t constants[2] = {job->accumulate || k->run > 0, k->outs % 4 != 0};
    ctvk_gpu_bind binds[2];
    binds[0] = scratch_bind(k, l->sums_at, (uint64_t)k->runs * (uint64_t)k->tiles * (uint64_t)k->outs * l->sum_bytes);
    binds[1] = ctvk_quant_linear_row_bind(job, job->out, first, rows, &p.to);
    p.to = (p.to + k->out) / 4;
    launch g = {l->address ? "quant_linear_sum_texel" : "quant_linear_sum",
                binds,
                2,
                &p,
                sizeof p,
                {lanes((k->outs + 3) / 4), (uint32_t)(k->tiles * l->tile / 4), 1},
                VEC4_WORK / 4 * k->tiles * l->tile * k->outs,
                0,
                constants};
    return dispatch(k, &g, error);
}

/* Largest number of equal pieces' members: `all` in pieces of at most `most`. */
static int32_t even(int32_t all, double most)
{
    int32_t one = most < 1 ? 1 : most < all ? (int32_t)most : all, pieces = (all + one - 1) / one;
    return (all + pieces - 1) / pieces;
}

/* All tiles and runs of the decoded piece, as many at once as tables, scratch and work allow. */
static ctvk_status record_piece(place *k, ctvk_error *error)
{
    const layout *l = k->l;
    double one = (double)l->tile * l->run * k->outs, work = ctvk_gpu_cmd_work_limit(k->job->cmd) / one;
    double fit = (double)(l->end - l->sums_at) / ((double)k->outs * (double)l->sum_bytes);
    int32_t all = tiles_of(l, k->rows), runs, tiles;
    fit = work < fit && l->address ? work : fit;
    runs = even(l->runs, fit < RUNS ? fit : RUNS);
    tiles = even(all, fit / runs < TILES ? fit / runs : TILES);
    ctvk_status status = CTVK_OK;
    for (k->tile = 0; k->tile < all && !status; k->tile += tiles) {
        k->tiles = least(tiles, all - k->tile);
        for (k->run = 0; k->run < l->runs && !status; k->run += runs) {
            k->runs = least(runs, l->runs - k->run);
            status = record_product(k, error);
            status = status ? status : record_sum(k, error);
        }
    }
    return status;
}

ctvk_status ctvk_quant_linear_straight_record(const ctvk_quant_linear_plan *plan, const ctvk_quant_linear_job *job, ctvk_error *error)
{
    const ctvk_quant_linear *op = job->op;
    layout l = lay_out(plan, op, job->rows);
    double alignment = (double)ctvk_gpu_get_caps(job->gpu)->storage_alignment, limit = ctvk_gpu_cmd_work_limit(job->cmd);
    double longest = 4.0 * (job->in_stride > job->out_stride ? job->in_stride : job->out_stride);
    int32_t rows =
        ctvk_quant_linear_share(l.rows, ((double)plan->row_bytes - alignment) / longest, limit / (VEC4_WORK * l.runs * l.run / 4), l.tile);
    /* Pieces begin at a whole vec4 of an output row. */
    double fit = ((double)plan->weight_bytes - alignment - 16) / (double)ctvk_quant_linear_row_bytes(op);
    int32_t outs = ctvk_quant_linear_share(l.outs, fit, limit / (DECODE_WORK * op->width), fit < LANES ? 4 : LANES);
    if (!rows || (outs < 4 && outs < op->outs))
        return ctvk_quant_linear_too_large(op, error);
    ctvk_status status = CTVK_OK;
    for (place k = {.job = job, .l = &l}; k.row < job->rows && !status; k.row += rows) {
        k.rows = least(rows, job->rows - k.row);
        status = record_pack(&k, error);
        for (k.out = 0; k.out < op->outs && !status; k.out += outs) {
            k.outs = least(outs, op->outs - k.out);
            status = record_decode(&k, error);
            status = status ? status : record_piece(&k, error);
        }
    }
    return status;
}
