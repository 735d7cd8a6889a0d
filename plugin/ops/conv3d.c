#include "ops/conv3d.h"
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"

static int32_t halve(int32_t n, int32_t stride)
{
    return (n + stride - 1) / stride;
}

static int source_fits(const ctvk_tensor *source, const ctvk_tensor *like, int32_t channels)
{
    return source && source->c == channels && source->x == like->x && source->y == like->y && source->z == like->z;
}

static ctvk_status refuse(ctvk_error *error, const char *why)
{
    return ctvk_fail(error, CTVK_ERROR_INTERNAL, "convolution: %s (report this)", why);
}

static ctvk_status check_conv(const ctvk_conv3d *conv, ctvk_error *error)
{
    if ((conv->kernel != 1 && conv->kernel != 3) || (conv->stride != 1 && conv->stride != 2)) {
        return refuse(error, "kernel must be 1 or 3, stride 1 or 2");
    }
    if (conv->in_a < 1 || conv->in_b < 0 || conv->out < 4 || conv->out % 4 || conv->in_b % 4) {
        return refuse(error, "channel counts must be positive multiples of 4");
    }
    if (conv->planar ? conv->in_b != 0 : conv->in_a % 4 != 0) {
        return refuse(error, "a planar input has one source, a blocked one multiples of 4 channels");
    }
    return CTVK_OK;
}

int ctvk_conv3d_second_is_half(const ctvk_conv3d_job *job)
{
    return job->conv->in_b > 0 && job->b->half != 0;
}

ctvk_gpu_bind ctvk_conv3d_norm_bind(const ctvk_conv3d_job *job)
{
    const int32_t c = ctvk_conv3d_second_is_half(job) ? job->conv->in_b : job->conv->in_a;
    return (ctvk_gpu_bind){job->norm->buffer, job->norm->offset, (uint64_t)c * 2 * sizeof(float)};
}

static int32_t parts_of(const ctvk_conv3d_job *job)
{
    const ctvk_tensor *out = job->out;
    return ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(job->gpu), job->plan, job->conv, out->x, out->y, out->z);
}

static int stats_fit(const ctvk_conv3d_job *job)
{
    int32_t parts = parts_of(job);
    return parts > 0 && job->stats->offset % 256 == 0 && job->stats->bytes >= ctvk_instance_norm_parts_bytes(job->conv->out, parts);
}

/* Statistics of the second source where it has 16 bits a number, else of the first where it is normalised. */
static int norm_fits(const ctvk_conv3d_job *job)
{
    const int half = ctvk_conv3d_second_is_half(job);
    if (!job->norm)
        return !half;
    return (half || ctvk_conv3d_plan_normalises(job->plan, job->conv)) && job->norm->offset % 256 == 0 &&
           job->norm->bytes >= (uint64_t)(half ? job->conv->in_b : job->conv->in_a) * 2 * sizeof(float);
}

static ctvk_status check_job(const ctvk_conv3d_job *job, ctvk_error *error)
{
    const ctvk_conv3d *conv = job->conv;
    const ctvk_tensor *a = job->a, *out = job->out;
    ctvk_status status = check_conv(conv, error);
    if (status) {
        return status;
    }
    if (!a || !out || !source_fits(a, a, conv->in_a) || (conv->in_b && !source_fits(job->b, a, conv->in_b))) {
        return refuse(error, "the inputs do not have the shapes of the operation");
    }
    if (a->half || out->half || (ctvk_conv3d_second_is_half(job) && (conv->kernel != 3 || conv->stride != 1))) {
        return refuse(error, "only the second source of kernel 3 and stride 1 may have 16 bits a number");
    }
    if (out->c != conv->out || out->x != halve(a->x, conv->stride) || out->y != halve(a->y, conv->stride) ||
        out->z != halve(a->z, conv->stride)) {
        return refuse(error, "the output does not have the shape of the operation");
    }
    if (ctvk_conv3d_free_planes(job) < 1) {
        return refuse(error, "the output lies over an input");
    }
    if (job->weights->bytes < ctvk_conv3d_plan_weight_bytes(job->plan, conv)) {
        return refuse(error, "the packed weights are too short");
    }
    if (!norm_fits(job)) {
        return refuse(error, "a source cannot be read with these statistics");
    }
    if (job->stats && !stats_fit(job)) {
        return refuse(error, "the output's statistics cannot be taken there");
    }
    uint64_t need = ctvk_conv3d_plan_scratch_bytes(job->plan, conv, out->x, out->y, out->z);
    if (need && (!job->scratch || job->scratch->bytes < need)) {
        return refuse(error, "the scratch is too short");
    }
    return CTVK_OK;
}

static int overlap(const ctvk_tensor *a, const ctvk_tensor *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + ctvk_tensor_bytes(b) && b->offset < a->offset + ctvk_tensor_bytes(a);
}

int32_t ctvk_conv3d_free_planes(const ctvk_conv3d_job *job)
{
    const ctvk_conv3d *conv = job->conv;
    const ctvk_tensor *a = job->a, *out = job->out;
    uint64_t plane = ctvk_tensor_plane_bytes(out);
    if (conv->in_b && overlap(job->b, out))
        return 0;
    if (!overlap(a, out))
        return out->x;
    if (conv->kernel != 3 || conv->stride != 1 || ctvk_tensor_plane_bytes(a) != plane || a->offset < out->offset ||
        (a->offset - out->offset) % plane)
        return 0;
    return (int32_t)((a->offset - out->offset) / plane) - 1;
}

/* Output planes whose input fits the binding limit. The limit may be one of texels, which are half as long where numbers have 16 bits. */
static int32_t planes_by_source(const ctvk_conv3d_job *job, const ctvk_tensor *source)
{
    int32_t most = ctvk_tensor_max_planes(source, job->plan->source_bytes / (source->half ? 2 : 1));
    if (most >= source->x)
        return job->out->x;
    return most < job->conv->kernel ? 0 : (most - job->conv->kernel) / job->conv->stride + 1;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

int32_t ctvk_conv3d_block_planes(const ctvk_conv3d_job *job)
{
    int32_t most = smaller(ctvk_tensor_max_planes(job->out, job->plan->target_bytes), ctvk_conv3d_free_planes(job));
    most = smaller(most, planes_by_source(job, job->a));
    return job->conv->in_b ? smaller(most, planes_by_source(job, job->b)) : most;
}

ctvk_status ctvk_conv3d_refuse_plane(const ctvk_conv3d_job *job, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                     "convolution: one plane of %d x %d voxels is larger than the device's buffer binding (use a smaller window)",
                     job->a->y, job->a->z);
}

ctvk_conv3d_range ctvk_conv3d_range_at(const ctvk_conv3d_job *job, int32_t first, int32_t count)
{
    int32_t pad = job->conv->kernel / 2, stride = job->conv->stride;
    ctvk_conv3d_range r = {first, count, first * stride - pad, (first + count - 1) * stride + pad};
    r.in_first = r.in_first < 0 ? 0 : r.in_first;
    r.in_last = smaller(r.in_last, job->a->x - 1);
    return r;
}

/* The direct convolution, whatever variant computes it: a multiplication and an addition for each tap, also where it meets the padding.
 * Difference, factor and slope of an input that is normalised as it is read; sum, difference, square and sum of squares of an output whose
 * statistics are taken, which are left in parts. */
static void name_operation(const ctvk_conv3d_job *job)
{
    const ctvk_conv3d *conv = job->conv;
    const ctvk_tensor *out = job->out;
    double taps = (double)conv->kernel * conv->kernel * conv->kernel * (conv->in_a + conv->in_b) * conv->out;
    double bytes = (double)ctvk_tensor_bytes(job->a) + (double)ctvk_tensor_bytes(out) + 4 * taps;
    double flop = 2 * taps * out->x * out->y * out->z;
    if (conv->in_b)
        bytes += (double)ctvk_tensor_bytes(job->b);
    const int half = ctvk_conv3d_second_is_half(job), normalises = job->norm && !half;
    if (half)
        flop += 2.0 * conv->in_b * job->a->x * job->a->y * job->a->z;
    if (normalises)
        flop += 3.0 * conv->in_a * job->a->x * job->a->y * job->a->z;
    if (job->stats) {
        flop += 4.0 * conv->out * out->x * out->y * out->z;
        bytes += (double)ctvk_instance_norm_parts_bytes(conv->out, parts_of(job));
    }
    ctvk_gpu_cmd_operation(job->cmd, "conv3d", flop, bytes, "%dx%dx%d / %d, %d + %d -> %d, %d x %d x %d, %s%s%s", conv->kernel,
                           conv->kernel, conv->kernel, conv->stride, conv->in_a, conv->in_b, conv->out, out->x, out->y, out->z,
                           ctvk_conv3d_plan_name(job->plan),
                           normalises ? ", normalises"
                           : half     ? ", 16 bits"
                                      : "",
                           job->stats ? ", takes statistics" : "");
}

static ctvk_status record_variant(const ctvk_conv3d_job *job, ctvk_error *error)
{
    switch (job->plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        return ctvk_conv3d_winograd_record(job, error);
    case CTVK_CONV3D_GEMM:
        return ctvk_conv3d_gemm_record(job, error);
    case CTVK_CONV3D_TILED:
    case CTVK_CONV3D_COOPERATIVE:
        return ctvk_conv3d_tiled_record(job, error);
    default:
        return ctvk_conv3d_direct_record(job, error);
    }
}

ctvk_status ctvk_conv3d_plan_record(const ctvk_conv3d_job *job, ctvk_error *error)
{
    const ctvk_tensor *out = job->out;
    ctvk_status status = check_job(job, error);
    if (status) {
        return status;
    }
    name_operation(job);
    status = record_variant(job, error);
    if (status || !job->stats) {
        return status;
    }
    return ctvk_instance_norm_merge_parts(job->cmd, job->gpu, out->c, out->x, out->y, out->z, parts_of(job), job->stats, error);
}

int ctvk_conv3d_plan_normalises(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv)
{
    return conv->in_b == 0 &&
           (plan->family == CTVK_CONV3D_WINOGRAD || (plan->family == CTVK_CONV3D_TILED && conv->kernel == 3 && conv->stride == 1));
}

int ctvk_conv3d_normalises(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, x, y, z);
    return ctvk_conv3d_plan_normalises(&plan, conv);
}

int32_t ctvk_conv3d_plan_parts(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y,
                               int32_t z)
{
    return plan->family == CTVK_CONV3D_TILED ? ctvk_conv3d_tiled_parts(caps, plan, conv, x, y, z) : 0;
}

uint64_t ctvk_conv3d_stats_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, x, y, z);
    int32_t parts = ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(gpu), &plan, conv, x, y, z);
    return parts ? ctvk_instance_norm_parts_bytes(conv->out, parts) : 0;
}

uint64_t ctvk_conv3d_weight_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, x, y, z);
    return ctvk_conv3d_plan_weight_bytes(&plan, conv);
}

void ctvk_conv3d_pack(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z, const float *weights, void *packed)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, x, y, z);
    ctvk_conv3d_plan_pack(&plan, conv, weights, packed);
}

uint64_t ctvk_conv3d_scratch_bytes(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t spare, int32_t x, int32_t y, int32_t z)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, x, y, z);
    if (spare)
        ctvk_conv3d_plan_spare(&plan);
    return ctvk_conv3d_plan_scratch_bytes(&plan, conv, x, y, z);
}

ctvk_status ctvk_conv3d_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_conv3d *conv, const ctvk_tensor *a, const ctvk_tensor *b,
                               const ctvk_span *norm, const ctvk_span *weights, const ctvk_span *scratch, const ctvk_tensor *out,
                               const ctvk_span *stats, ctvk_error *error)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, conv, out->x, out->y, out->z);
    if (overlap(a, out))
        ctvk_conv3d_plan_spare(&plan);
    ctvk_conv3d_job job = {cmd, gpu, &plan, conv, a, b, out, weights, scratch, norm, stats};
    return ctvk_conv3d_plan_record(&job, error);
}
