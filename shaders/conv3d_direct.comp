// 3x3x3 (pad 1) or 1x1x1 convolution, stride by push constant: 24 output channels of one voxel a lane, GROUPS channel groups of the
// input (or one channel of a planar input) a dispatch, sums carried in the output between dispatches.
// Portable: weights from a uniform block. _address: from a device address, input through a texel buffer. _half: of a source in 16 bits a number.
// variant: conv3d_k3 -DKERNEL=3 -DGROUPS=1
// variant: conv3d_k1 -DKERNEL=1 -DGROUPS=1
// variant: conv3d_k3_half -DKERNEL=3 -DGROUPS=1 -DHALF
// variant: conv3d_planar_k3 -DKERNEL=3 -DPLANAR
// variant: conv3d_planar_k1 -DKERNEL=1 -DPLANAR
// variant: conv3d_k3_address2 -DKERNEL=3 -DGROUPS=2 -DADDRESS -DTEXEL
// variant: conv3d_k3_address1 -DKERNEL=3 -DGROUPS=1 -DADDRESS -DTEXEL
// variant: conv3d_k3_address2_half -DKERNEL=3 -DGROUPS=2 -DADDRESS -DTEXEL -DHALF
// variant: conv3d_k3_address1_half -DKERNEL=3 -DGROUPS=1 -DADDRESS -DTEXEL -DHALF
// variant: conv3d_k1_address4 -DKERNEL=1 -DGROUPS=4 -DADDRESS -DTEXEL
// variant: conv3d_k1_address1 -DKERNEL=1 -DGROUPS=1 -DADDRESS -DTEXEL
// variant: conv3d_planar_k3_address -DKERNEL=3 -DPLANAR -DADDRESS
// variant: conv3d_planar_k1_address -DKERNEL=1 -DPLANAR -DADDRESS
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#include "common/activation.glsl"

#define TAPS (KERNEL * KERNEL * KERNEL)
#ifdef PLANAR
#define VALUE float
#define STORED float
#define GROUPS 1
#define UNIT (TAPS * 6)
#define MAC_VALUE MAC_SCALAR
// Units are padded to 256 bytes, the widest alignment of a binding.
#define UNIT_STRIDE ((UNIT + 15) / 16 * 16)
#else
#define VALUE vec4
#define STORED ACTIVATION
#define UNIT (TAPS * 24)
#define MAC_VALUE MAC_VEC4
#define UNIT_STRIDE ((UNIT + 15) / 16 * 16)
#endif
#define WEIGHTS UNIT
#define WEIGHT_BINDING 2
#include "common/conv_mac.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform TEXELS source;
#define FETCH(i) WIDE_TEXEL(texelFetch(source, i))
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    STORED source[];
};
#ifdef PLANAR
#define FETCH(i) source[i]
#else
#define FETCH(i) wide_of(source[i])
#endif
#endif
#ifdef HALF
#ifdef ADDRESS
#define STATS_BINDING 2
#else
#define STATS_BINDING 3
#endif
layout(std430, set = 0, binding = STATS_BINDING) readonly buffer stats_block
{
    vec4 stats[];
};
#define LOAD(g, i) restored(FETCH(i), stats[p.stats + 2 * (g)], stats[p.stats + 2 * (g) + 1])
#else
#define LOAD(g, i) FETCH(i)
#endif
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

// Coordinates are clamped to the tensor, so every load is inside the binding; what lies outside is then replaced by zero.
#define TAP(g, i, j, k)                                                                                      \
    {                                                                                                        \
        VALUE v = LOAD(g, ix##i + iy##j + iz##k + (g) * group);                                              \
        v = vx##i && vy##j && vz##k ? v : VALUE(0.0);                                                        \
        MAC_VALUE((g) * UNIT_STRIDE + ((i) * 9 + (j) * 3 + (k)) * (UNIT / TAPS), v)                          \
    }
#define ROW(g, i, j) TAP(g, i, j, 0) TAP(g, i, j, 1) TAP(g, i, j, 2)
#define PLANE(g, i) ROW(g, i, 0) ROW(g, i, 1) ROW(g, i, 2)
#if KERNEL == 3
#define GROUP(g) PLANE(g, 0) PLANE(g, 1) PLANE(g, 2)
#else
#define GROUP(g) TAP(g, 0, 0, 0)
#endif

#define AXIS_X(i, at)                                    \
    bool vx##i = (at) >= 0 && (at) < p.in_x;             \
    int ix##i = (clamp(at, p.in_first, p.in_last) - p.in_first) * p.in_plane + p.in_base;
#define AXIS_Y(i, at)                                    \
    bool vy##i = (at) >= 0 && (at) < p.in_y;             \
    int iy##i = clamp(at, 0, p.in_y - 1) * p.in_z;
#define AXIS_Z(i, at)                                    \
    bool vz##i = (at) >= 0 && (at) < p.in_z;             \
    int iz##i = clamp(at, 0, p.in_z - 1);

#define LOAD_SUM(o) vec4 a##o = p.accumulate != 0 ? target[to + min(o, p.out_groups - 1) * out_group] : vec4(0.0);
#define STORE_SUM(o)                              \
    if (o < p.out_groups) {                       \
        target[to + o * out_group] = a##o;        \
    }

void main()
{
    WEIGHTS_AT(p.address_low, p.address_high);
    // Lanes beyond the end repeat the last voxel and store nothing.
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int out_group = p.out_y * p.out_z;
    int x = lane / out_group;
    int rest = lane - x * out_group;
    int y = rest / p.out_z;
    int z = rest - y * p.out_z;
    int to = p.out_base + x * p.out_plane + rest;
    x = (x + p.out_first) * p.stride;
    y *= p.stride;
    z *= p.stride;
    int group = p.in_y * p.in_z;
#if KERNEL == 3
    AXIS_X(0, x - 1) AXIS_X(1, x) AXIS_X(2, x + 1)
    AXIS_Y(0, y - 1) AXIS_Y(1, y) AXIS_Y(2, y + 1)
    AXIS_Z(0, z - 1) AXIS_Z(1, z) AXIS_Z(2, z + 1)
#else
    AXIS_X(0, x) AXIS_Y(0, y) AXIS_Z(0, z)
#endif
    LOAD_SUM(0) LOAD_SUM(1) LOAD_SUM(2) LOAD_SUM(3) LOAD_SUM(4) LOAD_SUM(5)
    GROUP(0)
#if GROUPS > 1
    GROUP(1)
#endif
#if GROUPS > 2
    GROUP(2) GROUP(3)
#endif
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
        STORE_SUM(0) STORE_SUM(1) STORE_SUM(2) STORE_SUM(3) STORE_SUM(4) STORE_SUM(5)
    }
}
