// Causal attention, second part: softmax of a query row's scores and the mean of v under it. A lane takes 16 channels of one head, so that
// an exponential serves them all.
// variant: causal_attend_mix
// variant: causal_attend_mix_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/causal_attend.h"
#include "common/exp.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_causal_attend_params p;
};
#include "common/attend_rows.glsl"
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer scores;
layout(set = 0, binding = 1) uniform samplerBuffer v;
#define LOAD(source, i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer score_block
{
    vec4 scores[];
};
layout(std430, set = 0, binding = 1) readonly buffer v_block
{
    vec4 v[];
};
#define LOAD(source, i) source[i]
#endif
layout(std430, set = 0, binding = 2) writeonly buffer out_block
{
    vec4 mixed[];
};

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    int row = p.first + int(gl_WorkGroupID.y);
    int parts = (p.head + 3) / 4;
    int head = lane / parts;
    int channel = (lane - head * parts) * 4;
    if (head >= p.heads) {
        return;
    }
    int keys = attend_keys(row);
    int score = (int(gl_WorkGroupID.y) * p.heads + head) * p.blocks;
    float most = -3e38;
    for (int key = 0; key < keys; key += 4) {
        vec4 s = LOAD(scores, score + key / 4); // beside the seen keys stands the last seen one's score
        most = max(most, max(max(s.x, s.y), max(s.z, s.w)));
    }
    int stride = attend_stride();
    int first = attend_first(row, head);
    ivec4 from = first + min(channel + ivec4(0, 1, 2, 3), ivec4(p.head - 1));
    float total = 0.0;
    vec4 a = vec4(0.0);
    vec4 b = vec4(0.0);
    vec4 c = vec4(0.0);
    vec4 d = vec4(0.0);
    for (int key = 0; key < keys; key++) {
        float weight = exp_down(LOAD(scores, score + key / 4)[key % 4] - most);
        total += weight;
        a = fma(vec4(weight), LOAD(v, from.x), a);
        b = fma(vec4(weight), LOAD(v, from.y), b);
        c = fma(vec4(weight), LOAD(v, from.z), c);
        d = fma(vec4(weight), LOAD(v, from.w), d);
        from += stride;
    }
    int to = (row * p.heads + head) * p.head + channel;
    int count = p.head - channel;
    mixed[to] = a / total;
    if (count > 1) {
        mixed[to + 1] = b / total;
    }
    if (count > 2) {
        mixed[to + 2] = c / total;
    }
    if (count > 3) {
        mixed[to + 3] = d / total;
    }
}
