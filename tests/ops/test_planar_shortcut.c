/* The first block's shortcut against plain C in double: channels, tile edges, split dispatches, a mean far from zero; and what is refused.
 */
#include "ops/instance_norm.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "support/ops_case.h"

/* As of test_instance_norm.c: float32 statistics of both sides, a few roundings of numbers up to about 4, and that of the products. */
#define TOLERANCE 4e-6

typedef struct shape {
    int in, c, x, y, z; /* extents of the output */
} shape;

typedef struct run {
    ctvk_planar_shortcut shortcut;
    conv_tensor in, out;
    ctvk_span weights, stats, out_stats;
} run;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const run *r = user;
    ctvk_status status = ctvk_instance_norm_stats(cmd, gpu, &r->out.tensor, &r->out_stats, error);
    return status ? status
                  : ctvk_planar_shortcut_record(cmd, gpu, &r->shortcut, &r->in.tensor, &r->weights, &r->stats, &r->out.tensor,
                                                &r->out_stats, error);
}

static int make(ctvk_gpu *gpu, run *r, shape s, const float *kernel)
{
    *r = (run){.shortcut = {s.in, s.c}};
    uint64_t bytes = ctvk_instance_norm_scratch_bytes(gpu, s.c, s.x, s.y, s.z), packed = ctvk_planar_shortcut_weight_bytes(&r->shortcut);
    float *weights = malloc(packed);
    ctvk_planar_shortcut_pack(&r->shortcut, kernel, weights);
    int ok = conv_tensor_create(gpu, &r->in, s.in, 2 * s.x, 2 * s.y, 2 * s.z, 1) &&
             conv_tensor_create(gpu, &r->out, s.c, s.x, s.y, s.z, 0) && ops_span_create(gpu, &r->weights, packed, weights) &&
             ops_span_create(gpu, &r->stats, bytes, NULL) && ops_span_create(gpu, &r->out_stats, bytes, NULL);
    free(weights);
    return ok;
}

static void destroy(run *r)
{
    conv_tensor_destroy(&r->in);
    conv_tensor_destroy(&r->out);
    ctvk_gpu_buffer_destroy(&r->weights.buffer);
    ctvk_gpu_buffer_destroy(&r->stats.buffer);
    ctvk_gpu_buffer_destroy(&r->out_stats.buffer);
}

/* What the network would get from the convolution, its norm and the sum, one after the other. Returns the tolerance: with products of up
 * to `size`, a product, a sum, their mean and the reference's own rounding are each off by half an ulp, which the scale makes larger. */
static double expect(shape s, const float *dense, const float *kernel, const float *out, double size, double *want)
{
    size_t voxels = (size_t)s.x * s.y * s.z, count = (size_t)s.c * voxels;
    double *wide = malloc(count * sizeof *wide), mean[64], scale[64], limit = TOLERANCE;
    float *shortcut = malloc(count * sizeof *shortcut);
    ref_conv3d(dense, s.in, 2 * s.x, 2 * s.y, 2 * s.z, kernel, s.c, 1, 2, wide);
    for (size_t i = 0; i < count; i++)
        shortcut[i] = (float)wide[i];
    ref_instance_norm(out, shortcut, s.c, voxels, want);
    ref_instance_norm_stats(shortcut, s.c, voxels, mean, scale);
    for (int c = 0; c < s.c; c++) {
        double sizes = 0;
        for (int k = 0; k < s.in; k++)
            sizes += size * fabs(kernel[c * s.in + k]);
        limit = fmax(limit, TOLERANCE + 2.4e-7 * sizes * scale[c]);
    }
    free(wide);
    free(shortcut);
    return limit;
}

static void run_case(ctvk_gpu *gpu, shape s, double offset)
{
    size_t in_count = (size_t)s.in * s.x * s.y * s.z * 8, count = (size_t)s.c * s.x * s.y * s.z;
    float *dense = ops_random(in_count, 3, 1), *kernel = ops_random((size_t)s.c * s.in, 4, 1), *out = ops_random(count, 5, 2),
          *got = ops_random(count, 1, 1), *again = ops_random(count, 1, 1);
    double *want = malloc(count * sizeof *want);
    run r;
    ctvk_error error = {0};
    for (size_t i = 0; i < in_count; i++)
        dense[i] = (float)(dense[i] + offset);
    int ok = make(gpu, &r, s, kernel) && conv_tensor_write(&r.in, dense);
    CHECK(ok);
    for (int turn = 0; ok && turn < 2; turn++) {
        CHECK(conv_tensor_write(&r.out, out));
        ctvk_status status = ops_run(gpu, record, &r, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(conv_tensor_read(&r.out, turn ? again : got));
    }
    if (ok) {
        double limit = expect(s, dense, kernel, out, fabs(offset), want), worst = ops_worst(got, want, count);
        CHECK_MSG(worst <= limit, "%d -> %d, %d x %d x %d, offset %g: error %g", s.in, s.c, s.x, s.y, s.z, offset, worst);
        CHECK(memcmp(got, again, count * sizeof *got) == 0);
        CHECK(conv_tensor_guards_hold(&r.in) && conv_tensor_guards_hold(&r.out) && ops_span_guards_hold(&r.weights) &&
              ops_span_guards_hold(&r.stats) && ops_span_guards_hold(&r.out_stats));
    }
    destroy(&r);
    free(dense);
    free(kernel);
    free(out);
    free(got);
    free(again);
    free(want);
}

/* One voxel; less than a wave; many planes of one voxel; lines of one voxel; planes of a run and one plane cut into parts, each with a
 * rest. */
static const shape shapes[] = {{1, 4, 1, 1, 1},    {1, 8, 3, 5, 7},     {2, 16, 130, 1, 1}, {3, 8, 2, 9, 1},
                               {1, 8, 83, 13, 17}, {2, 4, 2, 130, 131}, {1, 48, 5, 16, 33}};

static void test_device(uint32_t mask, uint64_t range, double work)
{
    ctvk_gpu *gpu = ops_open(mask);
    ctvk_gpu_caps caps = gpu->caps;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        shape s = shapes[i];
        /* A run of planes, of the input too, and the statistics must fit. */
        uint64_t planes = (uint64_t)ctvk_instance_norm_chunks(gpu, s.c, s.x, s.y, s.z).run_planes,
                 least = ctvk_instance_norm_scratch_bytes(gpu, s.c, s.x, s.y, s.z),
                 run_bytes = planes * (uint64_t)((s.c > 8 * s.in ? s.c : 8 * s.in) * s.y * s.z) * 4 + 2048;
        gpu->caps = caps;
        least = least > run_bytes ? least : run_bytes;
        ops_squeeze(gpu, range > least || !range ? range : least, work);
        run_case(gpu, s, 0);
        ops_squeeze(gpu, 0, work);
        run_case(gpu, s, i % 2 ? 100 : -30);
    }
    ctvk_gpu_destroy(&gpu);
}

static ctvk_status status_of(ctvk_gpu *gpu, run *r)
{
    ctvk_error error = {0};
    ctvk_status status = ops_run(gpu, record, r, &error);
    CHECK(status != CTVK_OK || error.message[0] == 0);
    return status;
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    const shape s = {4, 16, 2, 16, 16};
    float *kernel = ops_random((size_t)s.c * s.in, 4, 1), *zero = ops_random((size_t)s.c * s.x * s.y * s.z * 8, 4, 0);
    run r;
    CHECK(make(gpu, &r, s, kernel) && conv_tensor_write(&r.in, zero) && conv_tensor_write(&r.out, zero));
    CHECK(status_of(gpu, &r) == CTVK_OK);
    r.in.tensor.x--; /* not twice the output */
    CHECK(status_of(gpu, &r) == CTVK_ERROR_INTERNAL);
    r.in.tensor.x++;
    r.shortcut.in = 2;
    CHECK(status_of(gpu, &r) == CTVK_ERROR_INTERNAL);
    r.shortcut.in = 4;
    r.weights.bytes--;
    CHECK(status_of(gpu, &r) == CTVK_ERROR_INTERNAL);
    r.weights.bytes++;
    r.stats.bytes = 64;
    CHECK(status_of(gpu, &r) == CTVK_ERROR_INTERNAL);
    r.stats.bytes = r.out_stats.bytes;
    ops_squeeze(gpu, 20 << 10, 0); /* one plane of the output, but not two of the input */
    CHECK(status_of(gpu, &r) == CTVK_ERROR_DEVICE_MEMORY);
    destroy(&r);
    free(kernel);
    free(zero);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i], 0, 0);
    test_device(CTVK_GPU_NO_TEXEL, 1, 1e4);
    test_device(CTVK_GPU_MIN_LIMITS, 1, 1e5);
    test_refusals();
    return gpu_done("planar_shortcut");
}
