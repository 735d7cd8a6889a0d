/* The classes of one window alone, which has not been weighted: from its logits where they lie, or from the labels that the last layer has
 * left in their place. */
#include "core/checked.h"
#include "nets/llmseg_internal.h"
#include "ops/classify.h"

typedef struct window {
    const ctvk_llmseg *net;
    const ctvk_llmseg_window_classes *classes;
    ctvk_classify op;
    ctvk_tensor logits;
    uint64_t area;  /* voxels of a plane */
    uint32_t found; /* bits of all words of labels */
} window;

static int32_t check(void *user, double work_done)
{
    const window *w = user;
    (void)work_done;
    return w->classes->check ? w->classes->check(w->classes->user) : 0;
}

static uint8_t *tile_at(const window *w, uint64_t offset)
{
    return (uint8_t *)w->net->tile->mapped + offset;
}

/* --- from logits --- */

static ctvk_status fill_logits(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    return ctvk_llmseg_record_classes(w->net, cmd, &w->op, &w->logits, first, count, offset, error);
}

static ctvk_status hand_logits(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    const float *volumes = ctvk_llmseg_volumes_at(w->net, offset, (uint64_t)count * w->area);
    (void)error;
    w->classes->take(w->classes->user, first, count, tile_at(w, offset), w->op.volumes == CTVK_CLASSIFY_LOGITS ? volumes : NULL,
                     w->op.volumes == CTVK_CLASSIFY_PROBABILITIES ? volumes : NULL);
    return CTVK_OK;
}

static ctvk_status take_logits(window *w, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    const uint64_t plane = w->area * (1 + (w->op.volumes ? (uint64_t)w->op.classes * sizeof(float) : 0));
    const ctvk_llmseg_way way = {(int32_t)((w->net->staging_bytes / 2 - 256) / plane), fill_logits, hand_logits, w};
    const ctvk_span word = ctvk_llmseg_span(w->net, w->net->net.not_finite);
    uint32_t not_finite = 0;
    ctvk_status status = ctvk_gpu_cmd_fill(cmd, word.buffer, word.offset, sizeof not_finite, 0, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_tiles(w->net, &way, cmd, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_download(word.buffer, word.offset, &not_finite, sizeof not_finite, error);
    return status == CTVK_OK && not_finite ? ctvk_llmseg_not_finite(w->net, error) : status;
}

/* --- from the last layer's labels --- */

/* A word holds the labels of two voxels along each axis; a tile the words of its planes, and then their labels. */
static ctvk_status fill_words(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    const ctvk_span words = ctvk_llmseg_span(w->net, w->net->net.words);
    const uint64_t two = w->area / 4 * sizeof(uint32_t); /* bytes of two planes */
    return ctvk_gpu_cmd_copy(cmd, words.buffer, words.offset + (uint64_t)first / 2 * two, w->net->tile, offset, (uint64_t)count / 2 * two,
                             error);
}

/* Labels of a row of voxels from a row of words of half the length; returns all their bits. */
static uint32_t unpack_row(const uint32_t *words, int32_t count, int x, int y, uint8_t *labels)
{
    uint32_t found = 0;
    for (int32_t z = 0; z < count; z++) {
        found |= words[z];
        labels[2 * z] = words[z] >> CTVK_LABEL_BIT(x, y, 0) & 15;
        labels[2 * z + 1] = words[z] >> CTVK_LABEL_BIT(x, y, 1) & 15;
    }
    return found;
}

static ctvk_status hand_words(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    window *w = user;
    const int32_t y = w->logits.y, z = w->logits.z;
    const uint32_t *words = (const uint32_t *)(const void *)tile_at(w, offset);
    uint8_t *labels = tile_at(w, offset + ctvk_align_up((uint64_t)count / 2 * w->area, 256));
    (void)error;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < y; k++)
            w->found |=
                unpack_row(words + (i / 2 * (y / 2) + k / 2) * (z / 2), z / 2, (int)(i % 2), (int)(k % 2), labels + (i * y + k) * z);
    w->classes->take(w->classes->user, first, count, labels, NULL, NULL);
    return CTVK_OK;
}

static ctvk_status take_words(window *w, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    /* Two planes of labels, and their words, which are half as long. */
    const ctvk_llmseg_way way = {(int32_t)((w->net->staging_bytes / 2 - 256) / (3 * w->area)) * 2, fill_words, hand_words, w};
    if (w->op.volumes)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "network: the window's logits were not kept (report this)");
    ctvk_status status = ctvk_llmseg_tiles(w->net, &way, cmd, error);
    return status == CTVK_OK && (w->found & CTVK_LABEL_NOT_FINITE_BITS) ? ctvk_llmseg_not_finite(w->net, error) : status;
}

ctvk_status ctvk_llmseg_classify_window(ctvk_llmseg *net, const ctvk_llmseg_window_classes *classes, ctvk_error *error)
{
    const ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits);
    window w = {net, classes, {logits.c, 0, 0}, logits, (uint64_t)logits.y * (uint64_t)logits.z, 0};
    int32_t passes[2], count = ctvk_llmseg_passes(classes->logits, classes->probability, passes);
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < count && status == CTVK_OK; i++) {
        ctvk_gpu_cmd *cmd = NULL;
        w.op.volumes = passes[i];
        status = ctvk_gpu_cmd_begin(net->gpu, check, &w, &cmd, error);
        if (status == CTVK_OK)
            status = net->left_labels ? take_words(&w, cmd, error) : take_logits(&w, cmd, error);
        ctvk_gpu_cmd_destroy(&cmd);
    }
    return status;
}
