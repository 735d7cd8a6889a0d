/* Direct convolution: straight-line kernels of 24 output channels, one run of input channels a dispatch (shaders/conv3d_direct.comp). */
#include "ops/conv3d_plan.h"
#include "params/conv3d.h"

#include <string.h>

enum { LOCAL = 64, MAX_GROUPS = 65535, OUT_CHANNELS = 4 * CTVK_CONV3D_OUT_GROUPS };
_Static_assert(sizeof(struct ctvk_conv3d_params) <= 128, "push constants");

static int32_t taps_of(const ctvk_conv3d *conv)
{
    return conv->kernel * conv->kernel * conv->kernel;
}

/* Input channels of one unit. */
static int32_t unit_channels(const ctvk_conv3d *conv)
{
    return conv->planar ? 1 : 4;
}

uint64_t ctvk_conv3d_direct_unit_bytes(const ctvk_conv3d *conv)
{
    uint64_t bytes = (uint64_t)taps_of(conv) * unit_channels(conv) * OUT_CHANNELS * sizeof(float);
    return (bytes + 255) / 256 * 256;
}

int32_t ctvk_conv3d_direct_chunk(const ctvk_conv3d *conv)
{
    return conv->kernel == 3 ? 2 : 4;
}

uint64_t ctvk_conv3d_direct_weight_bytes(const ctvk_conv3d *conv)
{
    return ctvk_conv3d_direct_unit_bytes(conv) * ctvk_conv3d_in_units(conv) * ctvk_conv3d_out_chunks(conv);
}

void ctvk_conv3d_direct_pack(const ctvk_conv3d *conv, const float *weights, float *packed)
{
    int32_t taps = taps_of(conv), width = unit_channels(conv), units = ctvk_conv3d_in_units(conv), in = units * width;
    uint64_t unit_floats = ctvk_conv3d_direct_unit_bytes(conv) / sizeof(float);
    memset(packed, 0, ctvk_conv3d_direct_weight_bytes(conv));
    for (int32_t o = 0; o < conv->out; o++) {
        for (int32_t i = 0; i < in; i++) {
            uint64_t unit = (uint64_t)(o / OUT_CHANNELS) * units + i / width;
            float *to = packed + unit * unit_floats + (i % width) * OUT_CHANNELS + o % OUT_CHANNELS;
            const float *from = weights + ((uint64_t)o * in + i) * taps;
            for (int32_t tap = 0; tap < taps; tap++) {
                to[(uint64_t)tap * width * OUT_CHANNELS] = from[tap];
            }
        }
    }
}

/* A shader of the job for one of its sources: 0 the one-unit kernel, 1 the one of `chunk` units. */
static const char *shader_name(const ctvk_conv3d_job *job, const ctvk_tensor *source, int longer)
{
    static const char *const names[2][2][3] = {
        {{"conv3d_k1", "conv3d_k1_address1", "conv3d_k1_address4"}, {"conv3d_k3", "conv3d_k3_address1", "conv3d_k3_address2"}},
        {{"conv3d_planar_k1", "conv3d_planar_k1_address", 0}, {"conv3d_planar_k3", "conv3d_planar_k3_address", 0}}};
    int address = job->plan->family == CTVK_CONV3D_PORTABLE ? 0 : 1 + longer;
    static const char *const halves[3] = {"conv3d_k3_half", "conv3d_k3_address1_half", "conv3d_k3_address2_half"};
    if (source->half)
        return halves[address];
    return names[job->conv->planar != 0][job->conv->kernel == 3][address];
}

static uint64_t lanes_of_plane(const ctvk_tensor *out)
{
    return (uint64_t)out->y * out->z;
}

static int32_t smaller(int32_t a, double b)
{
    return b < a ? (int32_t)b : a;
}

/* Planes of one dispatch: bindings, number of workgroups, work. At least one plane, whatever its work. */
static ctvk_status planes_per_block(const ctvk_conv3d_job *job, int32_t units, int32_t *planes, ctvk_error *error)
{
    double lanes = (double)lanes_of_plane(job->out);
    double work = lanes * units * unit_channels(job->conv) * taps_of(job->conv) * OUT_CHANNELS;
    int32_t n = smaller(ctvk_conv3d_block_planes(job), (double)LOCAL * MAX_GROUPS / lanes);
    if (n < 1)
        return ctvk_conv3d_refuse_plane(job, error);
    double fit = ctvk_gpu_cmd_work_limit(job->cmd) / work;
    *planes = fit < 1 ? 1 : smaller(n < job->out->x ? n : job->out->x, fit);
    return CTVK_OK;
}

static struct ctvk_conv3d_params params_for(const ctvk_conv3d_job *job, const ctvk_conv3d_range *r)
{
    const ctvk_tensor *a = job->a, *out = job->out;
    struct ctvk_conv3d_params p = {.in_first = r->in_first,
                                   .in_x = a->x,
                                   .in_y = a->y,
                                   .in_z = a->z,
                                   .in_last = r->in_last,
                                   .stride = job->conv->stride,
                                   .out_first = r->first,
                                   .out_y = out->y,
                                   .out_z = out->z,
                                   .out_plane = out->c / 4 * out->y * out->z,
                                   .lanes = r->count * out->y * out->z};
    return p;
}

/* One run of `units` input units of a source against all output channels. unit: place in the source; packed_unit: in the weights. */
static ctvk_status record_run(const ctvk_conv3d_job *job, const ctvk_conv3d_range *r, const ctvk_tensor *source, int32_t unit,
                              int32_t packed_unit, int32_t units, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = ctvk_gpu_pipeline_get(job->gpu, shader_name(job, source, units > 1), 0, 0, &pipeline, error);
    if (status) {
        return status;
    }
    int portable = job->plan->family == CTVK_CONV3D_PORTABLE, planar = job->conv->planar != 0;
    uint64_t unit_bytes = ctvk_conv3d_direct_unit_bytes(job->conv);
    struct ctvk_conv3d_params p = params_for(job, r);
    uint32_t in_base, out_base;
    ctvk_gpu_bind binds[4];
    uint32_t bound = portable ? 3 : 2;
    binds[0] = ctvk_tensor_bind(source, r->in_first, r->in_last - r->in_first + 1, planar ? 4 : 16, &in_base);
    binds[1] = ctvk_tensor_bind(job->out, r->first, r->count, 16, &out_base);
    p.in_plane = (planar ? source->c : source->c / 4) * source->y * source->z;
    p.in_base = (int32_t)in_base + unit * source->y * source->z;
    p.accumulate = packed_unit > 0;
    p.stats = 2 * unit;
    if (source->half)
        binds[bound] = ctvk_conv3d_norm_bind(job);
    uint32_t groups[3] = {((uint32_t)p.lanes + LOCAL - 1) / LOCAL, 1, 1};
    double work = (double)p.lanes * units * unit_channels(job->conv) * taps_of(job->conv) * OUT_CHANNELS;
    for (int32_t chunk = 0; chunk < ctvk_conv3d_out_chunks(job->conv) && !status; chunk++) {
        int32_t first_group = chunk * CTVK_CONV3D_OUT_GROUPS, left = job->conv->out / 4 - first_group;
        uint64_t at = job->weights->offset + ((uint64_t)chunk * ctvk_conv3d_in_units(job->conv) + packed_unit) * unit_bytes;
        uint64_t address = job->weights->buffer->address + at;
        if (portable)
            binds[2] =
                (ctvk_gpu_bind){job->weights->buffer, at, (uint64_t)taps_of(job->conv) * unit_channels(job->conv) * OUT_CHANNELS * 4};
        p.out_base = (int32_t)out_base + first_group * job->out->y * job->out->z;
        p.out_groups = left < CTVK_CONV3D_OUT_GROUPS ? left : CTVK_CONV3D_OUT_GROUPS;
        p.address_low = (int32_t)(uint32_t)address;
        p.address_high = (int32_t)(uint32_t)(address >> 32);
        status = ctvk_gpu_cmd_dispatch(job->cmd, pipeline, binds, bound + (source->half != 0), &p, sizeof p, groups, work,
                                       (chunk ? CTVK_GPU_NO_BARRIER : 0) | ctvk_tensor_texels(source), error);
    }
    return status;
}

/* All units of one source, in runs of `chunk`, the rest one by one. */
static ctvk_status record_source(const ctvk_conv3d_job *job, const ctvk_conv3d_range *r, const ctvk_tensor *source, int32_t packed_unit,
                                 ctvk_error *error)
{
    int32_t units = job->conv->planar ? source->c : source->c / 4, longer = job->conv->planar ? 1 : job->plan->chunk;
    ctvk_status status = CTVK_OK;
    for (int32_t unit = 0, run; unit < units && !status; unit += run) {
        run = units - unit >= longer ? longer : 1;
        status = record_run(job, r, source, unit, packed_unit + unit, run, error);
    }
    return status;
}

ctvk_status ctvk_conv3d_direct_record(const ctvk_conv3d_job *job, ctvk_error *error)
{
    int32_t planes = 1, units_a = job->conv->planar ? job->a->c : job->a->c / 4;
    ctvk_status status = planes_per_block(job, job->conv->planar ? 1 : job->plan->chunk, &planes, error);
    for (int32_t first = 0; first < job->out->x && !status; first += planes) {
        int32_t left = job->out->x - first;
        ctvk_conv3d_range r = ctvk_conv3d_range_at(job, first, left < planes ? left : planes);
        status = record_source(job, &r, job->a, 0, error);
        if (!status && job->conv->in_b) {
            status = record_source(job, &r, job->b, units_a, error);
        }
    }
    return status;
}
