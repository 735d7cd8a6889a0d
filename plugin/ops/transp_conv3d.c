/* Transposed convolution, kernel 2, stride 2: every input voxel makes eight output voxels of its own (shaders/transp_conv3d.comp). */
#include "ops/transp_conv3d.h"
#include "ops/transp_conv3d_plan.h"
#include "params/transp_conv3d.h"

#include <math.h>
#include <string.h>

enum { LOCAL = 64, MAX_GROUPS = 65535, SUMS = 24, UNIT_FLOATS = 128 };
_Static_assert(sizeof(struct ctvk_transp_conv3d_params) <= 128, "push constants");

ctvk_transp_conv3d_plan ctvk_transp_conv3d_plan_for(const ctvk_gpu_caps *caps)
{
    uint64_t storage = caps->max_storage_range - caps->storage_alignment;
    uint64_t texel = caps->max_texel_elements * 16 - caps->storage_alignment;
    int address = caps->is_cpu && caps->buffer_address && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22;
    return (ctvk_transp_conv3d_plan){address, address ? texel : storage, storage};
}

int ctvk_transp_conv3d_plan_normalises(const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv)
{
    return plan->address && conv->planar;
}

int ctvk_transp_conv3d_normalises(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv)
{
    ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
    return ctvk_transp_conv3d_plan_normalises(&plan, conv);
}

int ctvk_transp_conv3d_labels(const ctvk_transp_conv3d *conv)
{
    return conv->planar && conv->out >= 1 && conv->out <= CTVK_LABEL_CLASSES && (conv->in == 4 * 4 || conv->in == 4 * 12);
}

/* Output channels of one dispatch, and dispatches for all outputs: blocked ones go corner by corner in (x, y). */
static int32_t channels_of(const ctvk_transp_conv3d *conv)
{
    return conv->planar ? 3 : 12;
}

static int32_t chunks_of(const ctvk_transp_conv3d *conv)
{
    return (conv->out + channels_of(conv) - 1) / channels_of(conv) * (conv->planar ? 1 : 4);
}

uint64_t ctvk_transp_conv3d_weight_bytes(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv)
{
    (void)gpu;
    return (uint64_t)chunks_of(conv) * (conv->in / 4) * UNIT_FLOATS * sizeof(float);
}

/* [chunk][input group][input channel 4][sum 24] float, each group padded to 512 bytes. A chunk of a blocked output is (channels, x, y)
 * with sums [channel group 3][z 2][channel 4]; of a planar output (channels) with sums [channel 3][x 2][y 2][z 2]. */
void ctvk_transp_conv3d_pack(const ctvk_gpu *gpu, const ctvk_transp_conv3d *conv, const float *weights, void *packed)
{
    memset(packed, 0, ctvk_transp_conv3d_weight_bytes(gpu, conv));
    for (int32_t i = 0; i < conv->in; i++) {
        for (int32_t o = 0; o < conv->out; o++) {
            for (int32_t tap = 0; tap < 8; tap++) {
                int32_t in_chunk = o % channels_of(conv), chunk = o / channels_of(conv), sum = in_chunk * 8 + tap;
                if (!conv->planar) {
                    chunk = chunk * 4 + tap / 2;
                    sum = (in_chunk / 4 * 2 + tap % 2) * 4 + in_chunk % 4;
                }
                float *unit = (float *)packed + ((uint64_t)chunk * (conv->in / 4) + i / 4) * UNIT_FLOATS;
                unit[i % 4 * SUMS + sum] = weights[((uint64_t)i * conv->out + o) * 8 + tap];
            }
        }
    }
}

typedef ctvk_transp_conv3d_job job;

/* Bytes of the words of one input plane. */
static uint64_t word_plane(const job *j)
{
    return (uint64_t)j->in->y * (uint64_t)j->in->z * sizeof(uint32_t);
}

/* Input planes of one block, so that what it writes ends before they begin, where the output lies over the input; 0: that cannot be. Eight
 * voxels are written for each that is read: if it holds for the last block it does for all. */
static int32_t free_planes(const job *j)
{
    const ctvk_tensor *in = j->in, *out = j->out;
    if (!out || in->buffer != out->buffer)
        return j->count;
    const uint64_t plane = ctvk_tensor_plane_bytes(in), begin = in->offset + (uint64_t)j->first * plane,
                   end = begin + (uint64_t)j->count * plane, written = out->offset + ctvk_tensor_bytes(out);
    if (out->offset >= end || begin >= written)
        return j->count;
    if (2 * ctvk_tensor_plane_bytes(out) < plane || written > end)
        return 0;
    return (int32_t)((end - written) / plane);
}

static ctvk_status check(const job *j, ctvk_error *error)
{
    const ctvk_transp_conv3d *conv = j->conv;
    const ctvk_tensor *in = j->in, *out = j->out;
    const char *why = 0;
    if (conv->in < 4 || conv->in % 4 || conv->out < 1 || (!conv->planar && conv->out % 4)) {
        why = "channel counts must be positive multiples of 4";
    } else if (j->first < 0 || j->count < 1 || j->first > in->x - j->count) {
        why = "there are not so many planes";
    } else if (in->c != conv->in ||
               (out && (out->c != conv->out || out->x != 2 * j->count || out->y != 2 * in->y || out->z != 2 * in->z))) {
        why = "the tensors do not have the shapes of the operation";
    } else if (!out && !j->words) {
        why = "there is no place for what comes out";
    } else if (free_planes(j) < 1) {
        why = "the output lies over the input";
    } else if (j->weights->bytes < ctvk_transp_conv3d_weight_bytes(j->gpu, conv)) {
        why = "the packed weights are too short";
    } else if (in->half || (out && out->half)) {
        why = "the tensors must be float32";
    } else if (j->norm && (!ctvk_transp_conv3d_plan_normalises(j->plan, conv) || j->norm->offset % 256 ||
                           j->norm->bytes < (uint64_t)conv->in * 2 * sizeof(float))) {
        why = "the input cannot be normalised with these statistics";
    } else if (j->words && !ctvk_transp_conv3d_labels(conv)) {
        why = "not all logits of a voxel come from one dispatch";
    } else if (j->words && (j->words->bytes < (uint64_t)j->count * word_plane(j) || j->words->offset % 256)) {
        why = "the labels do not fit";
    }
    return why ? ctvk_fail(error, CTVK_ERROR_INTERNAL, "transposed convolution: %s (report this)", why) : CTVK_OK;
}

/* Input planes whose outputs one binding of each holds. */
static double target_planes(const job *j)
{
    double out = j->out ? floor(ctvk_tensor_max_planes(j->out, j->plan->target_bytes) / 2.0) : j->count,
           words = j->words ? (double)(j->plan->target_bytes / word_plane(j)) : j->count;
    return out < words ? out : words;
}

/* The binding of the words of planes [first, first + planes) of the input, and where they begin. */
static ctvk_gpu_bind bind_words(const job *j, int32_t first, int32_t planes, uint32_t *base)
{
    uint64_t begin = j->words->offset + (uint64_t)(first - j->first) * word_plane(j),
             aligned = begin & ~(ctvk_gpu_get_caps(j->gpu)->storage_alignment - 1);
    *base = (uint32_t)((begin - aligned) / sizeof(uint32_t));
    return (ctvk_gpu_bind){j->words->buffer, aligned, begin - aligned + (uint64_t)planes * word_plane(j)};
}

/* Input planes of one dispatch: bindings, number of workgroups, work. At least one, whatever its work. */
static int32_t planes_per_block(const job *j)
{
    double lanes = (double)j->in->y * j->in->z;
    double work = lanes * (j->conv->in < 48 ? j->conv->in : 48) * SUMS;
    double most = ctvk_tensor_max_planes(j->in, j->plan->source_bytes), out = target_planes(j);
    double groups = LOCAL * (double)MAX_GROUPS / lanes, fit = ctvk_gpu_cmd_work_limit(j->cmd) / work;
    most = out < most ? out : most;
    most = groups < most ? groups : most;
    fit = fit < 1 ? 1 : fit;
    most = fit < most ? fit : most;
    most = free_planes(j) < most ? free_planes(j) : most;
    return (int32_t)(most < j->count ? most : j->count);
}

static const char *shader_name(const job *j, int32_t units)
{
    static const char *const normalising[3] = {"transp_conv3d_planar_address_norm_1", "transp_conv3d_planar_address_norm_4",
                                               "transp_conv3d_planar_address_norm_12"};
    static const char *const names[2][2][3] = {
        {{"transp_conv3d_1", "transp_conv3d_4", "transp_conv3d_12"},
         {"transp_conv3d_address_1", "transp_conv3d_address_4", "transp_conv3d_address_12"}},
        {{"transp_conv3d_planar_1", "transp_conv3d_planar_4", "transp_conv3d_planar_12"},
         {"transp_conv3d_planar_address_1", "transp_conv3d_planar_address_4", "transp_conv3d_planar_address_12"}}};
    static const char *const labels[2][3][3] = {
        {{NULL, "transp_conv3d_labels_4", "transp_conv3d_labels_12"},
         {NULL, "transp_conv3d_labels_address_4", "transp_conv3d_labels_address_12"},
         {NULL, "transp_conv3d_labels_address_norm_4", "transp_conv3d_labels_address_norm_12"}},
        {{NULL, "transp_conv3d_probabilities_4", "transp_conv3d_probabilities_12"},
         {NULL, "transp_conv3d_probabilities_address_4", "transp_conv3d_probabilities_address_12"},
         {NULL, "transp_conv3d_probabilities_address_norm_4", "transp_conv3d_probabilities_address_norm_12"}}};
    int of_units = units == 12 ? 2 : units == 4 ? 1 : 0;
    if (j->words)
        return labels[j->out != NULL][j->norm ? 2 : j->plan->address != 0][of_units];
    return j->norm ? normalising[of_units] : names[j->conv->planar != 0][j->plan->address != 0][of_units];
}

/* Bindings 1 and following of planes [first, first + planes) of the input; returns their number and where the weights of a chunk go, 0
 * where they are no binding. */
static uint32_t bind_targets(const job *j, int32_t first, int32_t planes, struct ctvk_transp_conv3d_params *p, ctvk_gpu_bind binds[4],
                             uint32_t *weights)
{
    uint32_t out_base = 0, word_base = 0, count = 1;
    ctvk_gpu_bind words = {0};
    if (j->words)
        words = bind_words(j, first, planes, &word_base);
    binds[count++] = j->out ? ctvk_tensor_bind(j->out, 2 * (first - j->first), 2 * planes, j->conv->planar ? 4 : 16, &out_base) : words;
    *weights = j->plan->address ? 0 : count++;
    if (j->out && j->words)
        binds[count++] = words;
    p->out_base = (int32_t)out_base;
    p->word_base = (int32_t)word_base;
    return count;
}

/* `units` channel groups of the input from `unit` on, planes [first, first + planes), into all outputs. */
static ctvk_status record_run(const job *j, int32_t first, int32_t planes, int32_t unit, int32_t units, ctvk_error *error)
{
    ctvk_gpu_pipeline *pipeline;
    ctvk_status status = ctvk_gpu_pipeline_get(j->gpu, shader_name(j, units), 0, 0, &pipeline, error);
    int planar = j->conv->planar != 0;
    int32_t out_voxels = 4 * j->in->y * j->in->z, corners = planar ? 1 : 4, per_chunk = planar ? 3 : 3 * 4;
    uint32_t in_base = 0, of_weights;
    ctvk_gpu_bind binds[4];
    binds[0] = ctvk_tensor_bind(j->in, first, planes, 16, &in_base);
    struct ctvk_transp_conv3d_params p = {.in_base = (int32_t)in_base + unit * j->in->y * j->in->z,
                                          .in_plane = j->in->c / 4 * j->in->y * j->in->z,
                                          .in_y = j->in->y,
                                          .in_z = j->in->z,
                                          .out_plane = (planar ? j->conv->out : j->conv->out / 4) * out_voxels,
                                          .lanes = planes * j->in->y * j->in->z,
                                          .accumulate = unit > 0};
    uint64_t norm = j->norm ? j->norm->buffer->address + j->norm->offset + (uint64_t)unit * 2 * 16 : 0;
    uint32_t groups[3] = {((uint32_t)p.lanes + LOCAL - 1) / LOCAL, 1, 1};
    uint32_t bound = bind_targets(j, first, planes, &p, binds, &of_weights);
    int32_t out_base = p.out_base;
    p.norm_low = (int32_t)(uint32_t)norm;
    p.norm_high = (int32_t)(uint32_t)(norm >> 32);
    for (int32_t chunk = 0; chunk < chunks_of(j->conv) && !status; chunk++) {
        int32_t channel = chunk / corners * per_chunk, left = j->conv->out - channel;
        uint64_t at = j->weights->offset + ((uint64_t)chunk * (j->conv->in / 4) + unit) * UNIT_FLOATS * sizeof(float);
        uint64_t address = j->weights->buffer->address + at;
        if (of_weights)
            binds[of_weights] = (ctvk_gpu_bind){j->weights->buffer, at, (uint64_t)units * UNIT_FLOATS * sizeof(float)};
        left = left < per_chunk ? left : per_chunk;
        p.out_base = out_base + (planar ? channel : channel / 4) * out_voxels;
        p.out_count = planar ? left : left / 4;
        p.corner_x = chunk % corners / 2;
        p.corner_y = chunk % corners % 2;
        p.address_low = (int32_t)(uint32_t)address;
        p.address_high = (int32_t)(uint32_t)(address >> 32);
        status = ctvk_gpu_cmd_dispatch(j->cmd, pipeline, binds, bound, &p, sizeof p, groups, (double)p.lanes * units * 4 * SUMS,
                                       chunk ? CTVK_GPU_NO_BARRIER : 0, error);
    }
    return status;
}

/* Every voxel of the output is one product of a matrix with a voxel of the input; difference, factor and slope of one that is normalised
 * as it is read; of each probability difference, exponential, sum and quotient. */
static void name_operation(const job *j)
{
    double weights = 8.0 * j->conv->in * j->conv->out, voxels = (double)j->count * j->in->y * j->in->z;
    double out = (j->out ? (double)ctvk_tensor_bytes(j->out) : 0) + (j->words ? voxels * sizeof(uint32_t) : 0);
    double bytes = (double)ctvk_tensor_plane_bytes(j->in) * j->count + out + 4 * weights;
    double flop = 2 * weights * voxels + (j->norm ? 3 * j->conv->in * voxels : 0);
    if (j->out && j->words)
        flop += 4.0 * 8 * j->conv->out * voxels;
    ctvk_gpu_cmd_operation(j->cmd, "transp_conv3d", flop, bytes, "%d -> %d, %d x %d x %d%s%s", j->conv->in, j->conv->out, 2 * j->count,
                           2 * j->in->y, 2 * j->in->z, j->norm ? ", normalises" : "",
                           !j->words ? ""
                           : j->out  ? ", probabilities"
                                     : ", labels");
}

static ctvk_status record_planned(const job *j, ctvk_error *error)
{
    ctvk_status status = check(j, error);
    if (status != CTVK_OK)
        return status;
    int32_t planes = planes_per_block(j), all = j->conv->in / 4;
    if (planes < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "transposed convolution: two planes of %d x %d voxels are larger than the device's buffer binding (use a smaller "
                         "window)",
                         2 * j->in->y, 2 * j->in->z);
    name_operation(j);
    for (int32_t done = 0, some; done < j->count; done += some) {
        some = j->count - done < planes ? j->count - done : planes;
        for (int32_t unit = 0, run; unit < all && !status; unit += run) {
            run = all - unit >= 12 ? 12 : all - unit >= 4 ? 4 : 1;
            status = record_run(j, j->first + done, some, unit, run, error);
        }
    }
    return status;
}

ctvk_status ctvk_transp_conv3d_record(const ctvk_transp_conv3d_job *given, ctvk_error *error)
{
    const ctvk_transp_conv3d_plan own = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(given->gpu));
    job planned = *given;
    planned.plan = given->plan ? given->plan : &own;
    return record_planned(&planned, error);
}
