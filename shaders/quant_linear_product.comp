// Straight-line product for software drivers: a lane has one output and a tile of 4 * FOURS token rows, in registers; x of the grid runs
// over outputs, y over tiles, z over runs of PARTS * 32 columns, whose sums quant_linear_sum.comp adds. The rows are the uniform operand:
// by device address, or in a uniform block that holds one run of one tile.
// variant: quant_linear_product_address -DFOURS=3 -DPARTS=6 -DADDRESS
// variant: quant_linear_product_address_float -DFOURS=3 -DPARTS=6 -DADDRESS -DFLOATS
// variant: quant_linear_product_uniform -DFOURS=6 -DPARTS=4
// variant: quant_linear_product_uniform_float -DFOURS=6 -DPARTS=4 -DFLOATS
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/quant_linear.h"
#define WEIGHT_BINDING 2
#define WEIGHTS (PARTS * 32 * FOURS)
#include "common/conv_mac.glsl"
#if FOURS == 3
#define MAC_ROWS(k, s) MAC(0, (k), s) MAC(1, (k) + 1, s) MAC(2, (k) + 2, s)
#else
#define MAC_ROWS(k, s) MAC_SCALAR(k, s)
#endif
// Columns 4 i .. 4 i + 3 of the run.
#define MAC_COLUMNS(i, v)                                                               \
    MAC_ROWS((i) * 4 * FOURS, (v).x) MAC_ROWS((i) * 4 * FOURS + FOURS, (v).y)           \
    MAC_ROWS((i) * 4 * FOURS + 2 * FOURS, (v).z) MAC_ROWS((i) * 4 * FOURS + 3 * FOURS, (v).w)

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_quant_linear_product_params p;
};
layout(std430, set = 0, binding = 0) writeonly buffer target_block
{
    vec4 target[];
};
#ifdef ADDRESS
layout(set = 0, binding = 1) uniform samplerBuffer source;
#define FETCH(i) texelFetch(source, from + (i) * p.outs)
#else
layout(std430, set = 0, binding = 1) readonly buffer source_block
{
    vec4 source[];
};
#define FETCH(i) source[from + (i) * p.outs]
#endif

// All fetches of a part before its sums: a fetch is a call, around which lavapipe saves every sum.
#ifdef FLOATS
#define PART_VEC4 8
#define HALF(i)                                                                            \
    {                                                                                      \
        vec4 v0 = FETCH(i), v1 = FETCH((i) + 1), v2 = FETCH((i) + 2), v3 = FETCH((i) + 3); \
        MAC_COLUMNS(i, v0)                                                                 \
        MAC_COLUMNS((i) + 1, v1)                                                           \
        MAC_COLUMNS((i) + 2, v2)                                                           \
        MAC_COLUMNS((i) + 3, v3)                                                           \
    }
#define PART(i) HALF(8 * (i)) HALF(8 * (i) + 4)
#else
#define PART_VEC4 3
vec4 weights_of(uint word, float scale, float shift)
{
    return fma(vec4(uvec4(word, word >> 8, word >> 16, word >> 24) & 0xffu), vec4(scale), vec4(shift));
}
#define FOUR(i, word, scale, shift)                 \
    {                                               \
        vec4 v = weights_of(word, scale, shift);    \
        MAC_COLUMNS(i, v)                           \
    }
#define HALF(i, words, scale, shift)                                                  \
    FOUR(i, words.x, scale, shift) FOUR((i) + 1, words.y, scale, shift)               \
    FOUR((i) + 2, words.z, scale, shift) FOUR((i) + 3, words.w, scale, shift)
#define PART(i)                                                                                      \
    {                                                                                                \
        uvec4 first = floatBitsToUint(FETCH(3 * (i))), second = floatBitsToUint(FETCH(3 * (i) + 1)); \
        vec4 factors = FETCH(3 * (i) + 2);                                                           \
        HALF(8 * (i), first, factors.x, factors.z)                                                   \
        HALF(8 * (i) + 4, second, factors.y, factors.w)                                              \
    }
#endif

// Lanes behind the last output repeat it: no store under a mask.
void main()
{
    int lane = min(int(gl_GlobalInvocationID.x), p.outs - 1);
    int tile = int(gl_WorkGroupID.y), run = int(gl_WorkGroupID.z);
    int from = p.from + run * PARTS * PART_VEC4 * p.outs + lane;
    int to = p.to + (run * int(gl_NumWorkGroups.y) + tile) * FOURS * p.outs + lane;
#ifdef ADDRESS
    // lavapipe takes what it reads from push constants as uniform, whatever the index, but not a workgroup's number: hence the tables.
    uint carry, low = uaddCarry(uint(p.low), uint(p.tiles[tile] + p.runs[run]), carry);
    WEIGHTS_AT(low, uint(p.high) + carry);
#endif
    vec4 a0 = vec4(0.0), a1 = vec4(0.0), a2 = vec4(0.0);
#if FOURS > 3
    vec4 a3 = vec4(0.0), a4 = vec4(0.0), a5 = vec4(0.0);
#endif
    PART(0) PART(1) PART(2) PART(3)
#if PARTS > 4
    PART(4) PART(5)
#endif
    target[to] = a0;
    target[to + p.outs] = a1;
    target[to + 2 * p.outs] = a2;
#if FOURS > 3
    target[to + 3 * p.outs] = a3;
    target[to + 4 * p.outs] = a4;
    target[to + 5 * p.outs] = a5;
#endif
}
