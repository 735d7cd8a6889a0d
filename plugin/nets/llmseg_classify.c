/* From the sums of several windows to classes. Of one window: llmseg_window.c. */
#include "core/checked.h"
#include "nets/llmseg_internal.h"
#include "ops/classify.h"

#include <string.h>

int ctvk_llmseg_passes(int logits, int probability, int32_t passes[2])
{
    int count = 0;
    if (logits)
        passes[count++] = CTVK_CLASSIFY_LOGITS;
    if (probability)
        passes[count++] = CTVK_CLASSIFY_PROBABILITIES;
    if (!count)
        passes[count++] = CTVK_CLASSIFY_LABELS;
    return count;
}

ctvk_status ctvk_llmseg_record_classes(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_classify *op, const ctvk_tensor *in,
                                       int32_t first, int32_t count, uint64_t offset, ctvk_error *error)
{
    uint64_t bytes = (uint64_t)count * (uint64_t)in->y * (uint64_t)in->z;
    const ctvk_span labels = {net->tile, offset, bytes}, not_finite = ctvk_llmseg_span(net, net->net.not_finite);
    const ctvk_tensor volumes = {net->tile, offset + ctvk_align_up(bytes, 256), op->classes, count, in->y, in->z, 0};
    return ctvk_classify_record(cmd, net->gpu, op, in, first, count, &labels, op->volumes ? &volumes : NULL,
                                op->weighted ? NULL : &not_finite, error);
}

const float *ctvk_llmseg_volumes_at(const ctvk_llmseg *net, uint64_t offset, uint64_t labels)
{
    return (const float *)(const void *)((const uint8_t *)net->tile->mapped + offset + ctvk_align_up(labels, 256));
}

ctvk_status ctvk_llmseg_rehearse_classes(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_llmseg_wanted *wanted, ctvk_error *error)
{
    const ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits), sums = {net->sums, 0, logits.c + 1, 1, 1, 4, 0};
    int32_t passes[2], count = ctvk_llmseg_passes(wanted->logits, wanted->probability, passes);
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < count && status == CTVK_OK; i++) {
        const ctvk_classify op = {logits.c, !wanted->one_window, passes[i]};
        status = ctvk_llmseg_record_classes(net, cmd, &op, wanted->one_window ? &logits : &sums, 0, 1, 0, error);
    }
    return status;
}

static int32_t check_sums(void *user, double work_done)
{
    const ctvk_llmseg_classes *c = user;
    (void)work_done;
    return c->check ? c->check(c->user) : 0;
}

/* Sums of these voxels and their weights, as one plane. A row of four voxels is filled up by a voxel without a class. */
static ctvk_tensor upload_sums(const ctvk_llmseg *net, const ctvk_llmseg_classes *c, uint64_t first, uint32_t count)
{
    const int32_t classes = net->desc.out_channels;
    const uint32_t stride = (uint32_t)ctvk_align_up(count, 4);
    float *up = net->sums->mapped, *weights = up + (uint64_t)classes * stride;
    for (int32_t k = 0; k < classes; k++)
        memcpy(up + (uint64_t)k * stride, c->sums + (uint64_t)k * c->voxels + first, count * sizeof(float));
    c->weights(c->user, first, count, weights);
    for (uint32_t i = count; i < stride; i++) {
        for (int32_t k = 0; k < classes; k++)
            up[(uint64_t)k * stride + i] = 0;
        weights[i] = 1;
    }
    return (ctvk_tensor){net->sums, 0, classes + 1, 1, 1, (int32_t)stride, 0};
}

static void take_sums(const ctvk_llmseg *net, const ctvk_llmseg_classes *c, const ctvk_tensor *sums, int32_t pass, uint64_t first,
                      uint32_t count)
{
    const uint64_t stride = (uint64_t)sums->z;
    const float *down = ctvk_llmseg_volumes_at(net, 0, stride);
    float *volumes = pass == CTVK_CLASSIFY_LOGITS ? c->logits : pass == CTVK_CLASSIFY_PROBABILITIES ? c->probability : NULL;
    for (int32_t k = 0; volumes && k < net->desc.out_channels; k++)
        memcpy(volumes + (uint64_t)k * c->voxels + first, down + (uint64_t)k * stride, count * sizeof(float));
    if (c->labels)
        memcpy(c->labels + first, net->tile->mapped, count);
}

static ctvk_status classify_chunk(ctvk_llmseg *net, ctvk_llmseg_classes *c, int32_t pass, uint64_t first, uint32_t count, ctvk_error *error)
{
    const ctvk_classify op = {net->desc.out_channels, 1, pass};
    const ctvk_tensor sums = upload_sums(net, c, first, count);
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check_sums, c, &cmd, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_record_classes(net, cmd, &op, &sums, 0, 1, 0, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status == CTVK_OK)
        take_sums(net, c, &sums, pass, first, count);
    return status;
}

ctvk_status ctvk_llmseg_classify(ctvk_llmseg *net, const ctvk_llmseg_classes *classes, ctvk_error *error)
{
    /* Labels and volumes of so many voxels are no longer than their sums and weights; a binding has to hold them too, from where it may
     * begin. */
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(net->gpu);
    uint64_t binding = caps->max_storage_range - 2 * caps->storage_alignment,
             room = net->staging_bytes < binding ? net->staging_bytes : binding;
    uint64_t chunk = room / ((uint64_t)(net->desc.out_channels + 1) * sizeof(float)) / 4 * 4;
    ctvk_llmseg_classes c = *classes;
    int32_t passes[2], count = ctvk_llmseg_passes(c.logits != NULL, c.probability != NULL, passes);
    for (uint64_t first = 0; first < c.voxels; first += chunk) {
        uint32_t voxels = (uint32_t)(c.voxels - first < chunk ? c.voxels - first : chunk);
        for (int i = 0; i < count; i++) {
            ctvk_status status = classify_chunk(net, &c, passes[i], first, voxels, error);
            if (status != CTVK_OK)
                return status;
        }
    }
    return CTVK_OK;
}
