/* Intermediate tensors for tests: plain and slow. */
#include "nets/llmseg_internal.h"

ctvk_status ctvk_llmseg_hand_tap(const ctvk_llmseg *net, const ctvk_node *node, const ctvk_llmseg_run *run, ctvk_error *error)
{
    ctvk_tensor t = ctvk_llmseg_tensor(net, node->out);
    const ctvk_host *host = ctvk_gpu_host(net->gpu);
    uint64_t bytes = ctvk_tensor_bytes(&t), count = bytes / sizeof(float);
    int32_t planar = node->out == net->net.logits, shape[4] = {t.c, t.x, t.y, t.z};
    float *raw = ctvk_alloc(host, count * sizeof *raw), *data = ctvk_alloc(host, count * sizeof *data);
    ctvk_status status =
        raw && data ? ctvk_gpu_download(t.buffer, t.offset, raw, bytes, error)
                    : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "network: no host memory for an intermediate tensor (close programs)");
    uint64_t plane = (uint64_t)t.y * (uint64_t)t.z;
    for (uint64_t c = 0, at = 0; status == CTVK_OK && c < (uint64_t)t.c; c++)
        for (uint64_t x = 0; x < (uint64_t)t.x; x++)
            for (uint64_t i = 0; i < plane; i++, at++)
                data[at] =
                    planar ? raw[(x * (uint64_t)t.c + c) * plane + i] : raw[((x * (uint64_t)(t.c / 4) + c / 4) * plane + i) * 4 + c % 4];
    if (status == CTVK_OK)
        run->tap(run->user, node->tap, shape, data);
    ctvk_free(host, raw);
    ctvk_free(host, data);
    return status;
}
