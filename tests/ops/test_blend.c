/* Window blending on the device against plain C in double. */
#include "ops/blend.h"
#include "ref/blend.h"
#include "support/ops_case.h"

/* Relative error of a weight. The exponent goes down to ln 1e-3, about -7, and is made of three products and two sums in float32: some
 * 7 * 2e-7; exp_down adds 1 ulp, the product with a logit another. 4e-7 seen. */
#define TOLERANCE 1.5e-6

typedef struct shape {
    int classes, x, y, z;
} shape;

typedef struct job {
    conv_tensor logits, out;
    double sigma_scale;
    int constant, first, count;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_blend_record(cmd, gpu, &j->logits.tensor, j->sigma_scale, j->constant, j->first, j->count, &j->out.tensor, error);
}

/* Largest relative error over planes [first, first + count); dense logits [class][x][y][z], got [class + 1][planes][y][z]. Planes of `got`
 * beyond count must still be NaN. */
static double worst_of(const job *j, shape s, const float *logits, const float *got, const double *weights)
{
    size_t area = (size_t)s.y * s.z, planes = (size_t)j->out.tensor.x;
    double worst = 0;
    for (size_t k = 0; k <= (size_t)s.classes; k++)
        for (size_t i = 0; i < planes * area; i++) {
            float value = got[k * planes * area + i];
            size_t voxel = (size_t)j->first * area + i;
            if (i >= (size_t)j->count * area) {
                worst = isnan(value) ? worst : 1e30;
                continue;
            }
            double logit = k < (size_t)s.classes ? logits[k * (size_t)s.x * area + voxel] : 1, want = weights[voxel] * logit;
            worst = isfinite(value) ? fmax(worst, fabs(value - want) / (fabs(want) + 1e-30)) : 1e30;
        }
    return worst;
}

/* Voxels of a whole window's weight (the channel behind the classes) that are not, to the bit, what their mirror images are: volume/sums.c
 * keeps one of them alone. */
static size_t asymmetric(const job *j, shape s, const float *got)
{
    const float *weight = got + (size_t)s.classes * (size_t)j->out.tensor.x * (size_t)(s.y * s.z);
    size_t wrong = 0;
    for (int x = 0; x < s.x; x++)
        for (int y = 0; y < s.y; y++)
            for (int z = 0; z < s.z; z++) {
                int mx = x < s.x - 1 - x ? x : s.x - 1 - x, my = y < s.y - 1 - y ? y : s.y - 1 - y, mz = z < s.z - 1 - z ? z : s.z - 1 - z;
                wrong += memcmp(&weight[(x * s.y + y) * s.z + z], &weight[(mx * s.y + my) * s.z + mz], sizeof *weight) != 0;
            }
    return wrong;
}

/* out has one plane more than is asked for. */
static void run_case(ctvk_gpu *gpu, shape s, double sigma_scale, int constant, int first, int count)
{
    size_t voxels = (size_t)s.x * s.y * s.z, out_count = (size_t)(s.classes + 1) * (size_t)(count + 1) * (size_t)(s.y * s.z);
    float *logits = ops_random(voxels * s.classes, 61, 20), *got = malloc(out_count * sizeof *got);
    double *weights = malloc(voxels * sizeof *weights);
    job j = {.sigma_scale = sigma_scale, .constant = constant, .first = first, .count = count};
    ctvk_error error = {0};
    ref_blend_weights(s.x, s.y, s.z, constant ? 1 : sigma_scale, constant, weights);
    CHECK(conv_tensor_create(gpu, &j.logits, s.classes, s.x, s.y, s.z, 1) && conv_tensor_write(&j.logits, logits) &&
          conv_tensor_create(gpu, &j.out, s.classes + 1, count + 1, s.y, s.z, 1));
    ctvk_status status = ops_run(gpu, record, &j, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(conv_tensor_read(&j.out, got));
    double worst = worst_of(&j, s, logits, got, weights);
    CHECK_MSG(worst <= TOLERANCE, "%d classes, %d x %d x %d, planes %d + %d, sigma %g, constant %d: error %g", s.classes, s.x, s.y, s.z,
              first, count, sigma_scale, constant, worst);
    CHECK(first > 0 || count < s.x || asymmetric(&j, s, got) == 0);
    CHECK(conv_tensor_guards_hold(&j.logits) && conv_tensor_guards_hold(&j.out));
    conv_tensor_destroy(&j.logits);
    conv_tensor_destroy(&j.out);
    free(logits);
    free(got);
    free(weights);
}

/* One voxel; around the 64 of a workgroup; even and odd extents (the centre on a voxel and between two); long and flat windows. */
static const shape shapes[] = {{1, 1, 1, 1}, {2, 3, 3, 7},   {2, 1, 8, 8},   {3, 5, 13, 1},
                               {1, 6, 7, 9}, {2, 32, 33, 5}, {5, 4, 31, 17}, {2, 97, 3, 2}};

static void test_device(uint32_t mask, int squeezed)
{
    ctvk_gpu *gpu = ops_open(mask);
    const ctvk_gpu_caps caps = gpu->caps;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        shape s = shapes[i];
        gpu->caps = caps;
        if (squeezed) /* two planes and a bit of a binding, and little work of a submission */
            ops_squeeze(gpu, (uint64_t)(s.classes + 1) * (uint64_t)(s.y * s.z) * 8 + 2 * 256 + 60, 1e4);
        run_case(gpu, s, 0.125, 0, 0, s.x);
        run_case(gpu, s, 0.125, 1, 0, s.x);
        run_case(gpu, s, 0.7, 0, s.x / 3, s.x - s.x / 3); /* the smallest weight is above 1e-3 */
        run_case(gpu, s, 0.04, 0, s.x / 2, 1);            /* most weights are at the floor */
    }
    ctvk_gpu_destroy(&gpu);
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_error error = {0};
    job j = {.sigma_scale = 0.125, .count = 4};
    CHECK(conv_tensor_create(gpu, &j.logits, 2, 4, 16, 16, 1) && conv_tensor_create(gpu, &j.out, 3, 4, 16, 16, 1));
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_OK);
    j.first = 1;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL); /* beyond the window */
    j.first = 0, j.sigma_scale = 0;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.sigma_scale = 0.125, j.out.tensor.c = 2;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.out.tensor.c = 3;
    ops_squeeze(gpu, 3 * 16 * 16 * 4, 0); /* not a plane and its alignment */
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_DEVICE_MEMORY);
    conv_tensor_destroy(&j.logits);
    conv_tensor_destroy(&j.out);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i], i % 2);
    test_refusals();
    return gpu_done("blend");
}
