/* The encoder's levels, kept beside the arena: alignment and decoder write over them. */
#include "nets/llmseg_internal.h"

#include <stdint.h>

/* Between two pieces of a copy `check` is asked. */
#define PIECE (64u << 20)

uint64_t ctvk_llmseg_encoded_bytes(const ctvk_llmseg *net)
{
    uint64_t sum = 0;
    for (int i = 0; i < CTVK_LLMSEG_LEVELS; i++)
        sum += ctvk_llmseg_span(net, net->net.level[i]).bytes;
    return sum;
}

void ctvk_llmseg_encoded_destroy(const ctvk_host *host, ctvk_llmseg_encoded **encoded)
{
    if (!encoded || !*encoded)
        return;
    for (int i = 0; i < CTVK_LLMSEG_LEVELS; i++) {
        ctvk_gpu_buffer_destroy(&(*encoded)->device[i]);
        ctvk_free(host, (*encoded)->host[i]);
    }
    ctvk_free(host, *encoded);
    *encoded = NULL;
}

static ctvk_status no_memory(ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "network: no host memory to keep the encoder's levels (close other programs)");
}

ctvk_status ctvk_llmseg_encoded_create(const ctvk_llmseg *net, int32_t on_host, ctvk_llmseg_encoded **out, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(net->gpu);
    ctvk_llmseg_encoded *made = ctvk_calloc(host, 1, sizeof *made);
    ctvk_status status = made ? CTVK_OK : no_memory(error);
    *out = NULL;
    for (int i = 0; i < CTVK_LLMSEG_LEVELS && status == CTVK_OK; i++) {
        uint64_t bytes = ctvk_llmseg_span(net, net->net.level[i]).bytes;
        if (!on_host) {
            status = ctvk_gpu_buffer_create(net->gpu, bytes, CTVK_GPU_MEMORY_DEVICE, "kept encoder", &made->device[i], error);
            continue;
        }
        made->host[i] = ctvk_alloc(host, bytes);
        status = made->host[i] ? CTVK_OK : no_memory(error);
    }
    if (status != CTVK_OK)
        ctvk_llmseg_encoded_destroy(host, &made);
    *out = made;
    return status;
}

/* Levels on the device: from or to the arena, in one command. */
static ctvk_status copy_on_device(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, const ctvk_llmseg_encoded *encoded, int save,
                                  ctvk_error *error)
{
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, check, user, &cmd, error);
    for (int i = 0; i < CTVK_LLMSEG_LEVELS; i++) {
        ctvk_span level = ctvk_llmseg_span(net, net->net.level[i]);
        for (uint64_t at = 0; at < level.bytes && status == CTVK_OK; at += PIECE) {
            uint64_t bytes = level.bytes - at < PIECE ? level.bytes - at : PIECE;
            status = save ? ctvk_gpu_cmd_copy(cmd, level.buffer, level.offset + at, encoded->device[i], at, bytes, error)
                          : ctvk_gpu_cmd_copy(cmd, encoded->device[i], at, level.buffer, level.offset + at, bytes, error);
        }
    }
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}

static ctvk_status copy_on_host(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, const ctvk_llmseg_encoded *encoded, int save,
                                ctvk_error *error)
{
    for (int i = 0; i < CTVK_LLMSEG_LEVELS; i++) {
        ctvk_span level = ctvk_llmseg_span(net, net->net.level[i]);
        for (uint64_t at = 0; at < level.bytes; at += PIECE) {
            uint64_t bytes = level.bytes - at < PIECE ? level.bytes - at : PIECE;
            uint8_t *data = (uint8_t *)encoded->host[i] + at;
            if (check && check(user, 0))
                return CTVK_CANCELLED;
            ctvk_status status = save ? ctvk_gpu_download(level.buffer, level.offset + at, data, bytes, error)
                                      : ctvk_gpu_upload(level.buffer, level.offset + at, data, bytes, error);
            if (status != CTVK_OK)
                return status;
        }
    }
    return CTVK_OK;
}

static ctvk_status copy(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, const ctvk_llmseg_encoded *encoded, int save,
                        ctvk_error *error)
{
    return (encoded->device[0] ? copy_on_device : copy_on_host)(net, check, user, encoded, save, error);
}

ctvk_status ctvk_llmseg_encoded_save(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, ctvk_llmseg_encoded *encoded, ctvk_error *error)
{
    encoded->filled = 0;
    ctvk_status status = copy(net, check, user, encoded, 1, error);
    encoded->filled = status == CTVK_OK;
    return status;
}

ctvk_status ctvk_llmseg_encoded_load(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, const ctvk_llmseg_encoded *encoded,
                                     ctvk_error *error)
{
    return copy(net, check, user, encoded, 0, error);
}
