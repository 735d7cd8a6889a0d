// float32 to half precision, in the order in which the numbers lie.
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

void main()
{
    int i = p.first + int(gl_GlobalInvocationID.x);
    if (i < p.last) {
        target[p.to + i] = NARROW(LOAD(p.from + i));
    }
}
