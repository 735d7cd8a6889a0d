/* From logits to classes: of the sums of several windows, and of one window alone, whose logits have not left the device. */
#include "core/checked.h"
#include "nets/llmseg_internal.h"
#include "ops/classify.h"

#include <string.h>

/* What each pass over the voxels gives; returns how many there are. */
static int passes_of(int logits, int probability, int32_t passes[2])
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

/* Labels of `in` from `offset` of the tile on, and behind them the volumes. */
static ctvk_status record(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_classify *op, const ctvk_tensor *in, int32_t first,
                          int32_t count, uint64_t offset, ctvk_error *error)
{
    uint64_t bytes = (uint64_t)count * (uint64_t)in->y * (uint64_t)in->z;
    const ctvk_span labels = {net->tile, offset, bytes}, not_finite = ctvk_llmseg_span(net, net->net.not_finite);
    const ctvk_tensor volumes = {net->tile, offset + ctvk_align_up(bytes, 256), op->classes, count, in->y, in->z, 0};
    return ctvk_classify_record(cmd, net->gpu, op, in, first, count, &labels, op->volumes ? &volumes : NULL,
                                op->weighted ? NULL : &not_finite, error);
}

static const uint8_t *labels_at(const ctvk_llmseg *net, uint64_t offset)
{
    return (const uint8_t *)net->tile->mapped + offset;
}

/* Behind so many labels. */
static const float *volumes_at(const ctvk_llmseg *net, uint64_t offset, uint64_t labels)
{
    return (const float *)(const void *)(labels_at(net, offset) + ctvk_align_up(labels, 256));
}

ctvk_status ctvk_llmseg_rehearse_classes(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_llmseg_wanted *wanted, ctvk_error *error)
{
    const ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits), sums = {net->sums, 0, logits.c + 1, 1, 1, 4, 0};
    int32_t passes[2], count = passes_of(wanted->logits, wanted->probability, passes);
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < count && status == CTVK_OK; i++) {
        const ctvk_classify op = {logits.c, !wanted->one_window, passes[i]};
        status = record(net, cmd, &op, wanted->one_window ? &logits : &sums, 0, 1, 0, error);
    }
    return status;
}

/* --- of several windows --- */

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
    const float *down = volumes_at(net, 0, stride);
    float *volumes = pass == CTVK_CLASSIFY_LOGITS ? c->logits : pass == CTVK_CLASSIFY_PROBABILITIES ? c->probability : NULL;
    for (int32_t k = 0; volumes && k < net->desc.out_channels; k++)
        memcpy(volumes + (uint64_t)k * c->voxels + first, down + (uint64_t)k * stride, count * sizeof(float));
    if (c->labels)
        memcpy(c->labels + first, labels_at(net, 0), count);
}

static ctvk_status classify_chunk(ctvk_llmseg *net, ctvk_llmseg_classes *c, int32_t pass, uint64_t first, uint32_t count, ctvk_error *error)
{
    const ctvk_classify op = {net->desc.out_channels, 1, pass};
    const ctvk_tensor sums = upload_sums(net, c, first, count);
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check_sums, c, &cmd, error);
    if (status == CTVK_OK)
        status = record(net, cmd, &op, &sums, 0, 1, 0, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status == CTVK_OK)
        take_sums(net, c, &sums, pass, first, count);
    return status;
}

ctvk_status ctvk_llmseg_classify(ctvk_llmseg *net, const ctvk_llmseg_classes *classes, ctvk_error *error)
{
    /* Labels and volumes of so many voxels are no longer than their sums and weights. */
    uint64_t chunk = net->staging_bytes / ((uint64_t)(net->desc.out_channels + 1) * sizeof(float)) / 4 * 4;
    ctvk_llmseg_classes c = *classes;
    int32_t passes[2], count = passes_of(c.logits != NULL, c.probability != NULL, passes);
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

/* --- of one window --- */

typedef struct window {
    const ctvk_llmseg *net;
    const ctvk_llmseg_window_classes *classes;
    ctvk_classify op;
    ctvk_tensor logits;
    uint64_t area; /* voxels of a plane */
} window;

static int32_t check_window(void *user, double work_done)
{
    const window *w = user;
    (void)work_done;
    return w->classes->check ? w->classes->check(w->classes->user) : 0;
}

static ctvk_status fill_window(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    return record(w->net, cmd, &w->op, &w->logits, first, count, offset, error);
}

static ctvk_status hand_window(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    const float *volumes = volumes_at(w->net, offset, (uint64_t)count * w->area);
    (void)error;
    w->classes->take(w->classes->user, first, count, labels_at(w->net, offset), w->op.volumes == CTVK_CLASSIFY_LOGITS ? volumes : NULL,
                     w->op.volumes == CTVK_CLASSIFY_PROBABILITIES ? volumes : NULL);
    return CTVK_OK;
}

static ctvk_status classify_pass(window *w, ctvk_error *error)
{
    const uint64_t plane = w->area * (1 + (w->op.volumes ? (uint64_t)w->op.classes * sizeof(float) : 0));
    const ctvk_llmseg_way way = {(int32_t)((w->net->staging_bytes / 2 - 256) / plane), fill_window, hand_window, w};
    const ctvk_span word = ctvk_llmseg_span(w->net, w->net->net.not_finite);
    uint32_t not_finite = 0;
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(w->net->gpu, check_window, w, &cmd, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_fill(cmd, word.buffer, word.offset, sizeof not_finite, 0, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_tiles(w->net, &way, cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    if (status == CTVK_OK)
        status = ctvk_gpu_download(word.buffer, word.offset, &not_finite, sizeof not_finite, error);
    return status == CTVK_OK && not_finite ? ctvk_llmseg_not_finite(w->net, error) : status;
}

ctvk_status ctvk_llmseg_classify_window(ctvk_llmseg *net, const ctvk_llmseg_window_classes *classes, ctvk_error *error)
{
    const ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits);
    window w = {net, classes, {logits.c, 0, 0}, logits, (uint64_t)logits.y * (uint64_t)logits.z};
    int32_t passes[2], count = passes_of(classes->logits, classes->probability, passes);
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < count && status == CTVK_OK; i++) {
        w.op.volumes = passes[i];
        status = classify_pass(&w, error);
    }
    return status;
}
