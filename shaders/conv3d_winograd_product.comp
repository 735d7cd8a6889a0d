// Winograd products of one transform point: 24 output channels of one tile a lane, GROUPS channel groups of the input and the three
// taps along x a dispatch. Lanes run over planes and tiles together, so a tap is one addition to the lane's number.
// variant: conv3d_winograd_product12 -DGROUPS=12
// variant: conv3d_winograd_product4 -DGROUPS=4
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#define ADDRESS
#include "common/conv_mac.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_product_params p;
};
layout(set = 0, binding = 0) uniform samplerBuffer source;
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

#define FETCH(g, i) texelFetch(source, from + (g) * p.in_group + (i) * p.in_plane)
// Three fetches before their sums: a fetch is a call, around which lavapipe saves every sum.
#define GROUP(g)                                                    \
    {                                                               \
        vec4 v0 = FETCH(g, 0), v1 = FETCH(g, 1), v2 = FETCH(g, 2);  \
        MAC_VEC4((g) * 72, v0)                                      \
        MAC_VEC4((g) * 72 + 24, v1)                                 \
        MAC_VEC4((g) * 72 + 48, v2)                                 \
    }
#define LOAD_SUM(o) vec4 a##o = p.accumulate != 0 ? target[to + min(o, p.out_groups - 1) * p.out_group] : vec4(0.0);
#define STORE_SUM(o)                          \
    if (o < p.out_groups) {                   \
        target[to + o * p.out_group] = a##o;  \
    }

void main()
{
    WEIGHTS_AT(p.address_low, p.address_high);
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int from = p.in_base + lane;
    int to = p.out_base + lane;
    LOAD_SUM(0) LOAD_SUM(1) LOAD_SUM(2) LOAD_SUM(3) LOAD_SUM(4) LOAD_SUM(5)
    GROUP(0) GROUP(1) GROUP(2) GROUP(3)
#if GROUPS > 4
    GROUP(4) GROUP(5) GROUP(6) GROUP(7) GROUP(8) GROUP(9) GROUP(10) GROUP(11)
#endif
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
        STORE_SUM(0) STORE_SUM(1) STORE_SUM(2) STORE_SUM(3) STORE_SUM(4) STORE_SUM(5)
    }
}
