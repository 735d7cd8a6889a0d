/* support/conv3d_fixture.h - one convolution on the device between guard bands, for the tests of its variants. */
#ifndef CTVK_TESTS_CONV3D_FIXTURE_H
#define CTVK_TESTS_CONV3D_FIXTURE_H

#include "ops/conv3d_plan.h"
#include "ref/conv3d.h"
#include "ref/narrow.h"
#include "support/ops_case.h"

/* Largest error over the largest output. Direct: float32 sums of up to 27 * 100 products in a fixed order, about 2e-6 seen.
 * Winograd F(4, 3) squared: the transforms amplify rounding (coefficients up to 8 in each direction), up to 1.5e-5 seen. */
static inline double tolerance(const ctvk_conv3d_plan *plan)
{
    return plan->family == CTVK_CONV3D_WINOGRAD ? 6e-5 : 6e-6;
}

typedef struct extents {
    int x, y, z;
} extents;

/* Everything of one case, each on the device between guard bands; all pointers owned. */
typedef struct fixture {
    conv_tensor a, b, out;
    ctvk_span weights, scratch, norm; /* norm: of a second source of 16 bits a number */
    float *dense, *kernel, *got;
    double *want;
    size_t out_count;
} fixture;

static inline int ceil_half(int n, int stride)
{
    return (n + stride - 1) / stride;
}

/* half: the second source has 16 bits a number. */
static inline int fixture_create(fixture *f, ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int half, extents e)
{
    int in = conv->in_a + conv->in_b, taps = conv->kernel * conv->kernel * conv->kernel;
    int x = ceil_half(e.x, conv->stride), y = ceil_half(e.y, conv->stride), z = ceil_half(e.z, conv->stride);
    size_t voxels = (size_t)e.x * e.y * e.z;
    memset(f, 0, sizeof *f);
    f->out_count = (size_t)conv->out * x * y * z;
    f->dense = conv_random_array(in * voxels, 7);
    f->kernel = conv_random_array((size_t)conv->out * in * taps, 11);
    f->got = conv_random_array(f->out_count, 1);
    f->want = malloc(f->out_count * sizeof(double));
    void *packed = malloc(ctvk_conv3d_plan_weight_bytes(plan, conv));
    int ok = f->dense && f->kernel && f->got && f->want && packed;
    if (ok) {
        ctvk_conv3d_plan_pack(plan, conv, f->kernel, packed);
        ok = ops_span_create(gpu, &f->weights, ctvk_conv3d_plan_weight_bytes(plan, conv), packed) &&
             ops_span_create(gpu, &f->scratch, ctvk_conv3d_plan_scratch_bytes(plan, conv, x, y, z), 0) &&
             conv_tensor_create(gpu, &f->a, conv->in_a, e.x, e.y, e.z, conv->planar) && conv_tensor_write(&f->a, f->dense) &&
             conv_tensor_create(gpu, &f->out, conv->out, x, y, z, 0);
    }
    if (ok && conv->in_b) {
        if (half)
            ref_narrowed(f->dense + conv->in_a * voxels, conv->in_b, voxels);
        ok = conv_tensor_create_as(gpu, &f->b, half, conv->in_b, e.x, e.y, e.z, 0) &&
             conv_tensor_write(&f->b, f->dense + conv->in_a * voxels);
    }
    if (ok && half) {
        float *stats = conv_stored_stats(f->dense + conv->in_a * voxels, conv->in_b, voxels);
        ok = ops_span_create(gpu, &f->norm, (uint64_t)conv->in_b * 2 * sizeof *stats, stats);
        free(stats);
    }
    free(packed);
    return ok;
}

static inline void fixture_destroy(fixture *f)
{
    conv_tensor_destroy(&f->a);
    conv_tensor_destroy(&f->b);
    conv_tensor_destroy(&f->out);
    ctvk_gpu_buffer_destroy(&f->weights.buffer);
    ctvk_gpu_buffer_destroy(&f->scratch.buffer);
    ctvk_gpu_buffer_destroy(&f->norm.buffer);
    free(f->dense);
    free(f->kernel);
    free(f->got);
    free(f->want);
}

static inline ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    ctvk_conv3d_job *job = user;
    job->cmd = cmd;
    job->gpu = gpu;
    return ctvk_conv3d_plan_record(job, error);
}

static inline ctvk_status record_and_wait(fixture *f, ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv,
                                          ctvk_error *error)
{
    ctvk_conv3d_job job = {0,
                           0,
                           plan,
                           conv,
                           &f->a.tensor,
                           conv->in_b ? &f->b.tensor : 0,
                           &f->out.tensor,
                           &f->weights,
                           &f->scratch,
                           f->norm.buffer ? &f->norm : NULL,
                           NULL};
    return ops_run(gpu, record, &job, error);
}

#endif
