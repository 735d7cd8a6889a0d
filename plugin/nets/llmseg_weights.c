/* The network's weights: from the file, packed node by node, to the device. */
#include "nets/llmseg_internal.h"

enum { HELD = 128 /* tensors of one alignment: 74 */ };

/* Weights as float32 while one node packs them; at most one alignment's tensors at a time. */
typedef struct loader {
    const ctvk_host *host;
    const ctvk_safetensors *file;
    float *held[HELD];
    int count;
    int failed;
} loader;

static const float *load(void *user, const char *name)
{
    loader *l = user;
    const ctvk_st_tensor *tensor = ctvk_safetensors_find(l->file, name);
    if (!tensor || l->count == HELD) {
        l->failed = 1;
        return NULL;
    }
    float *data = ctvk_alloc(l->host, tensor->count * sizeof *data);
    if (!data) {
        l->failed = 1;
        return NULL;
    }
    ctvk_st_to_f32(tensor, 0, tensor->count, data);
    l->held[l->count++] = data;
    return data;
}

static void release(loader *l)
{
    while (l->count)
        ctvk_free(l->host, l->held[--l->count]);
}

static void pack_node(const ctvk_llmseg *net, const ctvk_node *node, loader *l, void *packed)
{
    const ctvk_gpu *gpu = net->gpu;
    const ctvk_value *out = &net->net.graph.value[node->out];
    const float *weights;
    switch (node->kind) {
    case CTVK_NODE_CONV:
        weights = load(l, node->weight);
        if (weights)
            ctvk_conv3d_pack(gpu, &node->as.conv, out->x, out->y, out->z, weights, packed);
        break;
    case CTVK_NODE_SHORTCUT:
        weights = load(l, node->weight);
        if (weights)
            ctvk_planar_shortcut_pack(&node->as.shortcut, weights, packed);
        break;
    case CTVK_NODE_TRANSP:
        weights = load(l, node->weight);
        if (weights)
            ctvk_transp_conv3d_pack(gpu, &node->as.transp, weights, packed);
        break;
    case CTVK_NODE_ALIGN:
        ctvk_alignment_pack(&node->as.align, load, l, packed);
        break;
    case CTVK_NODE_STATS:
    case CTVK_NODE_APPLY:
    case CTVK_NODE_NARROW:
        break;
    }
}

ctvk_status ctvk_llmseg_upload_weights(ctvk_llmseg *net, const ctvk_safetensors *file, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(net->gpu);
    ctvk_status status = CTVK_OK;
    loader l = {.host = host, .file = file};
    for (int32_t i = 0; i < net->net.graph.nodes && status == CTVK_OK; i++) {
        const ctvk_node *node = &net->net.graph.node[i];
        if (!node->weight_bytes)
            continue;
        void *packed = ctvk_calloc(host, 1, node->weight_bytes);
        if (packed)
            pack_node(net, node, &l, packed);
        if (!packed || l.failed)
            status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "network: no host memory to pack the weights (close other programs)");
        else
            status = ctvk_gpu_upload(net->weights, node->weight_offset, packed, node->weight_bytes, error);
        release(&l);
        ctvk_free(host, packed);
    }
    return status;
}
