// Token rows to what the straight-line product reads as its uniform operand: [tile of rows][width][row of the tile], zeros where there is
// no row and behind the width. A tile has 4 * FOURS rows; a lane turns four rows by four columns.
// variant: quant_linear_pack -DFOURS=6
// variant: quant_linear_pack_texel -DFOURS=3 -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/quant_linear.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_quant_linear_pack_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer source;
#define SOURCE(i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
#define SOURCE(i) source[i]
#endif
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    vec4 target[];
};

// What lies behind a row's end may be NaN.
vec4 load(int row, int four)
{
    vec4 v = SOURCE(p.from + min(row, p.rows - 1) * p.in_stride + min(four, p.width / 4 - 1));
    return row < p.rows && 4 * four < p.width ? v : vec4(0.0);
}

void main()
{
    int four = min(int(gl_GlobalInvocationID.x), p.fours - 1), group = int(gl_WorkGroupID.y);
    vec4 a = load(4 * group, four), b = load(4 * group + 1, four), c = load(4 * group + 2, four), d = load(4 * group + 3, four);
    int to = (group / FOURS * p.fours + four) * 4 * FOURS + group % FOURS;
    target[to] = vec4(a.x, b.x, c.x, d.x);
    target[to + FOURS] = vec4(a.y, b.y, c.y, d.y);
    target[to + 2 * FOURS] = vec4(a.z, b.z, c.z, d.z);
    target[to + 3 * FOURS] = vec4(a.w, b.w, c.w, d.w);
}
