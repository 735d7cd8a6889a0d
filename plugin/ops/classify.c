#include "ops/classify.h"

#include "ops/chunks.h"

_Static_assert(sizeof(struct ctvk_classify_params) <= 128, "push constants");

enum { LANES = 64 /* of one workgroup */, VOXELS = 4 /* of a lane */ };

typedef struct job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_classify *op;
    const ctvk_tensor *in, *volumes;
    const ctvk_span *labels, *not_finite;
    ctvk_gpu_pipeline *pipeline;
    uint64_t area; /* voxels of a plane */
    double work;   /* of a lane */
} job;

static ctvk_status check(const job *j, int32_t first, int32_t count, ctvk_error *error)
{
    const ctvk_classify *op = j->op;
    const ctvk_tensor *in = j->in, *volumes = j->volumes;
    const char *why = NULL;
    if (op->classes < 1 || op->classes > 256 || in->c != op->classes + (op->weighted != 0) || in->half || j->area % VOXELS)
        why = "the tensor does not have the shape of the operation";
    else if (first < 0 || count < 1 || first > in->x - count)
        why = "there are not so many planes";
    else if (j->labels->bytes < (uint64_t)count * j->area || j->labels->offset % 256)
        why = "the labels do not fit";
    else if (op->volumes != CTVK_CLASSIFY_LABELS &&
             (!volumes || volumes->c != op->classes || volumes->x < count || volumes->y != in->y || volumes->z != in->z))
        why = "the volumes do not fit";
    else if (!op->weighted && (!j->not_finite || j->not_finite->bytes < sizeof(uint32_t) || j->not_finite->offset % 256))
        why = "there is no word for logits that are not finite";
    return why ? ctvk_fail(error, CTVK_ERROR_INTERNAL, "classification: %s (report this)", why) : CTVK_OK;
}

/* For each class and voxel a comparison, of sums a quotient; of probabilities difference, exponential, sum and quotient more. */
static void name_operation(const job *j, int32_t count)
{
    static const char *const also[] = {"", ", logits", ", probabilities"};
    const ctvk_classify *op = j->op;
    double voxels = (double)count * (double)j->area, stored = op->volumes == CTVK_CLASSIFY_LABELS ? 0 : op->classes;
    double flop = 1.0 + (op->weighted != 0) + (op->volumes == CTVK_CLASSIFY_PROBABILITIES ? 4 : 0);
    ctvk_gpu_cmd_operation(j->cmd, "classify", flop * op->classes * voxels, (4.0 * (j->in->c + stored) + 1) * voxels,
                           "%d%s, %d x %d x %d%s", op->classes, op->weighted ? " weighted" : "", count, j->in->y, j->in->z,
                           also[op->volumes]);
}

/* Planes that one binding of each holds. */
static int32_t planes_per_block(const job *j, int texel)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(j->gpu);
    uint64_t range = caps->max_storage_range - caps->storage_alignment, labels = range / j->area;
    int32_t most = ctvk_tensor_max_planes(j->in, ctvk_source_range(caps, texel) - caps->storage_alignment);
    int32_t volumes = j->op->volumes == CTVK_CLASSIFY_LABELS ? most : ctvk_tensor_max_planes(j->volumes, range);
    most = volumes < most ? volumes : most;
    return labels < (uint64_t)most ? (int32_t)labels : most;
}

/* `planes` planes of `in` from `from` on to planes `to` and following, in dispatches of bounded work. */
static ctvk_status record_block(const job *j, int32_t from, int32_t to, int32_t planes, ctvk_error *error)
{
    const uint64_t alignment = ctvk_gpu_get_caps(j->gpu)->storage_alignment, lanes = (uint64_t)planes * j->area / VOXELS;
    uint64_t begin = j->labels->offset + (uint64_t)to * j->area, aligned = begin & ~(alignment - 1);
    double most = ctvk_gpu_cmd_work_limit(j->cmd) / j->work;
    uint64_t step = most < LANES ? LANES : most > (double)CTVK_MAX_GROUPS * LANES ? CTVK_MAX_GROUPS * LANES : (uint64_t)most;
    uint32_t base = 0, volume_base = 0;
    ctvk_gpu_bind binds[4] = {ctvk_tensor_bind(j->in, from, planes, 16, &base),
                              {j->labels->buffer, aligned, begin - aligned + lanes * VOXELS}};
    /* What a specialised shader does not touch is bound all the same. */
    binds[2] = j->op->volumes == CTVK_CLASSIFY_LABELS ? binds[1] : ctvk_tensor_bind(j->volumes, to, planes, 16, &volume_base);
    binds[3] = j->op->weighted ? binds[1] : (ctvk_gpu_bind){j->not_finite->buffer, j->not_finite->offset, sizeof(uint32_t)};
    ctvk_status status = CTVK_OK;
    for (uint64_t first = 0, count; first < lanes && !status; first += count) {
        count = lanes - first < step ? lanes - first : step;
        struct ctvk_classify_params p = {.from = (int)base,
                                         .to_labels = (int)((begin - aligned) / VOXELS),
                                         .to_volumes = (int)volume_base,
                                         .area = (int)(j->area / VOXELS),
                                         .first = (int)first,
                                         .last = (int)(first + count),
                                         .classes = j->op->classes};
        uint32_t groups[3] = {(uint32_t)((count + LANES - 1) / LANES), 1, 1};
        status = ctvk_gpu_cmd_dispatch(j->cmd, j->pipeline, binds, 4, &p, sizeof p, groups, j->work * (double)count, 0, error);
    }
    return status;
}

ctvk_status ctvk_classify_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_classify *op, const ctvk_tensor *in, int32_t first,
                                 int32_t count, const ctvk_span *labels, const ctvk_tensor *volumes, const ctvk_span *not_finite,
                                 ctvk_error *error)
{
    const uint32_t constants[2] = {op->weighted != 0, (uint32_t)op->volumes};
    int texel = ctvk_prefers_texel(ctvk_gpu_get_caps(gpu));
    job j = {.cmd = cmd,
             .gpu = gpu,
             .op = op,
             .in = in,
             .volumes = volumes,
             .labels = labels,
             .not_finite = not_finite,
             .area = (uint64_t)in->y * (uint64_t)in->z,
             .work = op->volumes == CTVK_CLASSIFY_PROBABILITIES ? 80 + 240.0 * op->classes : 80 + 20.0 * op->classes};
    ctvk_status status = check(&j, first, count, error);
    if (status != CTVK_OK)
        return status;
    int32_t most = planes_per_block(&j, texel);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "classification: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller window)",
                         in->y, in->z);
    name_operation(&j, count);
    status = ctvk_gpu_pipeline_get(gpu, texel ? "classify_texel" : "classify", constants, 2, &j.pipeline, error);
    for (int32_t done = 0, planes; done < count && !status; done += planes) {
        planes = count - done < most ? count - done : most;
        status = record_block(&j, first + done, done, planes, error);
    }
    return status;
}
