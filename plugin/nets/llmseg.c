#include "nets/llmseg.h"

#include "core/checked.h"
#include "core/clock.h"
#include "nets/llmseg_internal.h"
#include "nets/llmseg_names.h"
#include "ops/blend.h"
#include "ops/instance_norm.h"
#include "ops/narrow.h"

/* Results travel to the host through one mapped buffer of at most this size; weights and windows go up through the gpu room's staging,
 * which is as large. */
#define STAGING_BYTES (16u << 20)

/* At least one plane in each of two tiles, whatever its size; little more where memory counts. */
static uint64_t staging_bytes(const ctvk_llmseg_desc *desc)
{
    const uint64_t most = desc->half ? STAGING_BYTES / 4 : STAGING_BYTES;
    uint64_t plane = ctvk_align_up(ctvk_llmseg_tile_plane_bytes(desc), 256), whole = plane * (uint64_t)desc->window[0];
    uint64_t bytes = whole < most ? whole : most;
    return ctvk_align_up(bytes > 2 * plane ? bytes : 2 * plane, 512);
}

static void fill_memory(const ctvk_llmseg_desc *desc, const ctvk_graph *graph, ctvk_llmseg_memory *out)
{
    out->weights = graph->weight_bytes;
    out->activations = ctvk_graph_arena_bytes(graph);
    out->staging = 2 * staging_bytes(desc) + STAGING_BYTES;
    out->total = out->weights + out->activations + out->staging;
}

ctvk_status ctvk_llmseg_plan(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, ctvk_llmseg_memory *out, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(gpu);
    ctvk_llmseg_graph *net = ctvk_alloc(host, sizeof *net);
    if (!net)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "network: no host memory for the plan (close other programs)");
    ctvk_status status = ctvk_llmseg_graph_build(gpu, desc, net, error);
    if (status == CTVK_OK)
        fill_memory(desc, &net->graph, out);
    ctvk_free(host, net);
    return status;
}

static ctvk_status rehearse(const ctvk_llmseg *net, const ctvk_llmseg_wanted *wanted, ctvk_error *error);

ctvk_status ctvk_llmseg_create(ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights,
                               const ctvk_llmseg_wanted *wanted, ctvk_llmseg **out, ctvk_error *error)
{
    ctvk_status status = ctvk_llmseg_check(desc, weights, NULL, error);
    *out = NULL;
    if (status != CTVK_OK)
        return status;
    ctvk_llmseg *net = ctvk_calloc(ctvk_gpu_host(gpu), 1, sizeof *net);
    if (!net)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "network: no host memory (close other programs)");
    net->gpu = gpu;
    net->desc = *desc;
    net->staging_bytes = staging_bytes(desc);
    status = ctvk_llmseg_graph_build(gpu, desc, &net->net, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, net->net.graph.weight_bytes, CTVK_GPU_MEMORY_DEVICE, "weights", &net->weights, error);
    for (int32_t i = 0; status == CTVK_OK && i < net->net.graph.chunks; i++)
        status = ctvk_gpu_buffer_create(gpu, net->net.graph.chunk_bytes[i], CTVK_GPU_MEMORY_DEVICE, "activations", &net->arena[i], error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, net->staging_bytes, CTVK_GPU_MEMORY_DOWNLOAD, "results", &net->tile, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_buffer_create(gpu, net->staging_bytes, CTVK_GPU_MEMORY_UPLOAD, "accumulators", &net->sums, error);
    if (status == CTVK_OK)
        status = rehearse(net, wanted, error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_upload_weights(net, weights, error);
    if (status != CTVK_OK) {
        ctvk_llmseg_destroy(&net);
        return status;
    }
    *out = net;
    return CTVK_OK;
}

void ctvk_llmseg_destroy(ctvk_llmseg **net)
{
    if (!net || !*net)
        return;
    ctvk_llmseg *n = *net;
    ctvk_gpu_buffer_destroy(&n->sums);
    ctvk_gpu_buffer_destroy(&n->tile);
    for (int32_t i = 0; i < CTVK_ARENA_CHUNKS; i++)
        ctvk_gpu_buffer_destroy(&n->arena[i]);
    ctvk_gpu_buffer_destroy(&n->weights);
    ctvk_free(ctvk_gpu_host(n->gpu), n);
    *net = NULL;
}

ctvk_span ctvk_llmseg_span(const ctvk_llmseg *net, int32_t id)
{
    const ctvk_graph *graph = &net->net.graph;
    if (id < 0)
        return (ctvk_span){0};
    const ctvk_value *value = &graph->value[id];
    return (ctvk_span){net->arena[value->offset / graph->chunk], value->offset % graph->chunk, value->bytes};
}

ctvk_tensor ctvk_llmseg_tensor(const ctvk_llmseg *net, int32_t id)
{
    ctvk_span span = ctvk_llmseg_span(net, id);
    if (id < 0)
        return (ctvk_tensor){0};
    const ctvk_value *value = &net->net.graph.value[id];
    return (ctvk_tensor){span.buffer, span.offset, value->c, value->x, value->y, value->z, value->half};
}

/* What is left of the logits of one window, of which these are wanted. */
static ctvk_llmseg_manner manner_of(const ctvk_llmseg *net, int labels, int probabilities)
{
    if (net->net.words < 0)
        return CTVK_LLMSEG_PLAIN;
    return labels ? CTVK_LLMSEG_LABELS : probabilities ? CTVK_LLMSEG_PROBABILITIES : CTVK_LLMSEG_PLAIN;
}

/* Of the last layer's logits what the manner wants. */
static ctvk_status record_transp(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_node *node, ctvk_llmseg_manner manner,
                                 ctvk_error *error)
{
    const ctvk_tensor in = ctvk_llmseg_tensor(net, node->in), out = ctvk_llmseg_tensor(net, node->out);
    const ctvk_span words = ctvk_llmseg_span(net, net->net.words), stats = ctvk_llmseg_span(net, node->stats),
                    weights = {net->weights, node->weight_offset, node->weight_bytes};
    const int last = node->out == net->net.logits, labels = last && manner == CTVK_LLMSEG_LABELS,
              probabilities = last && manner == CTVK_LLMSEG_PROBABILITIES, normalises = node->stats >= 0 && manner != CTVK_LLMSEG_TAPPED;
    const ctvk_transp_conv3d_job job = {.cmd = cmd,
                                        .gpu = net->gpu,
                                        .conv = &node->as.transp,
                                        .in = &in,
                                        .norm = normalises ? &stats : NULL,
                                        .weights = &weights,
                                        .out = labels ? NULL : &out,
                                        .words = labels || probabilities ? &words : NULL,
                                        .count = in.x};
    return ctvk_transp_conv3d_record(&job, error);
}

static ctvk_status record_node(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_node *node, ctvk_llmseg_manner manner,
                               ctvk_error *error)
{
    ctvk_tensor in = ctvk_llmseg_tensor(net, node->in), in_b = ctvk_llmseg_tensor(net, node->in_b),
                out = ctvk_llmseg_tensor(net, node->out);
    ctvk_span stats = ctvk_llmseg_span(net, node->stats), stats_b = ctvk_llmseg_span(net, node->stats_b),
              scratch = ctvk_llmseg_span(net, node->scratch);
    ctvk_span weights = {net->weights, node->weight_offset, node->weight_bytes};
    int two = node->in_b >= 0, normalised = node->stats >= 0, tapped = manner == CTVK_LLMSEG_TAPPED;
    switch (node->kind) {
    case CTVK_NODE_CONV:
        return ctvk_conv3d_record(cmd, net->gpu, &node->as.conv, &in, two ? &in_b : NULL, normalised ? &stats : NULL, &weights, &scratch,
                                  &out, node->stats_b >= 0 ? &stats_b : NULL, error);
    case CTVK_NODE_TRANSP:
        return record_transp(net, cmd, node, manner, error);
    case CTVK_NODE_STATS:
        return ctvk_instance_norm_stats(cmd, net->gpu, &in, &stats, error);
    case CTVK_NODE_APPLY:
        if (node->deferred && !tapped)
            return CTVK_OK;
        return ctvk_instance_norm_apply(cmd, net->gpu, &in, &stats, two ? &in_b : NULL, two ? &stats_b : NULL, &out, error);
    case CTVK_NODE_ALIGN:
        stats = ctvk_llmseg_span(net, node->in); /* the text */
        return ctvk_alignment_record(cmd, net->gpu, &node->as.align, &weights, &stats, &scratch, &out, error);
    case CTVK_NODE_NARROW:
        return ctvk_narrow_record(cmd, net->gpu, &in, &stats, &out, error);
    case CTVK_NODE_SHORTCUT:
        return ctvk_planar_shortcut_record(cmd, net->gpu, &node->as.shortcut, &in, &weights, &stats_b, &out, &stats, error);
    }
    return ctvk_fail(error, CTVK_ERROR_INTERNAL, "network: unknown node (report this)");
}

/* What a window and its classes need is compiled while the weights are packed and the first of it runs. */
static ctvk_status rehearse(const ctvk_llmseg *net, const ctvk_llmseg_wanted *wanted, ctvk_error *error)
{
    ctvk_tensor logits = ctvk_llmseg_tensor(net, net->net.logits), tile = {net->tile, 0, logits.c + 1, 1, logits.y, logits.z, 0};
    const int fused = wanted->one_window && !wanted->logits;
    const ctvk_llmseg_manner manner = manner_of(net, fused && !wanted->probability, fused && wanted->probability);
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_rehearse(net->gpu, &cmd, error);
    for (int32_t i = 0; i < net->net.graph.nodes && status == CTVK_OK; i++)
        status = record_node(net, cmd, &net->net.graph.node[i], manner, error);
    if (status == CTVK_OK && !wanted->one_window)
        status = ctvk_blend_record(cmd, net->gpu, &logits, 0.125, 0, 0, 1, &tile, error);
    if (status == CTVK_OK && manner == CTVK_LLMSEG_PLAIN)
        status = ctvk_llmseg_rehearse_classes(net, cmd, wanted, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}

typedef struct progress {
    const ctvk_llmseg_run *run;
    ctvk_llmseg_manner manner;
    double before, total;
} progress;

static int32_t report(void *user, double work_done)
{
    progress *p = user;
    double fraction = (p->before + work_done) / p->total;
    return p->run->progress ? p->run->progress(p->run->user, fraction < 1 ? fraction : 1) : 0;
}

/* Nodes [first, last) in one command. */
static ctvk_status run_nodes(const ctvk_llmseg *net, progress *p, int32_t first, int32_t last, ctvk_error *error)
{
    ctvk_gpu_cmd *cmd = NULL;
    ctvk_status status = ctvk_gpu_cmd_begin(net->gpu, report, p, &cmd, error);
    for (int32_t i = first; i < last && status == CTVK_OK; i++)
        status = record_node(net, cmd, &net->net.graph.node[i], p->manner, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    if (status == CTVK_OK)
        p->before += ctvk_gpu_cmd_work(cmd);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}

/* Nodes [first, end): in one command, or with a tap after every node that has a name. */
static ctvk_status run_range(const ctvk_llmseg *net, const ctvk_llmseg_run *run, progress *p, int32_t first, int32_t end, ctvk_error *error)
{
    const ctvk_graph *graph = &net->net.graph;
    ctvk_status status = CTVK_OK;
    while (status == CTVK_OK && first < end) {
        int32_t last = first + 1;
        while (last < end && !(run->tap && graph->node[last - 1].tap[0]))
            last++;
        status = run_nodes(net, p, first, last, error);
        if (status == CTVK_OK && run->tap && graph->node[last - 1].tap[0])
            status = ctvk_llmseg_hand_tap(net, &graph->node[last - 1], run, error);
        first = last;
    }
    return status;
}

static ctvk_status upload_window(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_error *error)
{
    ctvk_span input = ctvk_llmseg_span(net, net->net.input);
    uint64_t bytes = (uint64_t)net->desc.in_channels * (uint64_t)net->desc.window[0] * (uint64_t)net->desc.window[1] *
                     (uint64_t)net->desc.window[2] * sizeof(float);
    return ctvk_gpu_upload(input.buffer, input.offset, run->window, bytes, error);
}

/* A copy is no part of the work that progress is measured against. */
static int32_t report_copy(void *user, double work_done)
{
    (void)work_done;
    return report(user, 0);
}

/* The encoder, and its levels to where the run keeps them. */
static ctvk_status encode(ctvk_llmseg *net, const ctvk_llmseg_run *run, progress *p, ctvk_error *error)
{
    double begin = ctvk_now();
    ctvk_status status = run_range(net, run, p, 0, net->net.encoder_nodes, error);
    double middle = ctvk_now();
    if (status == CTVK_OK)
        status = ctvk_llmseg_encoded_save(net, report_copy, p, run->save, error);
    run->save->encode_seconds = middle - begin;
    run->save->copy_seconds = ctvk_now() - middle;
    return status;
}

ctvk_status ctvk_llmseg_window(ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_error *error)
{
    ctvk_span text = ctvk_llmseg_span(net, net->net.text);
    const ctvk_llmseg_manner manner = run->tap    ? CTVK_LLMSEG_TAPPED
                                      : run->tile ? CTVK_LLMSEG_PLAIN
                                                  : manner_of(net, run->labels, run->probabilities);
    progress p = {run, manner, 0, (run->load ? net->net.work - net->net.encoder_work : net->net.work) * 1.02 + 1};
    int32_t first = run->load || run->save ? net->net.encoder_nodes : 0;
    ctvk_status status = run->load ? ctvk_llmseg_encoded_load(net, report_copy, &p, run->load, error) : upload_window(net, run, error);
    if (status == CTVK_OK && text.buffer)
        status = ctvk_gpu_upload(text.buffer, text.offset, run->text,
                                 (uint64_t)net->desc.prompts * (uint64_t)net->desc.text_dim * sizeof(float), error);
    if (status == CTVK_OK && run->save && !run->load)
        status = encode(net, run, &p, error);
    if (status == CTVK_OK)
        status = run_range(net, run, &p, first, net->net.graph.nodes, error);
    p.before = p.total;
    net->ran = manner;
    return status == CTVK_OK && run->tile ? ctvk_llmseg_hand_tiles(net, run, report, &p, error) : status;
}
