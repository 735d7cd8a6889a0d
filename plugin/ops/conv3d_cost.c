/* The cost model of the planner for software drivers: what a variant does, counted, times what each of it takes.
 *
 * Fitted to 108 measurements of each width (`ops_bench_conv3d "" all`: 31 shapes from 384 x 384 x 128 down to 3 x 3 x 1, every candidate of
 * each) in processor time on lavapipe, an Intel Xeon with AVX-512, at 512 and at 256 bit: half of them are met within 5 and 8 %, and for
 * every shape the candidate with the least was the fastest or within 3 % of it (at 256 bit but for 6 x 6 x 2 voxels of 192 channels, 14 %).
 * Which of two is faster depends on ratios of these numbers, which differ less from CPU to CPU than the numbers do; where that is not
 * enough, a device is tuned (conv3d_tune.c).
 */
#include "ops/conv3d_plan.h"

#define NANOSECONDS 1e-6 /* in milliseconds */

/* In nanoseconds. */
typedef struct costs {
    double portable;  /* of one multiply-add with weights from uniform blocks, input from storage buffers */
    double direct;    /* the same with weights by address, input from texel buffers */
    double product;   /* the same in conv3d_product, whose input is scratch */
    double sum;       /* of one vec4 of sums that is stored, and read to be added to or summed up */
    double transform; /* of one Winograd tile of one channel group, into or out of its 36 points */
    double pad;       /* of one vec4 of the padded copy */
    double dispatch;  /* of one more dispatch */
} costs;
static const costs wide = {0.135, 0.0294, 0.0324, 20.8, 530, 29.4, 14700};
static const costs narrow = {0.279, 0.0621, 0.0553, 7.57, 134, 6.22, 14200};
enum { PLANES = 48, POINTS = 36, SLICE = 3, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS };

/* What a workgroup's or subgroup's idle lanes cost too. */
static double whole_lanes(const ctvk_conv3d_plan *plan, double lanes)
{
    int64_t width = plan->lanes, groups = ((int64_t)lanes + width - 1) / width;
    return (double)(groups * width);
}

static const costs *costs_of(const ctvk_conv3d_plan *plan)
{
    return plan->lanes > 8 ? &wide : &narrow;
}

static double ceiling(double value, double step)
{
    return (double)(((int64_t)value + (int64_t)step - 1) / (int64_t)step);
}

/* Runs of whole kernels and the rest of one source, one by one. */
static double runs_of(int32_t units, int32_t chunk)
{
    return (double)(units / chunk) + units % chunk;
}

static double direct_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, double voxels)
{
    const costs *c = costs_of(plan);
    double taps = (double)conv->kernel * conv->kernel * conv->kernel, chunks = ctvk_conv3d_out_chunks(conv);
    double adds = voxels * taps * (conv->in_a + conv->in_b) * OUT_CHANNELS * chunks, runs = conv->in_a;
    if (!conv->planar)
        runs = runs_of(conv->in_a / 4, plan->chunk) + runs_of(conv->in_b / 4, plan->chunk);
    return adds * (plan->family == CTVK_CONV3D_PORTABLE ? c->portable : c->direct) +
           runs * chunks * (voxels * CTVK_CONV3D_OUT_GROUPS * c->sum + c->dispatch);
}

static double winograd_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    const costs *c = costs_of(plan);
    double tiles = ceiling(y, 4) * ceiling(z, 4), units = ctvk_conv3d_in_units(conv), groups = conv->out / 4;
    double lanes = whole_lanes(plan, x * tiles), runs = units / plan->chunk, halo = x + 2 * ceiling(x, PLANES);
    double scratch = POINTS * 16.0 * tiles * (plan->chunk * (x + 2.0) + groups * x), blocks = ceiling(scratch, (double)plan->scratch_bytes);
    double adds = POINTS * lanes * SLICE * units * 4 * OUT_CHANNELS * ctvk_conv3d_out_chunks(conv);
    return adds * c->product + POINTS * lanes * groups * runs * c->sum +
           (whole_lanes(plan, units * halo * tiles) + whole_lanes(plan, x * tiles * groups)) * c->transform +
           blocks * (2 * runs + 1) * c->dispatch;
}

static double gemm_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    const costs *c = costs_of(plan);
    double units = ctvk_conv3d_in_units(conv), lanes = whole_lanes(plan, (double)x * y * z), s = conv->stride, padded = 0, dispatches = 4;
    double runs = conv->kernel == 3 ? units / 4 * SLICE : units / 12, length = conv->kernel == 3 ? 36 : 12;
    if (conv->kernel == 3)
        padded = units * ((x - 1) * s + 3) * ((y - 1) * s + 3) * ((z - 1) * s + 3);
    return lanes * runs * (length * 4 * OUT_CHANNELS * ctvk_conv3d_out_chunks(conv) * c->product + conv->out / 4 * c->sum) +
           padded * c->pad + dispatches * c->dispatch;
}

double ctvk_conv3d_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    switch (plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        return NANOSECONDS * winograd_cost(plan, conv, x, y, z);
    case CTVK_CONV3D_GEMM:
        return NANOSECONDS * gemm_cost(plan, conv, x, y, z);
    default:
        return NANOSECONDS * direct_cost(plan, conv, whole_lanes(plan, (double)x * y * z));
    }
}
