#include "nets/llmseg_graph.h"

#include "nets/llmseg_builder.h"
#include "nets/llmseg_names.h"

#include <stdio.h>
#include <string.h>

static void encode(ctvk_llmseg_builder *b, int32_t levels[CTVK_LLMSEG_LEVELS])
{
    static const char *const names[] = {"encoder1", "encoder2", "encoder3", "encoder4", "encoder10"};
    int32_t x = b->net->input;
    char name[32];
    for (int32_t i = 0; i < CTVK_LLMSEG_LEVELS; i++) {
        snprintf(name, sizeof name, "%s.layer", names[i]);
        int32_t c = ctvk_llmseg_channels(b->desc, i);
        levels[i] = x = i == 0 && b->desc->half ? ctvk_lean_encoder(b, name, x) : ctvk_build_block(b, name, x, -1, c, 2, 1, -1);
        ctvk_build_tap(b, names[i]);
    }
}

/* Sixteen bits a number are for the skip connection of the finest level alone, which waits there from the encoder to the end of the
 * decoder, and is stored as deviations (ops/narrow.h). */
static int32_t decode(ctvk_llmseg_builder *b, const int32_t levels[CTVK_LLMSEG_LEVELS])
{
    int32_t x = levels[4];
    if (b->desc->half) {
        b->lean.stats = ctvk_build_stats(b, levels[0]);
        ctvk_build_narrow(b, levels[0], b->lean.stats, b->lean.skip);
    }
    for (int32_t i = 4; i >= 1; i--) {
        char name[32], decoder[16];
        snprintf(decoder, sizeof decoder, "decoder%d", i);
        snprintf(name, sizeof name, "%s.conv_block", decoder);
        int32_t c = ctvk_llmseg_channels(b->desc, i - 1), out = i == 2 && b->desc->half ? b->lean.coarse : -1;
        if (i > 1 || !b->desc->half) {
            x = ctvk_build_block(b, name, ctvk_build_transp(b, decoder, x, c, 0), levels[i - 1], c, 1, i == 4, out);
        } else {
            ctvk_build_transp_to(b, decoder, x, b->lean.u, 0);
            x = ctvk_lean_decoder(b, name);
        }
        ctvk_build_tap(b, decoder);
    }
    return x;
}

/* The last node's input is normalised by node `norm`, or by itself as it reads. */
static void defer_norm(ctvk_llmseg_builder *b, int32_t norm)
{
    ctvk_graph *graph = &b->net->graph;
    ctvk_node *apply = &graph->node[norm], *reader = &graph->node[graph->nodes - 1];
    if (b->full || !ctvk_transp_conv3d_normalises(b->gpu, &reader->as.transp))
        return;
    apply->deferred = 1;
    reader->stats = apply->stats;
    ctvk_build_value(b, apply->stats)->last = graph->nodes - 1;
}

/* Places for what becomes of the logits on the device: written by the last node, and by what reads its logits. */
static void keep_classes(ctvk_llmseg_builder *b)
{
    ctvk_graph *graph = &b->net->graph;
    const ctvk_node *last = &graph->node[graph->nodes - 1];
    const ctvk_value *in = ctvk_build_value(b, last->in);
    b->net->words = -1;
    b->net->not_finite = ctvk_build_span(b, sizeof(uint32_t));
    if (ctvk_transp_conv3d_labels(&last->as.transp))
        b->net->words = ctvk_build_span(b, (uint64_t)in->x * (uint64_t)in->y * (uint64_t)in->z * sizeof(uint32_t));
    if (b->full)
        return;
    ctvk_graph_keep(graph, b->net->not_finite);
    if (b->net->words >= 0) {
        ctvk_graph_keep(graph, b->net->words);
        ctvk_build_value(b, b->net->words)->first = graph->nodes - 1;
    }
}

ctvk_status ctvk_llmseg_graph_build(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, ctvk_llmseg_graph *out, ctvk_error *error)
{
    ctvk_llmseg_builder b = {.gpu = gpu, .desc = desc, .net = out};
    memset(out, 0, sizeof *out);
    out->input = ctvk_build_tensor(&b, 0, desc->in_channels, desc->window);
    ctvk_build_value(&b, out->input)->first = -1;
    out->text = -1;
    if (desc->has_text) {
        out->text = ctvk_build_span(&b, (uint64_t)desc->prompts * (uint64_t)desc->text_dim * sizeof(float));
        ctvk_build_value(&b, out->text)->first = -1;
    }
    if (desc->half)
        ctvk_lean_lay_out(&b);
    encode(&b, out->level);
    out->encoder_nodes = out->graph.nodes;
    out->encoder_work = out->work;
    for (int32_t i = 0; desc->has_text && i < CTVK_LLMSEG_LEVELS; i++) {
        char name[32];
        ctvk_build_align(&b, i, out->level[i]);
        snprintf(name, sizeof name, "attn_transformer.%d", i);
        ctvk_build_tap(&b, name);
    }
    int32_t last = decode(&b, out->level), norm = out->graph.nodes - 1;
    out->logits = ctvk_build_transp(&b, "out", last, desc->out_channels, 1);
    defer_norm(&b, norm);
    ctvk_build_tap(&b, "out");
    ctvk_graph_keep(&out->graph, out->logits);
    keep_classes(&b);
    if (b.full)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "network: graph tables are full (report this)");
    return ctvk_graph_place(&out->graph, ctvk_gpu_get_caps(gpu)->max_allocation, error);
}

int32_t ctvk_llmseg_convolutions(const ctvk_llmseg_graph *net, ctvk_llmseg_convolution out[CTVK_LLMSEG_CONVOLUTIONS])
{
    int32_t count = 0;
    for (int32_t i = 0; i < net->graph.nodes; i++) {
        const ctvk_node *node = &net->graph.node[i];
        const ctvk_value *value = &net->graph.value[node->out < 0 ? 0 : node->out];
        int32_t at = 0;
        if (node->kind != CTVK_NODE_CONV)
            continue;
        while (at < count && (memcmp(&out[at].conv, &node->as.conv, sizeof node->as.conv) != 0 || out[at].x != value->x ||
                              out[at].y != value->y || out[at].z != value->z))
            at++;
        if (at == count && count < CTVK_LLMSEG_CONVOLUTIONS)
            out[count++] = (ctvk_llmseg_convolution){node->as.conv, value->x, value->y, value->z, 0};
        if (at < count)
            out[at].times++;
    }
    return count;
}
