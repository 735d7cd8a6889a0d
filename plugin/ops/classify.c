#include "ops/classify.h"

#include "ops/chunks.h"
#include "params/classify.h"

_Static_assert(sizeof(struct ctvk_classify_params) <= 128, "push constants");

enum { VOXELS = 64 /* of one workgroup */ };

ctvk_status ctvk_classify_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_span *sums, const ctvk_span *out, int32_t classes,
                                 uint32_t voxels, int32_t logits, ctvk_error *error)
{
    uint64_t bytes = ((uint64_t)classes + 1) * voxels * sizeof(float);
    double work = 60.0 * classes + 20, most = ctvk_gpu_cmd_work_limit(cmd) / work; /* of a voxel; voxels of a dispatch */
    uint32_t step = (uint32_t)(most < VOXELS ? VOXELS : most > (double)CTVK_MAX_GROUPS * VOXELS ? CTVK_MAX_GROUPS * VOXELS : most);
    ctvk_gpu_pipeline *pipeline = NULL;
    if (classes < 1 || voxels < 1 || sums->bytes < bytes || out->bytes < bytes || bytes > ctvk_gpu_get_caps(gpu)->max_storage_range)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "classification: %u voxels of %d classes do not fit (report this)", voxels, classes);
    /* A quotient for each class; for probabilities difference, exponential, sum and quotient more. */
    ctvk_gpu_cmd_operation(cmd, "classify", (logits ? 1.0 : 5.0) * classes * voxels, 2 * (double)bytes, "%d, %u voxels", classes, voxels);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, "classify", NULL, 0, &pipeline, error);
    for (uint32_t first = 0, count; first < voxels && !status; first += count) {
        count = voxels - first < step ? voxels - first : step;
        ctvk_gpu_bind binds[2] = {{sums->buffer, sums->offset, bytes}, {out->buffer, out->offset, bytes}};
        struct ctvk_classify_params p = {(int)voxels, (int)first, (int)(first + count), classes, logits != 0};
        uint32_t groups[3] = {(count + VOXELS - 1) / VOXELS, 1, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 2, &p, sizeof p, groups, work * count, 0, error);
    }
    return status;
}
