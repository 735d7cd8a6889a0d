/* The folded token-to-image attention against plain C in double: lanes and tiles, storage and texel loads, every edge of runs, parts,
 * tiles. */
#include "ops/token_to_image.h"
#include "ref/token_to_image.h"
#include "support/token_rows.h"

/* Error over max(1, |value|). A score of size s is off by some s * 6e-8 in float32, and the weight of its voxel by as much, relatively;
 * exp adds a few ulp. Scores go up to about `sharp` * 3: 3e-6 seen at 4, 2.1e-5 at 40. */
static double tolerance(double sharp)
{
    return 4e-6 + 1e-6 * sharp;
}

typedef struct shape {
    int pairs, c, x, y, z;
} shape;

typedef struct job {
    conv_tensor image;
    rows_case rows;
    ctvk_span partials;
    ctvk_token_to_image_plan plan;
    int pairs, queries, means;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    job *j = user;
    const ctvk_tokens tokens = {cmd, gpu, j->rows.span};
    return ctvk_token_to_image_record(&tokens, &j->plan, &j->image.tensor, j->pairs, j->queries, j->means, &j->partials, error);
}

static int job_create(job *j, ctvk_gpu *gpu, shape s, const ctvk_token_to_image_plan *plan)
{
    int block = s.pairs * s.c;
    *j = (job){.plan = *plan, .pairs = s.pairs, .queries = 8, .means = 8 + block + 4};
    return conv_tensor_create(gpu, &j->image, s.c, s.x, s.y, s.z, 0) && rows_create(&j->rows, gpu, (size_t)(2 * block + 16)) &&
           ops_span_create(gpu, &j->partials, ctvk_token_to_image_bytes(plan, s.pairs, s.c, s.x, s.y, s.z), NULL);
}

static void job_destroy(job *j)
{
    conv_tensor_destroy(&j->image);
    rows_destroy(&j->rows);
    ctvk_gpu_buffer_destroy(&j->partials.buffer);
}

/* sharp: about the standard deviation of the scores. */
static void run_case(ctvk_gpu *gpu, shape s, const ctvk_token_to_image_plan *plan, double sharp)
{
    size_t voxels = (size_t)s.x * s.y * s.z, count = voxels * s.c, block = (size_t)s.pairs * s.c;
    float *image = ops_random(count, 41, 2), *again = malloc(block * sizeof *again);
    double *queries = malloc(block * sizeof *queries), *want = malloc(block * sizeof *want);
    job j;
    CHECK(job_create(&j, gpu, s, plan) && conv_tensor_write(&j.image, image));
    rows_random(&j.rows, j.queries, (int)block, 1, (int)block, 43, sharp * 1.5 / sqrt(s.c), queries);
    ref_token_to_image(image, s.c, voxels, j.rows.before + j.queries, s.pairs, want);
    if (rows_run(&j.rows, record, &j) == CTVK_OK) {
        double worst = rows_worst(&j.rows, j.means, (int)block, 1, (int)block, want);
        CHECK_MSG(worst <= tolerance(sharp),
                  "%d pairs, %d x %d x %d x %d, lanes %d, texel %d, %d pairs a group, %d a chunk, sharp %g: error %g", s.pairs, s.c, s.x,
                  s.y, s.z, plan->lane, plan->texel, plan->group_pairs, plan->chunk_voxels, sharp, worst);
        memcpy(again, j.rows.after + j.means, block * sizeof *again);
        CHECK(rows_rest_holds(&j.rows) && ops_span_guards_hold(&j.partials) && conv_tensor_guards_hold(&j.image));
        CHECK(rows_run(&j.rows, record, &j) == CTVK_OK && memcmp(again, j.rows.after + j.means, block * sizeof *again) == 0);
    }
    job_destroy(&j);
    free(image);
    free(again);
    free(queries);
    free(want);
}

static ctvk_token_to_image_plan plan_of(const ctvk_gpu *gpu, shape s)
{
    return ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(gpu), s.pairs, s.c, s.x, s.y, s.z);
}

/* One voxel; around one and two lanes' worth (64, BATCH of 2); planes smaller than a stride of 64 and larger; P of 1, 2, 3, 4; every width
 * of the published networks, and channels whose sums do and do not fill the lanes. */
static const shape shapes[] = {{8, 16, 1, 1, 1},    {8, 16, 1, 7, 9},    {16, 16, 1, 8, 8}, {16, 48, 5, 13, 1},  {24, 48, 3, 5, 17},
                               {8, 48, 129, 1, 1},  {16, 32, 7, 11, 13}, {24, 16, 2, 9, 7}, {32, 16, 3, 16, 16}, {16, 96, 5, 7, 6},
                               {24, 96, 2, 3, 5},   {16, 192, 3, 5, 5},  {8, 384, 2, 3, 3}, {16, 384, 3, 3, 1},  {24, 768, 1, 3, 2},
                               {16, 48, 17, 9, 11}, {16, 16, 11, 19, 21}};

/* The device's own plan; where `cut`, also runs of planes and parts of a plane with rests. */
static void test_shapes(ctvk_gpu *gpu, int lane_expected, int texel_expected, int cut)
{
    static const int chunks[] = {1, 64, 100, 300};
    int lanes = 0, tiles = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        ctvk_token_to_image_plan plan = plan_of(gpu, shapes[i]);
        lanes += plan.lane;
        tiles += !plan.lane;
        CHECK_MSG(!plan.texel || (plan.lane && texel_expected), "%d channels: texel", shapes[i].c);
        CHECK_MSG(plan.texel == (plan.lane && texel_expected), "%d channels: no texel", shapes[i].c);
        run_case(gpu, shapes[i], &plan, 4);
        for (size_t k = 0; cut && k < sizeof chunks / sizeof *chunks; k++) {
            plan.chunk_voxels = chunks[k];
            if ((i + k) % 4 == 0)
                run_case(gpu, shapes[i], &plan, k % 2 ? 40 : 4);
        }
    }
    CHECK_MSG((lanes > 0) == lane_expected && tiles > 0, "%d shapes by lanes, %d by tiles", lanes, tiles);
}

/* Bindings of three runs and a bit, submissions of little work. */
static void test_split(ctvk_gpu *gpu)
{
    const ctvk_gpu_caps caps = gpu->caps;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        shape s = shapes[i];
        ctvk_token_to_image_plan plan = plan_of(gpu, s);
        plan.chunk_voxels = s.y * s.z * 2;
        plan.range = (uint64_t)s.c * 4 * s.y * s.z * 6 + caps.storage_alignment + 16;
        ops_squeeze(gpu, 0, 1e5);
        run_case(gpu, s, &plan, 4);
    }
}

/* All scores equal: the plain mean. One score far above all others: that voxel alone, without overflow. */
static void test_extremes(ctvk_gpu *gpu, shape s)
{
    size_t voxels = (size_t)s.x * s.y * s.z, block = (size_t)s.pairs * s.c;
    float *image = ops_random(voxels * s.c, 47, 1);
    double *want = malloc(block * sizeof *want), *queries = malloc(block * sizeof *queries);
    ctvk_token_to_image_plan plan = plan_of(gpu, s);
    job j;
    image[voxels / 3] = 1000;
    CHECK(job_create(&j, gpu, s, &plan) && conv_tensor_write(&j.image, image));
    for (int turn = 0; turn < 3; turn++) {
        rows_random(&j.rows, j.queries, (int)block, 1, (int)block, 1, 0, queries);
        for (int pair = 0; pair < s.pairs; pair++)
            j.rows.before[j.queries + pair * s.c] = turn == 0 ? 0 : turn == 1 ? 50.0f : -50.0f;
        ref_token_to_image(image, s.c, voxels, j.rows.before + j.queries, s.pairs, want);
        if (rows_run(&j.rows, record, &j) == CTVK_OK) {
            double worst = rows_worst(&j.rows, j.means, (int)block, 1, (int)block, want);
            CHECK_MSG(worst <= tolerance(40), "%d channels, lanes %d, turn %d: error %g", s.c, plan.lane, turn, worst);
        }
    }
    job_destroy(&j);
    free(image);
    free(want);
    free(queries);
}

static ctvk_status refused(job *j, ctvk_gpu *gpu)
{
    ctvk_error error = {0};
    return ops_run(gpu, record, j, &error);
}

static void test_refusals(ctvk_gpu *gpu)
{
    const shape s = {16, 16, 4, 5, 6};
    ctvk_token_to_image_plan plan = plan_of(gpu, s);
    job j;
    plan.range = 16 * 4 * 30 - 16; /* not one plane */
    CHECK(job_create(&j, gpu, s, &plan));
    CHECK(refused(&j, gpu) == CTVK_ERROR_DEVICE_MEMORY);
    j.plan = plan_of(gpu, s);
    j.pairs = 15;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    j.pairs = 16, j.queries = 10;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    j.queries = 8, j.partials.bytes -= 16;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    job_destroy(&j);
}

int main(void)
{
    int cut[3] = {0, 0, 0}; /* tiles, lanes, lanes with texels: cut once each, the shaders are the same whatever chose them */
    for (int i = 0; i < OPS_MASKS; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
        int texel = caps->is_cpu && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22, kind = caps->is_cpu ? 1 + texel : 0;
        test_shapes(gpu, caps->is_cpu, texel, !cut[kind]);
        if (!cut[kind])
            test_split(gpu);
        cut[kind] = 1;
        test_extremes(gpu, (shape){16, 48, 4, 9, 11});
        test_extremes(gpu, (shape){24, 192, 3, 5, 7});
        test_refusals(gpu);
        ctvk_gpu_destroy(&gpu);
    }
    CHECK(cut[0] && cut[1]);
    return gpu_done("token_to_image");
}
