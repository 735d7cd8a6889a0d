#include "nets/llmseg_builder.h"

/* Planes that a convolution which writes over what it reads stays behind that (ops/conv3d.h): it works in blocks of so many. At least
 * three, as statistics want: a window has 32 voxels or more. */
static int32_t planes_behind(int32_t x)
{
    return x / 24 + 3;
}

/* A tensor of float32 that lies over `under`, `behind` bytes behind its beginning. */
static int32_t tensor_over(ctvk_llmseg_builder *b, int32_t under, uint64_t behind, int32_t c, const int32_t extent[3])
{
    int32_t id = ctvk_graph_tensor_over(&b->net->graph, under, behind, 0, c, extent[0], extent[1], extent[2]);
    b->full |= id < 0;
    return id < 0 ? 0 : id;
}

void ctvk_lean_lay_out(ctvk_llmseg_builder *b)
{
    const int32_t c = b->desc->feature_size, x = b->desc->window[0] / 2, y = b->desc->window[1] / 2, z = b->desc->window[2] / 2;
    const int32_t extent[3] = {x, y, z}, coarse[3] = {x / 2, y / 2, z / 2};
    const uint64_t plane = (uint64_t)c * (uint64_t)y * (uint64_t)z * sizeof(float), behind = (uint64_t)planes_behind(x) * plane;
    ctvk_llmseg_lean *l = &b->lean;
    l->skip = ctvk_build_tensor(b, 1, c, extent);
    if (b->full)
        return;
    const uint64_t end = ctvk_build_value(b, l->skip)->bytes;
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

int32_t ctvk_lean_encoder(ctvk_llmseg_builder *b, const char *name, int32_t in)
{
    const ctvk_llmseg_lean *l = &b->lean;
    int32_t norm = ctvk_build_conv_to(b, name, "conv1", in, -1, -1, l->encoding, 3, 2);
    int32_t out_stats = ctvk_build_second_conv(b, name, l->encoding, norm, l->encoded);
    ctvk_build_planar_shortcut(b, name, in, l->encoded, out_stats);
    return l->encoded;
}

int32_t ctvk_lean_decoder(ctvk_llmseg_builder *b, const char *name)
{
    const ctvk_llmseg_lean *l = &b->lean;
    int32_t norm = ctvk_build_conv_to(b, name, "conv1", l->u, l->skip, l->stats, l->h, 3, 1);
    int32_t out_stats = ctvk_build_second_conv(b, name, l->h, norm, l->out);
    ctvk_build_apply(b, l->out, out_stats, -1, -1);
    return l->out;
}
