// Transposed convolution, kernel 2, stride 2: a lane takes one input voxel, GROUPS channel groups, into 24 sums (see the params), which
// are carried in the output between dispatches. _norm: the input is normalised and activated as it is read. _labels: of a voxel's logits
// only which is the largest, where one dispatch makes them all. _probabilities: that, and in the logits' place their softmax, bit for bit
// that of classify.comp.
// variant: transp_conv3d_1 -DGROUPS=1
// variant: transp_conv3d_4 -DGROUPS=4
// variant: transp_conv3d_12 -DGROUPS=12
// variant: transp_conv3d_planar_1 -DGROUPS=1 -DPLANAR
// variant: transp_conv3d_planar_4 -DGROUPS=4 -DPLANAR
// variant: transp_conv3d_planar_12 -DGROUPS=12 -DPLANAR
// variant: transp_conv3d_address_1 -DGROUPS=1 -DADDRESS -DTEXEL
// variant: transp_conv3d_address_4 -DGROUPS=4 -DADDRESS -DTEXEL
// variant: transp_conv3d_address_12 -DGROUPS=12 -DADDRESS -DTEXEL
// variant: transp_conv3d_planar_address_1 -DGROUPS=1 -DPLANAR -DADDRESS -DTEXEL
// variant: transp_conv3d_planar_address_4 -DGROUPS=4 -DPLANAR -DADDRESS -DTEXEL
// variant: transp_conv3d_planar_address_12 -DGROUPS=12 -DPLANAR -DADDRESS -DTEXEL
// variant: transp_conv3d_planar_address_norm_1 -DGROUPS=1 -DPLANAR -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_planar_address_norm_4 -DGROUPS=4 -DPLANAR -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_planar_address_norm_12 -DGROUPS=12 -DPLANAR -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_labels_4 -DGROUPS=4 -DPLANAR -DLABELS
// variant: transp_conv3d_labels_12 -DGROUPS=12 -DPLANAR -DLABELS
// variant: transp_conv3d_labels_address_4 -DGROUPS=4 -DPLANAR -DLABELS -DADDRESS -DTEXEL
// variant: transp_conv3d_labels_address_12 -DGROUPS=12 -DPLANAR -DLABELS -DADDRESS -DTEXEL
// variant: transp_conv3d_labels_address_norm_4 -DGROUPS=4 -DPLANAR -DLABELS -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_labels_address_norm_12 -DGROUPS=12 -DPLANAR -DLABELS -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_probabilities_4 -DGROUPS=4 -DPLANAR -DPROBABILITIES
// variant: transp_conv3d_probabilities_12 -DGROUPS=12 -DPLANAR -DPROBABILITIES
// variant: transp_conv3d_probabilities_address_4 -DGROUPS=4 -DPLANAR -DPROBABILITIES -DADDRESS -DTEXEL
// variant: transp_conv3d_probabilities_address_12 -DGROUPS=12 -DPLANAR -DPROBABILITIES -DADDRESS -DTEXEL
// variant: transp_conv3d_probabilities_address_norm_4 -DGROUPS=4 -DPLANAR -DPROBABILITIES -DADDRESS -DTEXEL -DNORM
// variant: transp_conv3d_probabilities_address_norm_12 -DGROUPS=12 -DPLANAR -DPROBABILITIES -DADDRESS -DTEXEL -DNORM
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/transp_conv3d.h"
#include "common/norm.glsl"

// Units of packed weights are 24 vec4, padded to 512 bytes so that each may begin a binding.
#define UNIT_STRIDE 32
#define WEIGHTS (GROUPS * UNIT_STRIDE)
#define WEIGHT_BINDING 2
#include "common/conv_mac.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_transp_conv3d_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer source;
#define LOAD(i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
#define LOAD(i) source[i]
#endif

#if defined(LABELS) || defined(PROBABILITIES)
#if defined(LABELS)
#define WORD_BINDING 1
#elif defined(ADDRESS)
#define WORD_BINDING 2
#else
#define WORD_BINDING 3
#endif
layout(std430, set = 0, binding = WORD_BINDING) writeonly buffer word_block
{
    uint words[];
};

// At four corners, of the logits of up to three classes.
uvec4 labels_of(vec4 a, vec4 b, vec4 c)
{
    uvec4 exponent = floatBitsToUint(a) & 0x7f800000u; // the largest: infinity and NaN have all of its bits
    uvec4 label = uvec4(0u);
    if (p.out_count > 1) {
        exponent = max(exponent, floatBitsToUint(b) & 0x7f800000u);
        label = mix(label, uvec4(1u), greaterThan(b, a));
    }
    if (p.out_count > 2) {
        exponent = max(exponent, floatBitsToUint(c) & 0x7f800000u);
        label = mix(label, uvec4(2u), greaterThan(c, max(a, b)));
    }
    return mix(label, uvec4(CTVK_LABEL_NOT_FINITE), equal(exponent, uvec4(0x7f800000u)));
}
#endif

#ifdef PROBABILITIES
#include "common/exp.glsl"

// In place of the logits at four corners, operation by operation as classify.comp has it.
void softmax(inout vec4 a, inout vec4 b, inout vec4 c)
{
    vec4 most = a;
    if (p.out_count > 1) {
        most = mix(most, b, greaterThan(b, most));
    }
    if (p.out_count > 2) {
        most = mix(most, c, greaterThan(c, most));
    }
    a = exp_each(a - most);
    vec4 total = a;
    if (p.out_count > 1) {
        b = exp_each(b - most);
        total += b;
    }
    if (p.out_count > 2) {
        c = exp_each(c - most);
        total += c;
    }
    a /= total;
    b /= total;
    c /= total;
}
#endif

#if defined(LABELS)
#define LOAD_SUM(o, c, i) vec4 a##o = vec4(0.0);
#elif defined(PLANAR)
layout(std430, set = 0, binding = 1) buffer target_block
{
    float target[];
};
// Sum 2c + i of channel c holds the four corners of x = i: (y, z) = 00, 01, 10, 11.
#define AT(c, i) (to + min(c, p.out_count - 1) * out_group + (i) * p.out_plane)
#ifdef PROBABILITIES
#define LOAD_SUM(o, c, i) vec4 a##o = vec4(0.0);
#else
#define LOAD_SUM(o, c, i)                                                                                                    \
    vec4 a##o = p.accumulate != 0 ? vec4(target[AT(c, i)], target[AT(c, i) + 1], target[AT(c, i) + out_z], target[AT(c, i) + out_z + 1]) \
                                  : vec4(0.0);
#endif
#define STORE_SUM(o, c, i)                       \
    if (c < p.out_count) {                       \
        target[AT(c, i)] = a##o.x;               \
        target[AT(c, i) + 1] = a##o.y;           \
        target[AT(c, i) + out_z] = a##o.z;       \
        target[AT(c, i) + out_z + 1] = a##o.w;   \
    }
#else
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};
// Sum 2g + i is channel group g at the voxel i along z.
#define AT(g, i) (to + min(g, p.out_count - 1) * out_group + (i))
#define LOAD_SUM(o, g, i) vec4 a##o = p.accumulate != 0 ? target[AT(g, i)] : vec4(0.0);
#define STORE_SUM(o, g, i)             \
    if (g < p.out_count) {             \
        target[AT(g, i)] = a##o;       \
    }
#endif
#define ALL_SUMS(M) M(0, 0, 0) M(1, 0, 1) M(2, 1, 0) M(3, 1, 1) M(4, 2, 0) M(5, 2, 1)

#ifdef NORM
#define READ(g) normalised(LOAD(from + (g) * group), norms.w[2 * (g)], norms.w[2 * (g) + 1])
#else
#define READ(g) LOAD(from + (g) * group)
#endif
#define GROUP(g)                                \
    {                                           \
        vec4 v = READ(g);                       \
        MAC_VEC4((g) * UNIT_STRIDE, v)          \
    }

void main()
{
    WEIGHTS_AT(p.address_low, p.address_high);
#ifdef NORM
    weight_block norms = weight_block(uvec2(uint(p.norm_low), uint(p.norm_high)));
#endif
    // Lanes beyond the end repeat the last voxel and store nothing.
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int group = p.in_y * p.in_z;
    int x = lane / group;
    int rest = lane - x * group;
    int y = rest / p.in_z;
    int z = rest - y * p.in_z;
    int from = p.in_base + x * p.in_plane + rest;
    int out_z = 2 * p.in_z;
    int out_group = 4 * group;
#if defined(PLANAR) && !defined(LABELS)
    int to = p.out_base + 2 * x * p.out_plane + 2 * y * out_z + 2 * z;
#elif !defined(PLANAR)
    int to = p.out_base + (2 * x + p.corner_x) * p.out_plane + (2 * y + p.corner_y) * out_z + 2 * z;
#endif
    ALL_SUMS(LOAD_SUM)
    GROUP(0)
#if GROUPS > 1
    GROUP(1) GROUP(2) GROUP(3)
#endif
#if GROUPS > 4
    GROUP(4) GROUP(5) GROUP(6) GROUP(7) GROUP(8) GROUP(9) GROUP(10) GROUP(11)
#endif
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
#if defined(LABELS) || defined(PROBABILITIES)
        uvec4 labels = labels_of(a0, a2, a4) | labels_of(a1, a3, a5) << 16;
        words[p.word_base + lane] = labels.x | labels.y << 4 | labels.z << 8 | labels.w << 12;
#endif
#ifdef PROBABILITIES
        softmax(a0, a2, a4);
        softmax(a1, a3, a5);
#endif
#ifndef LABELS
        ALL_SUMS(STORE_SUM)
#endif
    }
}
