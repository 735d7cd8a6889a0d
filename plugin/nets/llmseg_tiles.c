/* Logits times weights, and the weights, on their way to the host: two tiles in turn, so that the device fills one while the host takes the
 * other. */
#include "core/checked.h"
#include "nets/llmseg_internal.h"
#include "ops/blend.h"

#include <string.h>

uint64_t ctvk_llmseg_tile_plane_bytes(const ctvk_llmseg_desc *desc)
{
    return (uint64_t)(desc->out_channels + 1) * (uint64_t)desc->window[1] * (uint64_t)desc->window[2] * sizeof(float);
}

/* A number that half precision could not hold has become NaN, and with the norms all that follow from it. Without this a NaN would be the
 * first label. */
static ctvk_status check_finite(const ctvk_llmseg *net, const float *numbers, uint64_t count, ctvk_error *error)
{
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        wrong |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    if (!wrong)
        return CTVK_OK;
    if (net->desc.half)
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE,
            "network: logits that are not finite: half precision does not hold what this model computes (take --precision f32)");
    return ctvk_fail(error, CTVK_ERROR_DEVICE,
                     "network: logits that are not finite: device %s computes wrongly (update the driver or take another device)",
                     ctvk_gpu_get_info(net->gpu)->name);
}

/* A tile that the device fills, or has filled. */
typedef struct tile {
    ctvk_tensor tensor;
    int32_t first; /* plane of the window */
    uint64_t mark;
} tile;

static ctvk_status fill(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_cmd *cmd, const ctvk_tensor *logits, tile *t,
                        ctvk_error *error)
{
    ctvk_status status =
        ctvk_blend_record(cmd, net->gpu, logits, run->sigma_scale, run->constant_blend, t->first, t->tensor.x, &t->tensor, error);
    return status == CTVK_OK ? ctvk_gpu_cmd_submit(cmd, &t->mark, error) : status;
}

static ctvk_status hand(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_cmd *cmd, const tile *t, ctvk_error *error)
{
    const float *numbers = (const float *)((const char *)net->tile->mapped + t->tensor.offset);
    ctvk_status status = ctvk_gpu_cmd_wait(cmd, t->mark, error);
    if (status == CTVK_OK && !run->unchecked)
        status = check_finite(net, numbers, ctvk_tensor_bytes(&t->tensor) / sizeof(float), error);
    if (status == CTVK_OK)
        run->tile(run->user, t->first, t->tensor.x, numbers);
    return status;
}

ctvk_status ctvk_llmseg_hand_tiles(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_check_fn check, void *user,
                                   ctvk_error *error)
{
    ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits);
    uint64_t half = net->staging_bytes / 2;
    int32_t planes = (int32_t)(half / ctvk_llmseg_tile_plane_bytes(&net->desc));
    tile tiles[2] = {{.mark = 0}};
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check, user, &cmd, error);
    int32_t number = 0;
    for (int32_t first = 0; first < logits.x && status == CTVK_OK; first += planes, number++) {
        int32_t count = logits.x - first < planes ? logits.x - first : planes;
        tile *t = &tiles[number % 2];
        *t = (tile){{net->tile, half * (uint64_t)(number % 2), logits.c + 1, count, logits.y, logits.z, 0}, first, 0};
        status = fill(net, run, cmd, &logits, t, error);
        if (status == CTVK_OK && number)
            status = hand(net, run, cmd, &tiles[(number - 1) % 2], error);
    }
    if (status == CTVK_OK && number)
        status = hand(net, run, cmd, &tiles[(number - 1) % 2], error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}
