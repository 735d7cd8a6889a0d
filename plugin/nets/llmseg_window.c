/* The classes of one window alone, which has not been weighted: from its logits where they lie, or from the labels, or probabilities and
 * labels, that the last layer has left in their place. */
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

/* --- from what the last layer has made of them --- */

/* A word holds the labels of two voxels along each axis; a tile the words of its planes, then their labels, and, where they are wanted,
 * their probabilities. */
typedef struct places {
    uint64_t words, labels, volumes; /* where they begin */
    uint64_t word_bytes, volume_bytes;
} places;

static places places_of(const window *w, uint64_t offset, int32_t first, int32_t count)
{
    places p = {.words = offset,
                .word_bytes = (uint64_t)((first + count + 1) / 2 - first / 2) * w->area,
                .volume_bytes = w->op.volumes ? (uint64_t)count * ctvk_tensor_plane_bytes(&w->logits) : 0};
    p.labels = ctvk_align_up(p.words + p.word_bytes, 256);
    p.volumes = ctvk_align_up(p.labels + (uint64_t)count * w->area, 256);
    return p;
}

/* Planes of a tile: pairs, which have their words together, or one alone where the staging, made for sums, holds no pair. */
static int32_t fused_planes(const window *w)
{
    const uint64_t pair = 3 * w->area + (w->op.volumes ? 2 * ctvk_tensor_plane_bytes(&w->logits) : 0),
                   pairs = (w->net->staging_bytes / 2 - 512) / pair;
    return pairs ? (int32_t)(2 * pairs) : 1;
}

static ctvk_status fill_fused(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const window *w = user;
    const ctvk_span words = ctvk_llmseg_span(w->net, w->net->net.words);
    const places p = places_of(w, offset, first, count);
    ctvk_status status =
        ctvk_gpu_cmd_copy(cmd, words.buffer, words.offset + (uint64_t)(first / 2) * w->area, w->net->tile, p.words, p.word_bytes, error);
    if (status == CTVK_OK && p.volume_bytes)
        status = ctvk_gpu_cmd_copy(cmd, w->logits.buffer, w->logits.offset + (uint64_t)first * ctvk_tensor_plane_bytes(&w->logits),
                                   w->net->tile, p.volumes, p.volume_bytes, error);
    return status;
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

static ctvk_status hand_fused(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    window *w = user;
    const int32_t y = w->logits.y, z = w->logits.z;
    const places p = places_of(w, offset, first, count);
    const uint32_t *words = (const uint32_t *)(const void *)tile_at(w, p.words);
    uint8_t *labels = tile_at(w, p.labels);
    (void)error;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < y; k++)
            w->found |= unpack_row(words + (((first + i) / 2 - first / 2) * (y / 2) + k / 2) * (z / 2), z / 2, (int)((first + i) % 2),
                                   (int)(k % 2), labels + (i * y + k) * z);
    w->classes->take(w->classes->user, first, count, labels, NULL,
                     p.volume_bytes ? (const float *)(const void *)tile_at(w, p.volumes) : NULL);
    return CTVK_OK;
}

static ctvk_status take_fused(window *w, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    const ctvk_llmseg_way way = {fused_planes(w), fill_fused, hand_fused, w};
    const int kept =
        w->op.volumes == CTVK_CLASSIFY_LABELS || (w->op.volumes == CTVK_CLASSIFY_PROBABILITIES && w->net->ran == CTVK_LLMSEG_PROBABILITIES);
    if (!kept)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "network: the window's logits were not kept (report this)");
    ctvk_status status = ctvk_llmseg_tiles(w->net, &way, cmd, error);
    return status == CTVK_OK && (w->found & CTVK_LABEL_NOT_FINITE_BITS) ? ctvk_llmseg_not_finite(w->net, error) : status;
}

ctvk_status ctvk_llmseg_classify_window(ctvk_llmseg *net, const ctvk_llmseg_window_classes *classes, ctvk_error *error)
{
    const ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits);
    window w = {net, classes, {logits.c, 0, 0}, logits, (uint64_t)logits.y * (uint64_t)logits.z, 0};
    const int fused = net->ran == CTVK_LLMSEG_LABELS || net->ran == CTVK_LLMSEG_PROBABILITIES;
    int32_t passes[2], count = ctvk_llmseg_passes(classes->logits, classes->probability, passes);
    ctvk_status status = CTVK_OK;
    for (int i = 0; i < count && status == CTVK_OK; i++) {
        ctvk_gpu_cmd *cmd = NULL;
        w.op.volumes = passes[i];
        status = ctvk_gpu_cmd_begin(net->gpu, check, &w, &cmd, error);
        if (status == CTVK_OK)
            status = fused ? take_fused(&w, cmd, error) : take_logits(&w, cmd, error);
        ctvk_gpu_cmd_destroy(&cmd);
    }
    return status;
}
