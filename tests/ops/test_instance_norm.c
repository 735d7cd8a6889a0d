/* Instance norm against plain C in double: tile edges, a mean far from zero, split dispatches, in place and not. */
#include "ops/instance_norm.h"
#include "ref/instance_norm.h"
#include "support/ops_case.h"

/* Statistics: float32 partial sums merged by Chan's formula, about 3e-7 seen; the mean relative to its standard deviation or to itself,
 * whichever is larger. Output: that of the statistics plus a few roundings of numbers up to about 4. */
#define STATS_TOLERANCE 1e-6
#define OUT_TOLERANCE 4e-6

typedef struct run {
    conv_tensor in, shortcut, out;
    ctvk_span stats, shortcut_stats;
    int add;
} run;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    run *r = user;
    ctvk_status status = ctvk_instance_norm_stats(cmd, gpu, &r->in.tensor, &r->stats, error);
    if (!status && r->add)
        status = ctvk_instance_norm_stats(cmd, gpu, &r->shortcut.tensor, &r->shortcut_stats, error);
    return status
               ? status
               : ctvk_instance_norm_apply(cmd, gpu, &r->in.tensor, &r->stats, r->add ? &r->shortcut.tensor : NULL,
                                          r->add ? &r->shortcut_stats : NULL, r->out.tensor.buffer ? &r->out.tensor : &r->in.tensor, error);
}

typedef struct shape {
    int c, x, y, z;
} shape;

static void check_stats(const run *r, const float *dense, shape s, double offset)
{
    size_t voxels = (size_t)s.x * s.y * s.z;
    double mean[64], scale[64];
    float got[128];
    ctvk_error error = {0};
    ref_instance_norm_stats(dense, s.c, voxels, mean, scale);
    CHECK(ctvk_gpu_download(r->stats.buffer, r->stats.offset, got, (uint64_t)s.c * 2 * sizeof(float), &error) == CTVK_OK);
    for (int c = 0; c < s.c; c++) {
        double m = got[c / 4 * 8 + c % 4], k = got[c / 4 * 8 + 4 + c % 4];
        CHECK_MSG(fabs(m - mean[c]) <= STATS_TOLERANCE * fmax(1 / scale[c], fabs(mean[c])), "%d x %d x %d: mean %g, not %g", s.x, s.y, s.z,
                  m, mean[c]);
        CHECK_MSG(fabs(k - scale[c]) <= (STATS_TOLERANCE + 1e-7 * fabs(offset)) * scale[c], "%d x %d x %d: scale %.9g, not %.9g", s.x, s.y,
                  s.z, k, scale[c]);
    }
}

/* offset: added to every voxel. */
static void run_case(ctvk_gpu *gpu, shape s, int add, int in_place, double offset)
{
    size_t count = (size_t)s.c * s.x * s.y * s.z;
    float *dense = ops_random(count, 11, 1), *other = ops_random(count, 12, 3), *got = ops_random(count, 1, 1),
          *again = ops_random(count, 1, 1);
    double *want = malloc(count * sizeof *want);
    uint64_t bytes = ctvk_instance_norm_scratch_bytes(gpu, s.c, s.x, s.y, s.z);
    run r = {.add = add};
    ctvk_error error = {0};
    for (size_t i = 0; i < count; i++)
        dense[i] = (float)(dense[i] + offset);
    int ok = conv_tensor_create(gpu, &r.in, s.c, s.x, s.y, s.z, 0) && conv_tensor_create(gpu, &r.shortcut, s.c, s.x, s.y, s.z, 0) &&
             (in_place || conv_tensor_create(gpu, &r.out, s.c, s.x, s.y, s.z, 0)) && ops_span_create(gpu, &r.stats, bytes, NULL) &&
             ops_span_create(gpu, &r.shortcut_stats, bytes, NULL) && conv_tensor_write(&r.shortcut, other);
    CHECK(ok);
    ref_instance_norm(dense, add ? other : NULL, s.c, (size_t)s.x * s.y * s.z, want);
    for (int turn = 0; ok && turn < 2; turn++) {
        CHECK(conv_tensor_write(&r.in, dense));
        ctvk_status status = ops_run(gpu, record, &r, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(conv_tensor_read(in_place ? &r.in : &r.out, turn ? again : got));
    }
    if (ok) {
        double mean[64], scale[64], limit = OUT_TOLERANCE, worst = ops_worst(got, want, count);
        ref_instance_norm_stats(dense, s.c, (size_t)s.x * s.y * s.z, mean, scale);
        for (int c = 0; c < s.c; c++) /* a mean in float32 is off by half an ulp, which the scale makes larger */
            limit = fmax(limit, OUT_TOLERANCE + 1.2e-7 * fabs(offset) * scale[c]);
        CHECK_MSG(worst <= limit, "%d x %d x %d x %d, add %d, in place %d, offset %g: error %g", s.c, s.x, s.y, s.z, add, in_place, offset,
                  worst);
        CHECK(memcmp(got, again, count * sizeof *got) == 0);
        check_stats(&r, dense, s, offset);
        CHECK(conv_tensor_guards_hold(&r.in) && conv_tensor_guards_hold(&r.shortcut) && (in_place || conv_tensor_guards_hold(&r.out)) &&
              ops_span_guards_hold(&r.stats) && ops_span_guards_hold(&r.shortcut_stats));
    }
    conv_tensor_destroy(&r.in);
    conv_tensor_destroy(&r.shortcut);
    conv_tensor_destroy(&r.out);
    ctvk_gpu_buffer_destroy(&r.stats.buffer);
    ctvk_gpu_buffer_destroy(&r.shortcut_stats.buffer);
    free(dense);
    free(other);
    free(got);
    free(again);
    free(want);
}

/* One voxel; less than a wave; many planes of one voxel; planes of a run and one plane cut into parts, each with a rest. */
static const shape shapes[] = {{4, 1, 1, 1},    {8, 3, 5, 7},   {16, 130, 1, 1},  {64, 2, 2, 1},
                               {8, 83, 13, 17}, {4, 3, 64, 65}, {12, 2, 130, 131}};

static void test_device(uint32_t disable, uint64_t range, double work)
{
    ctvk_gpu *gpu = open_gpu(disable);
    ctvk_gpu_caps caps = gpu->caps;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        shape s = shapes[i];
        /* A run of planes and the statistics must fit. */
        uint64_t planes = (uint64_t)ctvk_instance_norm_chunks(gpu, s.c, s.x, s.y, s.z).run_planes,
                 least = ctvk_instance_norm_scratch_bytes(gpu, s.c, s.x, s.y, s.z),
                 run_bytes = planes * (uint64_t)(s.c * s.y * s.z) * 4 + 1024;
        gpu->caps = caps;
        least = least > run_bytes ? least : run_bytes;
        ops_squeeze(gpu, range > least || !range ? range : least, work);
        run_case(gpu, s, (int)i % 2, 1, 0);
        ops_squeeze(gpu, 0, work);
        run_case(gpu, s, (int)(i + 1) % 2, (int)i % 3, i % 2 ? 1000 : -30);
    }
    ctvk_gpu_destroy(&gpu);
}

static void test_too_large(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    run r = {.add = 0};
    ctvk_error error = {0};
    CHECK(conv_tensor_create(gpu, &r.in, 16, 2, 16, 16, 0) && ops_span_create(gpu, &r.stats, 1 << 16, NULL));
    ops_squeeze(gpu, 16 * 16 * 16 * 4 - 64, 0); /* not one plane */
    CHECK(ops_run(gpu, record, &r, &error) == CTVK_ERROR_DEVICE_MEMORY);
    r.stats.bytes = 64;
    CHECK(ops_run(gpu, record, &r, &error) == CTVK_ERROR_INTERNAL);
    r.stats.bytes = 1 << 16;
    r.in.tensor.half = 1;
    CHECK(ops_run(gpu, record, &r, &error) == CTVK_ERROR_INTERNAL);
    conv_tensor_destroy(&r.in);
    ctvk_gpu_buffer_destroy(&r.stats.buffer);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_device(0, 0, 0);
    test_device(CTVK_GPU_NO_TEXEL, 1, 1e4);
    test_device(CTVK_GPU_MIN_LIMITS, 1, 1e5);
    test_too_large();
    return gpu_done("instance_norm");
}
