#include "nets/llmseg_internal.h"
#include "ops/classify.h"

#include <string.h>

static int32_t check_cancel(void *user, double work_done)
{
    const ctvk_llmseg_classes *c = user;
    (void)work_done;
    return c->check ? c->check(c->user) : 0;
}

/* volumes: where probabilities, or logits, go; NULL: nowhere. */
static ctvk_status classify_chunk(ctvk_llmseg *net, ctvk_llmseg_classes *c, float *volumes, uint64_t first, uint32_t count, int32_t logits,
                                  ctvk_error *error)
{
    int32_t classes = net->desc.out_channels;
    float *up = net->sums->mapped;
    const float *down = net->tile->mapped;
    ctvk_span sums = {net->sums, 0, (uint64_t)(classes + 1) * count * sizeof(float)}, out = {net->tile, 0, sums.bytes};
    ctvk_gpu_cmd *cmd = NULL;
    for (int32_t k = 0; k < classes; k++)
        memcpy(up + (uint64_t)k * count, c->sums + (uint64_t)k * c->voxels + first, count * sizeof(float));
    c->weights(c->user, first, count, up + (uint64_t)classes * count);
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check_cancel, c, &cmd, error);
    if (status == CTVK_OK)
        status = ctvk_classify_record(cmd, net->gpu, &sums, &out, classes, count, logits, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status != CTVK_OK)
        return status;
    for (int32_t k = 0; volumes && k < classes; k++)
        memcpy(volumes + (uint64_t)k * c->voxels + first, down + (uint64_t)k * count, count * sizeof(float));
    const uint32_t *labels = (const uint32_t *)(const void *)(down + (uint64_t)classes * count);
    for (uint32_t i = 0; c->labels && i < count; i++)
        c->labels[first + i] = (uint8_t)labels[i];
    return CTVK_OK;
}

ctvk_status ctvk_llmseg_classify(ctvk_llmseg *net, const ctvk_llmseg_classes *classes, ctvk_error *error)
{
    uint64_t chunk = net->staging_bytes / ((uint64_t)(net->desc.out_channels + 1) * sizeof(float));
    ctvk_llmseg_classes c = *classes;
    for (uint64_t first = 0; first < c.voxels; first += chunk) {
        uint32_t count = (uint32_t)(c.voxels - first < chunk ? c.voxels - first : chunk);
        ctvk_status status = CTVK_OK;
        if (c.logits || !c.probability)
            status = classify_chunk(net, &c, c.logits, first, count, 1, error);
        if (status == CTVK_OK && c.probability)
            status = classify_chunk(net, &c, c.probability, first, count, 0, error);
        if (status != CTVK_OK)
            return status;
    }
    return CTVK_OK;
}
