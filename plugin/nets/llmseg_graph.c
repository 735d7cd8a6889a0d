#include "nets/llmseg_graph.h"

#include "nets/llmseg_names.h"
#include "ops/instance_norm.h"

#include <stdio.h>
#include <string.h>

/* Tensors of the finest level where their memory counts (lay_out). */
typedef struct lean {
    int32_t skip, encoded, encoding, out, h, u, coarse;
    int32_t stats; /* with which the skip connection is stored */
} lean;

typedef struct builder {
    const ctvk_gpu *gpu;
    const ctvk_llmseg_desc *desc;
    ctvk_llmseg_graph *net;
    int full;  /* a table overflowed */
    lean lean; /* where desc->half */
} builder;

static ctvk_value *value_of(builder *b, int32_t id)
{
    return &b->net->graph.value[id];
}

static int32_t tensor(builder *b, int32_t half, int32_t c, const int32_t extent[3])
{
    int32_t id = ctvk_graph_tensor(&b->net->graph, half, c, extent[0], extent[1], extent[2]);
    b->full |= id < 0;
    return id < 0 ? 0 : id;
}

static int32_t span(builder *b, uint64_t bytes)
{
    int32_t id = bytes ? ctvk_graph_span(&b->net->graph, bytes) : -1;
    b->full |= bytes && id < 0;
    return id;
}

static ctvk_node *add(builder *b, const ctvk_node *node)
{
    ctvk_node *added = ctvk_graph_add(&b->net->graph, node);
    b->full |= !added;
    return added;
}

static ctvk_node node_of(ctvk_node_kind kind)
{
    return (ctvk_node){.kind = kind, .in = -1, .in_b = -1, .stats = -1, .stats_b = -1, .out = -1, .scratch = -1};
}

static void tap(builder *b, const char *name)
{
    ctvk_graph *graph = &b->net->graph;
    snprintf(graph->node[graph->nodes - 1].tap, sizeof graph->node[0].tap, "%s", name);
}

static int32_t stats(builder *b, int32_t in)
{
    ctvk_value *source = value_of(b, in);
    ctvk_node n = node_of(CTVK_NODE_STATS);
    n.in = in;
    n.stats = span(b, ctvk_instance_norm_scratch_bytes(b->gpu, source->c, source->x, source->y, source->z));
    add(b, &n);
    return n.stats;
}

/* in_b < 0: one source. norm: statistics of `in`, which is normalised as it is read, or those that in_b is stored with, or -1.
 * Returns the statistics of out: taken as it is written where the variant can, else by a node of their own. */
static int32_t conv_to(builder *b, const char *block, const char *name, int32_t in, int32_t in_b, int32_t norm, int32_t out, int32_t kernel,
                       int32_t stride)
{
    ctvk_value *source = value_of(b, in), *to = value_of(b, out);
    ctvk_node n = node_of(CTVK_NODE_CONV);
    n.as.conv = (ctvk_conv3d){source->c, in_b >= 0 ? value_of(b, in_b)->c : 0, to->c, kernel, stride, in == b->net->input};
    n.in = in;
    n.in_b = in_b;
    n.stats = norm;
    n.out = out;
    n.weight_bytes = ctvk_conv3d_weight_bytes(b->gpu, &n.as.conv, to->x, to->y, to->z);
    const int spare = source->over >= 0 && to->over >= 0;
    n.scratch = span(b, ctvk_conv3d_scratch_bytes(b->gpu, &n.as.conv, spare, to->x, to->y, to->z));
    snprintf(n.weight, sizeof n.weight, "%s.%s.conv.weight", block, name);
    uint64_t taken = ctvk_conv3d_stats_bytes(b->gpu, &n.as.conv, to->x, to->y, to->z);
    n.stats_b = span(b, taken);
    add(b, &n);
    b->net->work += (double)(n.as.conv.in_a + n.as.conv.in_b) * to->c * kernel * kernel * kernel * to->x * to->y * to->z;
    return taken ? n.stats_b : stats(b, out);
}

/* Returns the output value; *norm: its statistics. */
static int32_t conv(builder *b, const char *block, const char *name, int32_t in, int32_t in_b, int32_t channels, int32_t kernel,
                    int32_t stride, int32_t *norm)
{
    ctvk_value *source = value_of(b, in);
    int32_t extent[3] = {source->x / stride, source->y / stride, source->z / stride};
    int32_t out = tensor(b, 0, channels, extent);
    *norm = conv_to(b, block, name, in, in_b, -1, out, kernel, stride);
    return out;
}

static void transp_to(builder *b, const char *name, int32_t in, int32_t out, int planar)
{
    ctvk_value *source = value_of(b, in), *to = value_of(b, out);
    ctvk_node n = node_of(CTVK_NODE_TRANSP);
    n.as.transp = (ctvk_transp_conv3d){source->c, to->c, planar};
    n.in = in;
    n.out = out;
    n.weight_bytes = ctvk_transp_conv3d_weight_bytes(b->gpu, &n.as.transp);
    snprintf(n.weight, sizeof n.weight, "%s.transp_conv.conv.weight", name);
    add(b, &n);
    b->net->work += (double)source->c * to->c * to->x * to->y * to->z;
}

static int32_t transp(builder *b, const char *name, int32_t in, int32_t channels, int planar)
{
    ctvk_value *source = value_of(b, in);
    const int32_t extent[3] = {source->x * 2, source->y * 2, source->z * 2};
    int32_t out = tensor(b, 0, channels, extent);
    transp_to(b, name, in, out, planar);
    return out;
}

/* in place: in = lrelu(IN(in) [+ IN(shortcut)]). */
static void apply(builder *b, int32_t in, int32_t in_stats, int32_t shortcut, int32_t shortcut_stats)
{
    ctvk_node n = node_of(CTVK_NODE_APPLY);
    n.in = n.out = in;
    n.stats = in_stats;
    n.in_b = shortcut;
    n.stats_b = shortcut_stats;
    add(b, &n);
}

/* out = conv2 of lrelu(IN(in)), norm the statistics of in: normalised as it is read where the variant can, else in place before. Returns
 * the statistics of out. */
static int32_t second_conv(builder *b, const char *block, int32_t in, int32_t norm, int32_t out)
{
    const ctvk_value *to = value_of(b, out);
    const ctvk_conv3d plain = {value_of(b, in)->c, 0, to->c, 3, 1, 0};
    if (!ctvk_conv3d_normalises(b->gpu, &plain, to->x, to->y, to->z)) {
        apply(b, in, norm, -1, -1);
        norm = -1;
    }
    return conv_to(b, block, "conv2", in, -1, norm, out, 3, 1);
}

/* in place: out = lrelu(IN(out) + IN(conv3 of the network's input)). */
static void planar_shortcut(builder *b, const char *block, int32_t in, int32_t out, int32_t out_stats)
{
    ctvk_value *source = value_of(b, in), *to = value_of(b, out);
    ctvk_node n = node_of(CTVK_NODE_SHORTCUT);
    n.as.shortcut = (ctvk_planar_shortcut){source->c, to->c};
    n.in = in;
    n.out = out;
    n.stats = out_stats;
    n.stats_b = span(b, ctvk_instance_norm_scratch_bytes(b->gpu, to->c, to->x, to->y, to->z));
    n.weight_bytes = ctvk_planar_shortcut_weight_bytes(&n.as.shortcut);
    snprintf(n.weight, sizeof n.weight, "%s.conv3.conv.weight", block);
    add(b, &n);
    b->net->work += 2.0 * source->c * to->c * to->x * to->y * to->z;
}

/* conv1, norm, conv2, norm, with the shortcut through conv3 where the block is residual (model.md, "Encoder", "Decoder"). out: its output,
 * or -1 for a tensor of its own. */
static int32_t block(builder *b, const char *name, int32_t in, int32_t in_b, int32_t channels, int32_t stride, int residual, int32_t out)
{
    int32_t norm, h = conv(b, name, "conv1", in, in_b, channels, 3, stride, &norm), r = -1, r_stats = -1;
    ctvk_value *like = value_of(b, h);
    int32_t extent[3] = {like->x, like->y, like->z};
    out = out < 0 ? tensor(b, 0, channels, extent) : out;
    int32_t out_stats = second_conv(b, name, h, norm, out);
    if (in == b->net->input) {
        planar_shortcut(b, name, in, out, out_stats);
        return out;
    }
    if (residual) /* after conv2: its input is then dead, so that three tensors of the block are never alive at once */
        r = conv(b, name, "conv3", in, in_b, channels, 1, stride, &r_stats);
    apply(b, out, out_stats, r, r_stats);
    return out;
}

/* Planes that a convolution which writes over what it reads stays behind that (ops/conv3d.h): it works in blocks of so many. At least
 * three, as statistics want: a window has 32 voxels or more. */
static int32_t planes_behind(int32_t x)
{
    return x / 24 + 3;
}

/* A tensor of float32 that lies over `under`, `behind` bytes behind its beginning. */
static int32_t tensor_over(builder *b, int32_t under, uint64_t behind, int32_t c, const int32_t extent[3])
{
    int32_t id = ctvk_graph_tensor_over(&b->net->graph, under, behind, 0, c, extent[0], extent[1], extent[2]);
    b->full |= id < 0;
    return id < 0 ? 0 : id;
}

/* The largest tensors, of the finest level, where their memory counts: all lie over the skip connection, which has 16 bits a number, and
 * each operation writes over what it reads, some planes behind that. Of the encoder: the skip connection over its block's output, and this
 * over what is between its convolutions. Of the decoder the same upwards from the skip connection's end, where the last level, u and h go
 * one over the other; when both are read, the output goes over them from the very beginning. */
static void lay_out(builder *b)
{
    const int32_t c = b->desc->feature_size, x = b->desc->window[0] / 2, y = b->desc->window[1] / 2, z = b->desc->window[2] / 2;
    const int32_t extent[3] = {x, y, z}, coarse[3] = {x / 2, y / 2, z / 2};
    const uint64_t plane = (uint64_t)c * (uint64_t)y * (uint64_t)z * sizeof(float), behind = (uint64_t)planes_behind(x) * plane;
    lean *l = &b->lean;
    l->skip = tensor(b, 1, c, extent);
    if (b->full)
        return;
    const uint64_t end = value_of(b, l->skip)->bytes;
    l->encoded = tensor_over(b, l->skip, (uint64_t)(x / 32 + 1) * plane, c, extent);
    l->encoding = tensor_over(b, l->skip, (uint64_t)(x / 32 + 1) * plane + behind, c, extent);
    l->out = tensor_over(b, l->skip, 0, c, extent);
    l->h = tensor_over(b, l->skip, end, c, extent);
    l->u = tensor_over(b, l->skip, end + behind, c, extent);
    /* Its last planes end some planes after u. */
    const uint64_t coarse_plane = plane / 4, coarse_bytes = coarse_plane * (uint64_t)coarse[0];
    l->coarse = tensor_over(b, l->skip, end + behind + plane * (uint64_t)x - coarse_bytes + (uint64_t)(coarse[0] / 8 + 1) * coarse_plane, c,
                            coarse);
}

/* As block() for the finest level of the encoder. */
static int32_t lean_encoder(builder *b, const char *name, int32_t in)
{
    const lean *l = &b->lean;
    int32_t norm = conv_to(b, name, "conv1", in, -1, -1, l->encoding, 3, 2);
    int32_t out_stats = second_conv(b, name, l->encoding, norm, l->encoded);
    planar_shortcut(b, name, in, l->encoded, out_stats);
    return l->encoded;
}

/* Of the decoder, from u and the skip connection. */
static int32_t lean_decoder(builder *b, const char *name)
{
    const lean *l = &b->lean;
    int32_t norm = conv_to(b, name, "conv1", l->u, l->skip, l->stats, l->h, 3, 1);
    int32_t out_stats = second_conv(b, name, l->h, norm, l->out);
    apply(b, l->out, out_stats, -1, -1);
    return l->out;
}

static void narrow(builder *b, int32_t in, int32_t norm, int32_t out)
{
    ctvk_node n = node_of(CTVK_NODE_NARROW);
    n.in = in;
    n.stats = norm;
    n.out = out;
    add(b, &n);
}

static void align(builder *b, int32_t level, int32_t image)
{
    ctvk_value *source = value_of(b, image);
    ctvk_node n = node_of(CTVK_NODE_ALIGN);
    n.as.align = (ctvk_alignment){level, source->c, b->desc->feature_size << level, b->desc->text_dim, b->desc->prompts};
    n.in = b->net->text;
    n.out = image;
    n.weight_bytes = ctvk_alignment_weight_bytes(&n.as.align);
    n.scratch = span(b, ctvk_alignment_scratch_bytes(b->gpu, &n.as.align, source->x, source->y, source->z));
    add(b, &n);
}

static void encode(builder *b, int32_t levels[CTVK_LLMSEG_LEVELS])
{
    static const char *const names[] = {"encoder1", "encoder2", "encoder3", "encoder4", "encoder10"};
    int32_t x = b->net->input;
    char name[32];
    for (int32_t i = 0; i < CTVK_LLMSEG_LEVELS; i++) {
        snprintf(name, sizeof name, "%s.layer", names[i]);
        int32_t c = ctvk_llmseg_channels(b->desc, i);
        levels[i] = x = i == 0 && b->desc->half ? lean_encoder(b, name, x) : block(b, name, x, -1, c, 2, 1, -1);
        tap(b, names[i]);
    }
}

/* Sixteen bits a number are for the skip connection of the finest level alone, which waits there from the encoder to the end of the
 * decoder, and is stored as deviations (ops/narrow.h). */
static int32_t decode(builder *b, const int32_t levels[CTVK_LLMSEG_LEVELS])
{
    int32_t x = levels[4];
    if (b->desc->half) {
        b->lean.stats = stats(b, levels[0]);
        narrow(b, levels[0], b->lean.stats, b->lean.skip);
    }
    for (int32_t i = 4; i >= 1; i--) {
        char name[32], decoder[16];
        snprintf(decoder, sizeof decoder, "decoder%d", i);
        snprintf(name, sizeof name, "%s.conv_block", decoder);
        int32_t c = ctvk_llmseg_channels(b->desc, i - 1), out = i == 2 && b->desc->half ? b->lean.coarse : -1;
        if (i > 1 || !b->desc->half) {
            x = block(b, name, transp(b, decoder, x, c, 0), levels[i - 1], c, 1, i == 4, out);
        } else {
            transp_to(b, decoder, x, b->lean.u, 0);
            x = lean_decoder(b, name);
        }
        tap(b, decoder);
    }
    return x;
}

/* The last node's input is normalised by node `norm`, or by itself as it reads. */
static void defer_norm(builder *b, int32_t norm)
{
    ctvk_graph *graph = &b->net->graph;
    ctvk_node *apply = &graph->node[norm], *reader = &graph->node[graph->nodes - 1];
    if (b->full || !ctvk_transp_conv3d_normalises(b->gpu, &reader->as.transp))
        return;
    apply->deferred = 1;
    reader->stats = apply->stats;
    value_of(b, apply->stats)->last = graph->nodes - 1;
}

/* Places for what becomes of the logits on the device: written by the last node, and by what reads its logits. */
static void keep_classes(builder *b)
{
    ctvk_graph *graph = &b->net->graph;
    const ctvk_node *last = &graph->node[graph->nodes - 1];
    const ctvk_value *in = value_of(b, last->in);
    b->net->words = -1;
    b->net->not_finite = span(b, sizeof(uint32_t));
    if (ctvk_transp_conv3d_labels(&last->as.transp))
        b->net->words = span(b, (uint64_t)in->x * (uint64_t)in->y * (uint64_t)in->z * sizeof(uint32_t));
    if (b->full)
        return;
    ctvk_graph_keep(graph, b->net->not_finite);
    if (b->net->words >= 0) {
        ctvk_graph_keep(graph, b->net->words);
        value_of(b, b->net->words)->first = graph->nodes - 1;
    }
}

ctvk_status ctvk_llmseg_graph_build(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, ctvk_llmseg_graph *out, ctvk_error *error)
{
    builder b = {.gpu = gpu, .desc = desc, .net = out};
    memset(out, 0, sizeof *out);
    out->input = tensor(&b, 0, desc->in_channels, desc->window);
    value_of(&b, out->input)->first = -1;
    out->text = -1;
    if (desc->has_text) {
        out->text = span(&b, (uint64_t)desc->prompts * (uint64_t)desc->text_dim * sizeof(float));
        value_of(&b, out->text)->first = -1;
    }
    if (desc->half)
        lay_out(&b);
    encode(&b, out->level);
    out->encoder_nodes = out->graph.nodes;
    out->encoder_work = out->work;
    for (int32_t i = 0; desc->has_text && i < CTVK_LLMSEG_LEVELS; i++) {
        char name[32];
        align(&b, i, out->level[i]);
        snprintf(name, sizeof name, "attn_transformer.%d", i);
        tap(&b, name);
    }
    int32_t last = decode(&b, out->level), norm = out->graph.nodes - 1;
    out->logits = transp(&b, "out", last, desc->out_channels, 1);
    defer_norm(&b, norm);
    tap(&b, "out");
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
