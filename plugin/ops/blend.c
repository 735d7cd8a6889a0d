#include "ops/blend.h"

#include "ops/chunks.h"
#include "params/blend.h"

#include <math.h>

_Static_assert(sizeof(struct ctvk_blend_params) <= 128, "push constants");

enum { VOXELS = 64 /* of one workgroup */ };

/* Weights of the whole window (model.md, step 8), everything in double before it is rounded once. */
static void set_weights(struct ctvk_blend_params *p, const ctvk_tensor *window, double sigma_scale, int32_t constant)
{
    const int32_t n[3] = {window->x, window->y, window->z};
    double rate[3] = {0}, centre[3], smallest = 0;
    for (int i = 0; i < 3; i++) {
        double sigma = sigma_scale * n[i];
        centre[i] = (n[i] - 1) / 2.0;
        if (!constant)
            rate[i] = -1 / (2 * sigma * sigma);
        smallest += centre[i] * centre[i] * rate[i];
    }
    p->centre_x = (float)centre[0];
    p->centre_y = (float)centre[1];
    p->centre_z = (float)centre[2];
    p->rate_x = (float)rate[0];
    p->rate_y = (float)rate[1];
    p->rate_z = (float)rate[2];
    p->least = (float)fmax(exp(smallest), 1e-3);
}

ctvk_status ctvk_blend_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_tensor *logits, double sigma_scale, int32_t constant,
                              int32_t first, int32_t count, const ctvk_tensor *out, ctvk_error *error)
{
    double work = 40 + 8.0 * logits->c; /* of a voxel */
    int32_t area = logits->y * logits->z;
    ctvk_gpu_pipeline *pipeline = NULL;
    if (logits->c < 1 || out->c != logits->c + 1 || out->y != logits->y || out->z != logits->z || first < 0 || count < 1 ||
        first > logits->x - count || out->x < count || !(constant || sigma_scale > 0))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "blending: planes %d to %d of %d do not fit (report this)", first, first + count,
                         logits->x);
    int32_t most = ctvk_planes_per_dispatch(cmd, out, ctvk_gpu_get_caps(gpu)->max_storage_range - 256, work, VOXELS);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "blending: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller window)", logits->y,
                         logits->z);
    /* A factor for each class; the weight: three squares, factors and sums, exponential, maximum. */
    ctvk_gpu_cmd_operation(cmd, "blend", (logits->c + 14.0) * count * area, 4.0 * (2 * logits->c + 1) * count * area, "%d, %d x %d x %d",
                           logits->c, count, logits->y, logits->z);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, "blend", NULL, 0, &pipeline, error);
    for (int32_t done = 0, planes; done < count && !status; done += planes) {
        planes = count - done < most ? count - done : most;
        uint32_t from, to;
        ctvk_gpu_bind binds[2] = {ctvk_tensor_bind(logits, first + done, planes, 4, &from), ctvk_tensor_bind(out, done, planes, 4, &to)};
        struct ctvk_blend_params p = {.from = (int)from,
                                      .to = (int)to,
                                      .first_x = first + done,
                                      .size_y = logits->y,
                                      .size_z = logits->z,
                                      .voxels = planes * area,
                                      .classes = logits->c};
        set_weights(&p, logits, sigma_scale, constant);
        uint32_t groups[3] = {((uint32_t)p.voxels + VOXELS - 1) / VOXELS, 1, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, 2, &p, sizeof p, groups, work * p.voxels, 0, error);
    }
    return status;
}
