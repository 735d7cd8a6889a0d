// Products of the convolutions on software drivers: a lane has one voxel (or tile) and 24 output channels; x of the grid runs over lanes,
// y over output channels, z over runs: transform points of Winograd, pieces of the sum of an ordinary convolution. A run is straight-line
// code over GROUPS * 3 vec4 of the input and 24 vec4 of weights for each.
// variant: conv3d_product12 -DGROUPS=12
// variant: conv3d_product4 -DGROUPS=4
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#define ADDRESS
#include "common/conv_mac.glsl"

layout(local_size_x = 16) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_product_params p;
};
layout(set = 0, binding = 0) uniform samplerBuffer source;
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

// lavapipe takes what it reads from push constants as uniform, whatever the index, but not a workgroup's number: it is spelt in digits.
#define UNIFORM(i) (p.digits[(i) & 7] + 8 * p.digits[(i) >> 3 & 7] + 64 * p.digits[(i) >> 6])

#if GROUPS == 12
#define FETCH(g, i) texelFetch(source, from + (g) / 3 * p.in_unit + (g) % 3 * p.in_row + (i) * p.in_column)
#else
#define FETCH(g, i) texelFetch(source, from + (g) * p.in_unit + (i) * p.in_column)
#endif
// Three fetches before their sums: a fetch is a call, around which lavapipe saves every sum.
#define GROUP(g)                                                    \
    {                                                               \
        vec4 v0 = FETCH(g, 0), v1 = FETCH(g, 1), v2 = FETCH(g, 2);  \
        MAC_VEC4((g) * 72, v0)                                      \
        MAC_VEC4((g) * 72 + 24, v1)                                 \
        MAC_VEC4((g) * 72 + 48, v2)                                 \
    }
#define LOAD_SUM(o) vec4 a##o = p.accumulate != 0 ? target[to + min(o, left - 1) * p.out_group] : vec4(0.0);
#define STORE_SUM(o)                          \
    if (o < left) {                           \
        target[to + o * p.out_group] = a##o;  \
    }

void main()
{
    int chunk = int(gl_WorkGroupID.y), run = int(gl_WorkGroupID.z);
    uint offset = uint(UNIFORM(chunk)) * uint(p.weights_chunk) + uint(UNIFORM(run)) * uint(p.weights_run), carry;
    uint low = uaddCarry(uint(p.address_low), offset, carry);
    WEIGHTS_AT(low, uint(p.address_high) + carry);
    // Lanes beyond the end repeat the last one and store nothing. Quotients by floats, exact below 2^22 lanes: an integer division is a loop
    // over lanes there.
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int x = int((float(lane) + 0.5) * p.inverse_area);
    int rest = lane - x * p.area;
    int y = int((float(rest) + 0.5) * p.inverse_line);
    int z = rest - y * p.line;
    int from = p.in_base + run / 3 * p.in_third + run % 3 * p.in_run + x * p.step_x + y * p.step_y + z * p.step_z;
    int left = p.out_groups - chunk * 6;
    int to = p.out_base + run * p.out_run + chunk * 6 * p.out_group + lane;
    LOAD_SUM(0) LOAD_SUM(1) LOAD_SUM(2) LOAD_SUM(3) LOAD_SUM(4) LOAD_SUM(5)
    GROUP(0) GROUP(1) GROUP(2) GROUP(3)
#if GROUPS > 4
    GROUP(4) GROUP(5) GROUP(6) GROUP(7) GROUP(8) GROUP(9) GROUP(10) GROUP(11)
#endif
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
        STORE_SUM(0) STORE_SUM(1) STORE_SUM(2) STORE_SUM(3) STORE_SUM(4) STORE_SUM(5)
    }
}
