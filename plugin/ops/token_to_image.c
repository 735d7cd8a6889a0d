#include "ops/token_to_image.h"

#include "ops/chunks.h"
#include "params/token_to_image.h"

_Static_assert(sizeof(struct ctvk_token_to_image_params) <= 128, "push constants");

enum {
    MERGE_WIDTH = 64, /* lanes of token_to_image_merge_alone */
    TILE_WIDTH = 256, /* lanes of token_to_image_tile */
    LANE_WIDTH = 16,  /* lanes of token_to_image_lane */
    LANE_SUMS = 48,   /* vec4 sums in a lane: 4 pairs of 48 channels are the fastest on lavapipe */
    TILE_PAIRS = 16,
    TILE_OWN = 4,             /* sums that a lane of a tile may own */
    PARTIAL_LIMIT = 16 << 20, /* bytes of partials that are about enough to keep a large device busy */
    MIN_CHUNK = 256,
    MIN_WALK = 16, /* voxels of one lane */
    MAX_WALK = 512,
    WALKERS = 1024 /* each makes one partial per pair, which the merge reads again */
};

static int64_t partial_bytes(int32_t pairs, int32_t c)
{
    return (int64_t)pairs * (c / 4 + 1) * 16;
}

/* Enough chunks for a large device, but not more partials than are worth their memory. */
static int32_t tile_chunk(int64_t voxels, int32_t pairs, int32_t c)
{
    int64_t chunks = PARTIAL_LIMIT / partial_bytes(pairs, c);
    chunks = chunks < 1 ? 1 : chunks > 1024 ? 1024 : chunks;
    int64_t chunk = (voxels + chunks - 1) / chunks;
    return (int32_t)(chunk < MIN_CHUNK ? MIN_CHUNK : chunk);
}

static int32_t lane_chunk(int64_t voxels)
{
    int64_t walk = voxels / WALKERS;
    return (int32_t)(walk < MIN_WALK ? MIN_WALK : walk > MAX_WALK ? MAX_WALK : walk) * LANE_WIDTH;
}

ctvk_token_to_image_plan ctvk_token_to_image_plan_for(const ctvk_gpu_caps *caps, int32_t pairs, int32_t c, int32_t x, int32_t y, int32_t z)
{
    int64_t voxels = (int64_t)x * y * z;
    int32_t groups = c / 4, lane_pairs = 8;
    while (lane_pairs > 2 && lane_pairs * groups > LANE_SUMS)
        lane_pairs /= 2;
    ctvk_token_to_image_plan plan = {.alone = caps->is_cpu};
    plan.lane = caps->is_cpu && lane_pairs * groups <= LANE_SUMS;
    plan.texel = plan.lane && ctvk_prefers_texel(caps);
    plan.range = ctvk_source_range(caps, plan.texel);
    if (plan.lane) {
        plan.group_pairs = lane_pairs;
        plan.chunk_voxels = lane_chunk(voxels);
        return plan;
    }
    plan.group_pairs = pairs % TILE_PAIRS ? 8 : TILE_PAIRS;
    while (plan.group_pairs > 4 && plan.group_pairs * groups > TILE_WIDTH * TILE_OWN)
        plan.group_pairs /= 2;
    plan.chunk_voxels = tile_chunk(voxels, pairs, c);
    return plan;
}

static int32_t partials_of(const ctvk_token_to_image_plan *plan, const ctvk_chunks *chunks)
{
    return chunks->count * (plan->lane ? LANE_WIDTH : 1);
}

uint64_t ctvk_token_to_image_bytes(const ctvk_token_to_image_plan *plan, int32_t pairs, int32_t c, int32_t x, int32_t y, int32_t z)
{
    ctvk_chunks chunks = ctvk_chunks_cut(c, x, y, z, plan->chunk_voxels);
    return (uint64_t)partials_of(plan, &chunks) * (uint64_t)partial_bytes(pairs, c);
}

static ctvk_status merge(const ctvk_tokens *t, int32_t alone, int32_t groups, int32_t pairs, int32_t partial_count, int32_t means,
                         const ctvk_span *partials, ctvk_error *error)
{
    struct ctvk_token_to_image_merge_params p = {pairs, groups, partial_count, means / 4};
    ctvk_gpu_bind binds[2] = {ctvk_span_bind(partials), ctvk_span_bind(&t->rows)};
    uint32_t workgroups[3] = {(uint32_t)groups, (uint32_t)pairs, 1};
    ctvk_gpu_pipeline *pipeline = NULL;
    if (alone)
        workgroups[0] = (uint32_t)(groups * pairs + MERGE_WIDTH - 1) / MERGE_WIDTH, workgroups[1] = 1;
    ctvk_status status =
        ctvk_gpu_pipeline_get(t->gpu, alone ? "token_to_image_merge_alone" : "token_to_image_merge", NULL, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(t->cmd, pipeline, binds, 2, &p, sizeof p, workgroups, 16.0 * groups * pairs * partial_count, 0,
                                          error);
}

static ctvk_status pipeline_of(const ctvk_tokens *t, const ctvk_token_to_image_plan *plan, int32_t groups, ctvk_gpu_pipeline **out,
                               ctvk_error *error)
{
    uint32_t own = (uint32_t)(plan->group_pairs * groups + TILE_WIDTH - 1) / TILE_WIDTH;
    uint32_t constants[2] = {(uint32_t)plan->group_pairs, plan->lane ? (uint32_t)groups : own};
    const char *shader = !plan->lane ? "token_to_image_tile" : plan->texel ? "token_to_image_lane_texel" : "token_to_image_lane";
    return ctvk_gpu_pipeline_get(t->gpu, shader, constants, 2, out, error);
}

ctvk_status ctvk_token_to_image_record(const ctvk_tokens *tokens, const ctvk_token_to_image_plan *plan, const ctvk_tensor *image,
                                       int32_t pairs, int32_t queries, int32_t means, const ctvk_span *partials, ctvk_error *error)
{
    ctvk_chunks chunks = ctvk_chunks_cut(image->c, image->x, image->y, image->z, plan->chunk_voxels);
    int32_t groups = image->c / 4, count = partials_of(plan, &chunks);
    double work = 8.0 * pairs * groups + 16.0 * pairs; /* of a voxel */
    int32_t most = ctvk_chunks_runs_per_dispatch(&chunks, tokens->cmd, image, plan->range, work);
    ctvk_gpu_pipeline *pipeline = NULL;
    if (pairs % plan->group_pairs || image->c % 4 || queries % 4 || means % 4 ||
        partials->bytes < (uint64_t)count * (uint64_t)partial_bytes(pairs, image->c))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "token-to-image attention: %d pairs of %d channels do not fit (report this)", pairs,
                         image->c);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "token-to-image attention: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller "
                         "window)",
                         image->y, image->z);
    /* Of a pair: score, exponential of the difference to the largest, its sum, weighted sum of the voxels. */
    ctvk_gpu_cmd_operation(tokens->cmd, "token_to_image", (4.0 * image->c + 3) * pairs * image->x * image->y * image->z,
                           (double)ctvk_tensor_bytes(image) + 8.0 * pairs * image->c, "%d pairs, %d, %d x %d x %d", pairs, image->c,
                           image->x, image->y, image->z);
    ctvk_status status = pipeline_of(tokens, plan, groups, &pipeline, error);
    for (int32_t first = 0, runs; first < chunks.runs && !status; first += runs) {
        runs = chunks.runs - first < most ? chunks.runs - first : most;
        struct ctvk_token_to_image_params p = {.groups = groups, .queries = queries / 4, .partials = count};
        uint32_t shares = (uint32_t)(pairs / plan->group_pairs), cut = 0;
        ctvk_gpu_bind binds[3] = {ctvk_chunks_bind(&chunks, image, first, runs, &p.chunk, &cut), ctvk_span_bind(&tokens->rows),
                                  ctvk_span_bind(partials)};
        uint32_t workgroups[3] = {plan->lane ? shares : cut, plan->lane ? cut : shares, 1};
        status = ctvk_gpu_cmd_dispatch(tokens->cmd, pipeline, binds, 3, &p, sizeof p, workgroups, work * p.chunk.planes * p.chunk.area, 0,
                                       error);
    }
    return status ? status : merge(tokens, plan->alone, groups, pairs, count, means, partials, error);
}
