// Causal attention, first part: q k / sqrt(d). A lane scores four keys for one head of one query row. Blocks of keys that the row does not
// see are not written; beside those that it sees stands the score of the last one.
// variant: causal_attend_scores
// variant: causal_attend_scores_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/causal_attend.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_causal_attend_params p;
};
#include "common/attend_rows.glsl"
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer q;
layout(set = 0, binding = 1) uniform samplerBuffer k;
#define LOAD(source, i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer q_block
{
    vec4 q[];
};
layout(std430, set = 0, binding = 1) readonly buffer k_block
{
    vec4 k[];
};
#define LOAD(source, i) source[i]
#endif
layout(std430, set = 0, binding = 2) writeonly buffer score_block
{
    vec4 scores[];
};

float sum(vec4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    int row = p.first + int(gl_WorkGroupID.y);
    int head = lane / p.blocks;
    int block = lane - head * p.blocks;
    int keys = attend_keys(row);
    if (head >= p.heads || 4 * block >= keys) {
        return;
    }
    int stride = attend_stride();
    int at = attend_first(row, head) + 4 * block * stride;
    int last = keys - 1 - 4 * block; // of this block's keys, those behind it are scored as if they were it
    ivec4 from = at + stride * min(ivec4(0, 1, 2, 3), ivec4(last));
    int query = (row * p.heads + head) * p.head;
    vec4 a = vec4(0.0);
    vec4 b = vec4(0.0);
    vec4 c = vec4(0.0);
    vec4 d = vec4(0.0);
    for (int i = 0; i < p.head; i++) {
        vec4 x = LOAD(q, query + i);
        a = fma(x, LOAD(k, from.x + i), a);
        b = fma(x, LOAD(k, from.y + i), b);
        c = fma(x, LOAD(k, from.z + i), c);
        d = fma(x, LOAD(k, from.w + i), d);
    }
    scores[int(gl_WorkGroupID.y) * p.heads * p.blocks + lane] = vec4(sum(a), sum(b), sum(c), sum(d)) * p.scale;
}
