/* What the network gives on its way to the host: two tiles in turn, so that the device fills one while the host takes the other. And what
 * they hold where there are several windows: logits times weights, and the weights. */
#include "core/checked.h"
#include "nets/llmseg_internal.h"
#include "ops/blend.h"

#include <string.h>

uint64_t ctvk_llmseg_tile_plane_bytes(const ctvk_llmseg_desc *desc)
{
    return (uint64_t)(desc->out_channels + 1) * (uint64_t)desc->window[1] * (uint64_t)desc->window[2] * sizeof(float);
}

/* A tile that the device fills, or has filled. */
typedef struct tile {
    uint64_t offset;
    int32_t first, count; /* planes of the window */
    uint64_t mark;
} tile;

static ctvk_status fill(const ctvk_llmseg_way *way, ctvk_gpu_cmd *cmd, tile *t, ctvk_error *error)
{
    ctvk_status status = way->fill(way->user, cmd, t->offset, t->first, t->count, error);
    return status == CTVK_OK ? ctvk_gpu_cmd_submit(cmd, &t->mark, error) : status;
}

static ctvk_status hand(const ctvk_llmseg_way *way, ctvk_gpu_cmd *cmd, const tile *t, ctvk_error *error)
{
    ctvk_status status = ctvk_gpu_cmd_wait(cmd, t->mark, error);
    return status == CTVK_OK ? way->hand(way->user, t->offset, t->first, t->count, error) : status;
}

ctvk_status ctvk_llmseg_tiles(const ctvk_llmseg *net, const ctvk_llmseg_way *way, ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    const int32_t all = net->desc.window[0];
    const uint64_t half = net->staging_bytes / 2;
    tile tiles[2] = {{.mark = 0}};
    ctvk_status status = CTVK_OK;
    int32_t number = 0;
    for (int32_t first = 0; first < all && status == CTVK_OK; first += way->planes, number++) {
        tile *t = &tiles[number % 2];
        *t = (tile){half * (uint64_t)(number % 2), first, all - first < way->planes ? all - first : way->planes, 0};
        status = fill(way, cmd, t, error);
        if (status == CTVK_OK && number)
            status = hand(way, cmd, &tiles[(number - 1) % 2], error);
    }
    if (status == CTVK_OK && number)
        status = hand(way, cmd, &tiles[(number - 1) % 2], error);
    return status == CTVK_OK ? ctvk_gpu_cmd_finish(cmd, error) : status;
}

ctvk_status ctvk_llmseg_not_finite(const ctvk_llmseg *net, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_DEVICE,
                     "network: logits that are not finite: device %s computes wrongly, or this model's numbers are too large for it "
                     "(update the driver or take another device)",
                     ctvk_gpu_get_info(net->gpu)->name);
}

/* With the norms one number that is none makes none of all that follow from it. Without this a NaN would be the first label. */
static int is_finite(const float *numbers, uint64_t count)
{
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        wrong |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !wrong;
}

typedef struct blended {
    const ctvk_llmseg *net;
    const ctvk_llmseg_run *run;
    ctvk_tensor logits;
} blended;

static ctvk_status fill_blended(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const blended *b = user;
    const ctvk_tensor *l = &b->logits, out = {b->net->tile, offset, l->c + 1, count, l->y, l->z, 0};
    return ctvk_blend_record(cmd, b->net->gpu, l, b->run->sigma_scale, b->run->constant_blend, first, count, &out, error);
}

static ctvk_status hand_blended(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error)
{
    const blended *b = user;
    const float *numbers = (const float *)((const char *)b->net->tile->mapped + offset);
    uint64_t bytes = (uint64_t)count * ctvk_llmseg_tile_plane_bytes(&b->net->desc);
    if (!b->run->unchecked && !is_finite(numbers, bytes / sizeof(float)))
        return ctvk_llmseg_not_finite(b->net, error);
    b->run->tile(b->run->user, first, count, numbers);
    return CTVK_OK;
}

ctvk_status ctvk_llmseg_hand_tiles(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_check_fn check, void *user,
                                   ctvk_error *error)
{
    blended b = {net, run, ctvk_llmseg_tensor(net, net->net.logits)};
    const int32_t planes = (int32_t)(net->staging_bytes / 2 / ctvk_llmseg_tile_plane_bytes(&net->desc));
    const ctvk_llmseg_way way = {planes, fill_blended, hand_blended, &b};
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check, user, &cmd, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_tiles(net, &way, cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}
