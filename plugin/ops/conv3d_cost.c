/* The cost model of the planner for software drivers: what a variant does, counted, times what each of it takes.
 *
 * Fitted to 108 measurements (`ops_bench_conv3d "" all`: 31 shapes from 384 x 384 x 128 down to 3 x 3 x 1, every candidate of each) in
 * processor time on lavapipe at 256 bit, an Intel Xeon: half of them are met within 8 %, and for every shape the candidate with the least
 * was the fastest or within 3 % of it, but for 6 x 6 x 2 voxels of 192 channels (14 %). At 512 bit the numbers are others; the model does
 * not ask, because a device gives the same bits at any width. Which of two is faster depends on ratios of these numbers, which differ less
 * from CPU to CPU than the numbers do; where that is not enough, a device is tuned (conv3d_tune.c).
 */
#include "ops/conv3d_plan.h"

#define NANOSECONDS 1e-6              /* in milliseconds */
static const double PORTABLE = 0.279; /* ns of one multiply-add with weights from uniform blocks, input from storage buffers */
static const double DIRECT = 0.0621;  /* the same with weights by address, input from texel buffers */
static const double PRODUCT = 0.0553; /* the same in conv3d_product, whose input is scratch */
static const double SUM = 7.57;       /* of one vec4 of sums that is stored, and read to be added to or summed up */
static const double TRANSFORM = 134;  /* of one Winograd tile of one channel group, into or out of its 36 points */
static const double PAD = 6.22;       /* of one vec4 of the padded copy */
static const double DISPATCH = 14200; /* of one more dispatch */
enum { LANES = 8, PLANES = 48, POINTS = 36, SLICE = 3, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS };

/* What a workgroup's or subgroup's idle lanes cost too. */
static double whole_lanes(double lanes)
{
    int64_t groups = ((int64_t)lanes + LANES - 1) / LANES;
    return (double)(groups * LANES);
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
    double taps = (double)conv->kernel * conv->kernel * conv->kernel, chunks = ctvk_conv3d_out_chunks(conv);
    double adds = voxels * taps * (conv->in_a + conv->in_b) * OUT_CHANNELS * chunks, runs = conv->in_a;
    if (!conv->planar)
        runs = runs_of(conv->in_a / 4, plan->chunk) + runs_of(conv->in_b / 4, plan->chunk);
    return adds * (plan->family == CTVK_CONV3D_PORTABLE ? PORTABLE : DIRECT) +
           runs * chunks * (voxels * CTVK_CONV3D_OUT_GROUPS * SUM + DISPATCH);
}

static double winograd_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    double tiles = ceiling(y, 4) * ceiling(z, 4), units = ctvk_conv3d_in_units(conv), groups = conv->out / 4;
    double lanes = whole_lanes(x * tiles), runs = units / plan->chunk, halo = x + 2 * ceiling(x, PLANES);
    double scratch = POINTS * 16.0 * tiles * (plan->chunk * (x + 2.0) + groups * x), blocks = ceiling(scratch, (double)plan->scratch_bytes);
    double adds = POINTS * lanes * SLICE * units * 4 * OUT_CHANNELS * ctvk_conv3d_out_chunks(conv);
    return adds * PRODUCT + POINTS * lanes * groups * runs * SUM +
           (whole_lanes(units * halo * tiles) + whole_lanes(x * tiles * groups)) * TRANSFORM + blocks * (2 * runs + 1) * DISPATCH;
}

static double gemm_cost(const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    double units = ctvk_conv3d_in_units(conv), lanes = whole_lanes((double)x * y * z), s = conv->stride, padded = 0, dispatches = 4;
    double runs = conv->kernel == 3 ? units / 4 * SLICE : units / 12, length = conv->kernel == 3 ? 36 : 12;
    if (conv->kernel == 3)
        padded = units * ((x - 1) * s + 3) * ((y - 1) * s + 3) * ((z - 1) * s + 3);
    return lanes * runs * (length * 4 * OUT_CHANNELS * ctvk_conv3d_out_chunks(conv) * PRODUCT + conv->out / 4 * SUM) + padded * PAD +
           dispatches * DISPATCH;
}

double ctvk_conv3d_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    switch (plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        return NANOSECONDS * winograd_cost(plan, conv, x, y, z);
    case CTVK_CONV3D_GEMM:
        return NANOSECONDS * gemm_cost(conv, x, y, z);
    default:
        return NANOSECONDS * direct_cost(plan, conv, whole_lanes((double)x * y * z));
    }
}
