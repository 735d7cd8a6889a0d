// float32 to 16 bits a number, in the order in which the numbers lie: distances from the mean of each channel, in deviations.
// variant: narrow -DHALF
// variant: narrow_texel -DHALF -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/narrow.h"
#include "common/activation.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_narrow_params p;
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
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    ACTIVATION target[];
};

layout(std430, set = 0, binding = 2) readonly buffer stats_block
{
    vec4 stats[]; // mean and scale of each channel group
};

void main()
{
    int i = p.first + int(gl_GlobalInvocationID.x);
    if (i < p.last) {
        int line = i / p.area, group = line - line / p.groups * p.groups;
        target[p.to + i] = half_of((LOAD(p.from + i) - stats[2 * group]) * stats[2 * group + 1]);
    }
}
