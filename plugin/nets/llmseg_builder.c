#include "nets/llmseg_builder.h"

#include "ops/instance_norm.h"

#include <stdio.h>

ctvk_value *ctvk_build_value(ctvk_llmseg_builder *b, int32_t id)
{
    return &b->net->graph.value[id];
}

int32_t ctvk_build_tensor(ctvk_llmseg_builder *b, int32_t half, int32_t c, const int32_t extent[3])
{
    int32_t id = ctvk_graph_tensor(&b->net->graph, half, c, extent[0], extent[1], extent[2]);
    b->full |= id < 0;
    return id < 0 ? 0 : id;
}

int32_t ctvk_build_span(ctvk_llmseg_builder *b, uint64_t bytes)
{
    int32_t id = bytes ? ctvk_graph_span(&b->net->graph, bytes) : -1;
    b->full |= bytes && id < 0;
    return id;
}

static ctvk_node *add(ctvk_llmseg_builder *b, const ctvk_node *node)
{
    ctvk_node *added = ctvk_graph_add(&b->net->graph, node);
    b->full |= !added;
    return added;
}

static ctvk_node node_of(ctvk_node_kind kind)
{
    return (ctvk_node){.kind = kind, .in = -1, .in_b = -1, .stats = -1, .stats_b = -1, .out = -1, .scratch = -1};
}

void ctvk_build_tap(ctvk_llmseg_builder *b, const char *name)
{
    ctvk_graph *graph = &b->net->graph;
    snprintf(graph->node[graph->nodes - 1].tap, sizeof graph->node[0].tap, "%s", name);
}

int32_t ctvk_build_stats(ctvk_llmseg_builder *b, int32_t in)
{
    ctvk_value *source = ctvk_build_value(b, in);
    ctvk_node n = node_of(CTVK_NODE_STATS);
    n.in = in;
    n.stats = ctvk_build_span(b, ctvk_instance_norm_scratch_bytes(b->gpu, source->c, source->x, source->y, source->z));
    add(b, &n);
    return n.stats;
}

int32_t ctvk_build_conv_to(ctvk_llmseg_builder *b, const char *block, const char *name, int32_t in, int32_t in_b, int32_t norm, int32_t out,
                           int32_t kernel, int32_t stride)
{
    ctvk_value *source = ctvk_build_value(b, in), *to = ctvk_build_value(b, out);
    ctvk_node n = node_of(CTVK_NODE_CONV);
    n.as.conv = (ctvk_conv3d){source->c, in_b >= 0 ? ctvk_build_value(b, in_b)->c : 0, to->c, kernel, stride, in == b->net->input};
    n.in = in;
    n.in_b = in_b;
    n.stats = norm;
    n.out = out;
    n.weight_bytes = ctvk_conv3d_weight_bytes(b->gpu, &n.as.conv, to->x, to->y, to->z);
    const int spare = source->over >= 0 && to->over >= 0;
    n.scratch = ctvk_build_span(b, ctvk_conv3d_scratch_bytes(b->gpu, &n.as.conv, spare, to->x, to->y, to->z));
    snprintf(n.weight, sizeof n.weight, "%s.%s.conv.weight", block, name);
    uint64_t taken = ctvk_conv3d_stats_bytes(b->gpu, &n.as.conv, to->x, to->y, to->z);
    n.stats_b = ctvk_build_span(b, taken);
    add(b, &n);
    b->net->work += (double)(n.as.conv.in_a + n.as.conv.in_b) * to->c * kernel * kernel * kernel * to->x * to->y * to->z;
    return taken ? n.stats_b : ctvk_build_stats(b, out);
}

/* Returns the output value; *norm: its statistics. */
static int32_t conv(ctvk_llmseg_builder *b, const char *block, const char *name, int32_t in, int32_t in_b, int32_t channels, int32_t kernel,
                    int32_t stride, int32_t *norm)
{
    ctvk_value *source = ctvk_build_value(b, in);
    int32_t extent[3] = {source->x / stride, source->y / stride, source->z / stride};
    int32_t out = ctvk_build_tensor(b, 0, channels, extent);
    *norm = ctvk_build_conv_to(b, block, name, in, in_b, -1, out, kernel, stride);
    return out;
}

void ctvk_build_transp_to(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t out, int planar)
{
    ctvk_value *source = ctvk_build_value(b, in), *to = ctvk_build_value(b, out);
    ctvk_node n = node_of(CTVK_NODE_TRANSP);
    n.as.transp = (ctvk_transp_conv3d){source->c, to->c, planar};
    n.in = in;
    n.out = out;
    n.weight_bytes = ctvk_transp_conv3d_weight_bytes(b->gpu, &n.as.transp);
    snprintf(n.weight, sizeof n.weight, "%s.transp_conv.conv.weight", name);
    add(b, &n);
    b->net->work += (double)source->c * to->c * to->x * to->y * to->z;
}

int32_t ctvk_build_transp(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t channels, int planar)
{
    ctvk_value *source = ctvk_build_value(b, in);
    const int32_t extent[3] = {source->x * 2, source->y * 2, source->z * 2};
    int32_t out = ctvk_build_tensor(b, 0, channels, extent);
    ctvk_build_transp_to(b, name, in, out, planar);
    return out;
}

void ctvk_build_apply(ctvk_llmseg_builder *b, int32_t in, int32_t in_stats, int32_t shortcut, int32_t shortcut_stats)
{
    ctvk_node n = node_of(CTVK_NODE_APPLY);
    n.in = n.out = in;
    n.stats = in_stats;
    n.in_b = shortcut;
    n.stats_b = shortcut_stats;
    add(b, &n);
}

int32_t ctvk_build_second_conv(ctvk_llmseg_builder *b, const char *block, int32_t in, int32_t norm, int32_t out)
{
    const ctvk_value *to = ctvk_build_value(b, out);
    const ctvk_conv3d plain = {ctvk_build_value(b, in)->c, 0, to->c, 3, 1, 0};
    if (!ctvk_conv3d_normalises(b->gpu, &plain, to->x, to->y, to->z)) {
        ctvk_build_apply(b, in, norm, -1, -1);
        norm = -1;
    }
    return ctvk_build_conv_to(b, block, "conv2", in, -1, norm, out, 3, 1);
}

void ctvk_build_planar_shortcut(ctvk_llmseg_builder *b, const char *block, int32_t in, int32_t out, int32_t out_stats)
{
    ctvk_value *source = ctvk_build_value(b, in), *to = ctvk_build_value(b, out);
    ctvk_node n = node_of(CTVK_NODE_SHORTCUT);
    n.as.shortcut = (ctvk_planar_shortcut){source->c, to->c};
    n.in = in;
    n.out = out;
    n.stats = out_stats;
    n.stats_b = ctvk_build_span(b, ctvk_instance_norm_scratch_bytes(b->gpu, to->c, to->x, to->y, to->z));
    n.weight_bytes = ctvk_planar_shortcut_weight_bytes(&n.as.shortcut);
    snprintf(n.weight, sizeof n.weight, "%s.conv3.conv.weight", block);
    add(b, &n);
    b->net->work += 2.0 * source->c * to->c * to->x * to->y * to->z;
}

int32_t ctvk_build_block(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t in_b, int32_t channels, int32_t stride, int residual,
                         int32_t out)
{
    int32_t norm, h = conv(b, name, "conv1", in, in_b, channels, 3, stride, &norm), r = -1, r_stats = -1;
    ctvk_value *like = ctvk_build_value(b, h);
    int32_t extent[3] = {like->x, like->y, like->z};
    out = out < 0 ? ctvk_build_tensor(b, 0, channels, extent) : out;
    int32_t out_stats = ctvk_build_second_conv(b, name, h, norm, out);
    if (in == b->net->input) {
        ctvk_build_planar_shortcut(b, name, in, out, out_stats);
        return out;
    }
    if (residual) /* after conv2: its input is then dead, so that three tensors of the block are never alive at once */
        r = conv(b, name, "conv3", in, in_b, channels, 1, stride, &r_stats);
    ctvk_build_apply(b, out, out_stats, r, r_stats);
    return out;
}

void ctvk_build_narrow(ctvk_llmseg_builder *b, int32_t in, int32_t norm, int32_t out)
{
    ctvk_node n = node_of(CTVK_NODE_NARROW);
    n.in = in;
    n.stats = norm;
    n.out = out;
    add(b, &n);
}

void ctvk_build_align(ctvk_llmseg_builder *b, int32_t level, int32_t image)
{
    ctvk_value *source = ctvk_build_value(b, image);
    ctvk_node n = node_of(CTVK_NODE_ALIGN);
    n.as.align = (ctvk_alignment){level, source->c, b->desc->feature_size << level, b->desc->text_dim, b->desc->prompts};
    n.in = b->net->text;
    n.out = image;
    n.weight_bytes = ctvk_alignment_weight_bytes(&n.as.align);
    n.scratch = ctvk_build_span(b, ctvk_alignment_scratch_bytes(b->gpu, &n.as.align, source->x, source->y, source->z));
    add(b, &n);
}
