/* The trial of the convolutions: every variant that the device takes, with what they normalise, restore and leave of their output. Limits:
 * bench.h. */
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "ref/narrow.h"
#include "selftest/bench.h"

#include <math.h>

/* family: the variant that a small self-test takes where the device has it; a GPU that was not tuned has one. */
typedef struct conv_case {
    ctvk_conv3d conv;
    int32_t x, y, z, family;
} conv_case;

/* Statistics that were taken of `out` while it was written: mean and scale of what was stored. */
static void compare_stats(ctvk_trials *b, const ctvk_span *stats, const ctvk_tensor *out)
{
    const int32_t c = out->c;
    double *mean = ctvk_bench_doubles(b, (size_t)c), *scale = ctvk_bench_doubles(b, (size_t)c),
           *want = ctvk_bench_doubles(b, (size_t)c * 2), *sizes = ctvk_bench_doubles(b, (size_t)c * 2);
    ref_instance_norm_stats(ctvk_bench_dense(b, out, 0), c, (size_t)out->x * (size_t)out->y * (size_t)out->z, mean, scale);
    for (int32_t i = 0; i < c && !b->status; i++) {
        const int32_t at = i / 4 * 8 + i % 4;
        want[at] = mean[i];
        sizes[at] = fmax(fabs(mean[i]), 1 / scale[i]);
        want[at + 4] = sizes[at + 4] = scale[i];
    }
    ctvk_bench_compare(b, ctvk_bench_floats(b, stats), want, (size_t)c * 2, CTVK_BY_SIZE, sizes, 4e-6);
}

/* Statistics for a source of 16 bits a number, whose numbers become what they stand for. */
static ctvk_span stored_stats(ctvk_trials *b, float *dense, int32_t c, size_t voxels)
{
    float *stats = ctvk_bench_made_up_stats(b, c, 1);
    if (!b->status)
        ref_restored(dense, stats, c, voxels);
    return ctvk_bench_span(b, (uint64_t)c * 2 * sizeof *stats, stats);
}

/* Where the variant can take the statistics of its output, it does. */
static void conv3d(ctvk_trials *b, const conv_case *t, const ctvk_conv3d_plan *plan, int32_t normalises)
{
    const ctvk_conv3d *conv = &t->conv;
    int32_t in = conv->in_a + conv->in_b, s = conv->stride, x = (t->x + s - 1) / s, y = (t->y + s - 1) / s, z = (t->z + s - 1) / s;
    size_t voxels = (size_t)t->x * (size_t)t->y * (size_t)t->z, count = (size_t)conv->out * (size_t)x * (size_t)y * (size_t)z;
    size_t taps = (size_t)conv->kernel * (size_t)conv->kernel * (size_t)conv->kernel;
    ctvk_bench_case(b);
    float *dense = ctvk_bench_random(b, (size_t)in * voxels, 1), *kernel = ctvk_bench_random(b, (size_t)(conv->out * in) * taps, 1);
    double *want = ctvk_bench_doubles(b, count);
    void *packed = ctvk_bench_take(b, ctvk_conv3d_plan_weight_bytes(plan, conv));
    if (!packed)
        return;
    ctvk_conv3d_plan_pack(plan, conv, kernel, packed);
    int32_t layout = conv->planar ? CTVK_BENCH_PLANAR : CTVK_BENCH_BLOCKED;
    ctvk_tensor a = ctvk_bench_tensor(b, conv->in_a, t->x, t->y, t->z, layout, dense), second = {0};
    if (conv->in_b) {
        layout = b->half ? CTVK_BENCH_HALF : CTVK_BENCH_BLOCKED;
        second = ctvk_bench_tensor(b, conv->in_b, t->x, t->y, t->z, layout, dense + (size_t)conv->in_a * voxels);
    }
    ctvk_span weights = ctvk_bench_span(b, ctvk_conv3d_plan_weight_bytes(plan, conv), packed);
    ctvk_span scratch = ctvk_bench_span(b, ctvk_conv3d_plan_scratch_bytes(plan, conv, x, y, z), NULL);
    const int32_t parts = ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(b->gpu), plan, conv, x, y, z);
    const int32_t half = b->half && conv->in_b;
    ctvk_span stats = half ? stored_stats(b, dense + (size_t)conv->in_a * voxels, conv->in_b, voxels)
                           : ctvk_bench_stats(b, dense, in, voxels, normalises),
              taken = parts ? ctvk_bench_span(b, ctvk_instance_norm_parts_bytes(conv->out, parts), NULL) : (ctvk_span){0};
    ctvk_tensor out = ctvk_bench_tensor(b, conv->out, x, y, z, CTVK_BENCH_BLOCKED, NULL);
    if (!ctvk_bench_begin(b))
        return;
    ctvk_conv3d_job job = {b->cmd, b->gpu, plan, conv, &a, conv->in_b ? &second : NULL, &out, &weights, &scratch, NULL, NULL};
    job.norm = half || normalises ? &stats : NULL;
    job.stats = parts ? &taken : NULL;
    ctvk_bench_finish(b, ctvk_conv3d_plan_record(&job, b->error));
    ref_conv3d(normalises ? ctvk_bench_normalised(b, dense, in, voxels) : dense, in, t->x, t->y, t->z, kernel, conv->out, conv->kernel, s,
               want);
    ctvk_bench_compare(b, ctvk_bench_dense(b, &out, 0), want, count, CTVK_BY_LARGEST, NULL,
                       plan->family == CTVK_CONV3D_WINOGRAD ? 2.4e-4 : 2.4e-5);
    if (parts)
        compare_stats(b, &taken, &out);
}

/* With every variant that this device may be told to take, or, in a small self-test of a software driver, one of them; and with what a
 * device takes by itself where no model of the shape chooses. */
static void conv3d_variants(ctvk_trials *b, const conv_case *t)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(b->gpu);
    const ctvk_conv3d_plan by_itself = ctvk_conv3d_choose(caps, NULL, &t->conv, t->x, t->y, t->z);
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    int32_t count = ctvk_conv3d_candidates(caps, &t->conv, plans), one = 0, modelled = ctvk_conv3d_class(caps) == CTVK_CONV3D_CPU;
    int32_t told = b->variants || modelled || ctvk_gpu_tuned_sha256(b->gpu);
    for (int32_t i = 0; i < count; i++)
        if (plans[i].family == t->family)
            one = i;
    for (int32_t i = 0; i < count; i++)
        if ((told && (b->full || b->variants || !modelled || i == one)) || (!modelled && plans[i].family == by_itself.family))
            for (int32_t normalises = 0; normalises <= ctvk_conv3d_plan_normalises(&plans[i], &t->conv); normalises++)
                conv3d(b, t, &plans[i], normalises);
}

void ctvk_trial_conv3d(ctvk_trials *b)
{
    enum { DIRECT = CTVK_CONV3D_ADDRESS, WINOGRAD = CTVK_CONV3D_WINOGRAD, GEMM = CTVK_CONV3D_GEMM };
    /* The first seven, small, take each kernel that a network has: both Winograd widths, strides, the first layer's planes, two sources,
     * and the matrix product of the deep levels. */
    static const conv_case cases[] = {
        {{48, 0, 24, 3, 1, 0}, 3, 5, 5, WINOGRAD},  {{16, 16, 16, 3, 1, 0}, 2, 4, 5, DIRECT}, {{16, 0, 24, 3, 2, 0}, 3, 5, 6, DIRECT},
        {{1, 0, 16, 3, 2, 1}, 5, 6, 7, DIRECT},     {{16, 0, 32, 1, 2, 0}, 4, 6, 5, DIRECT},  {{64, 0, 24, 3, 2, 0}, 3, 5, 6, GEMM},
        {{96, 0, 16, 1, 2, 0}, 4, 6, 5, GEMM},      {{1, 0, 16, 1, 2, 1}, 4, 5, 7, DIRECT},   {{48, 0, 48, 3, 1, 0}, 4, 4, 4, WINOGRAD},
        {{48, 48, 48, 3, 1, 0}, 3, 5, 9, WINOGRAD}, {{16, 0, 16, 3, 1, 0}, 1, 1, 1, DIRECT},  {{4, 16, 52, 3, 1, 0}, 7, 9, 33, DIRECT},
        {{20, 28, 24, 3, 1, 0}, 2, 3, 5, WINOGRAD}, {{52, 0, 48, 3, 2, 0}, 5, 8, 8, DIRECT},  {{16, 0, 16, 3, 1, 0}, 16, 16, 16, DIRECT},
        {{1, 0, 48, 3, 1, 1}, 3, 5, 9, DIRECT},     {{3, 0, 12, 3, 2, 1}, 7, 9, 33, DIRECT},  {{24, 0, 48, 1, 2, 0}, 5, 8, 8, DIRECT},
        {{12, 20, 16, 1, 1, 0}, 3, 5, 33, DIRECT},  {{2, 0, 4, 1, 1, 1}, 16, 16, 16, DIRECT}, {{96, 0, 96, 3, 1, 0}, 3, 6, 4, GEMM},
        {{48, 0, 96, 3, 2, 0}, 8, 6, 10, DIRECT}};
    /* With a second source of 16 bits a number; the first two are the small self-test's. */
    static const conv_case halves[] = {{{16, 16, 16, 3, 1, 0}, 2, 4, 5, DIRECT},   {{16, 16, 16, 3, 1, 0}, 3, 5, 5, WINOGRAD},
                                       {{48, 48, 48, 3, 1, 0}, 3, 5, 9, WINOGRAD}, {{4, 16, 52, 3, 1, 0}, 7, 9, 33, DIRECT},
                                       {{20, 28, 24, 3, 1, 0}, 2, 3, 5, WINOGRAD}, {{16, 32, 20, 3, 1, 0}, 1, 1, 1, GEMM}};
    const conv_case *tried = b->half ? halves : cases;
    const int all = b->half ? (int)(sizeof halves / sizeof *halves) : (int)(sizeof cases / sizeof *cases), few = b->half ? 2 : 7;
    for (int i = 0; i < (b->full ? all : few); i++)
        conv3d_variants(b, &tried[i]);
}
