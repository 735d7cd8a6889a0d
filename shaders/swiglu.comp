// Gated activation in place: gate = silu(gate) * up, silu(x) = x / (1 + exp(-x)). A lane takes one vec4 of one row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/swiglu.h"
#include "common/exp.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_swiglu_params p;
};
layout(std430, set = 0, binding = 0) buffer gate_block
{
    vec4 gate[];
};
layout(std430, set = 0, binding = 1) readonly buffer up_block
{
    vec4 up[];
};

// The exponential's argument is never above zero, so that nothing overflows.
float silu(float x)
{
    float e = exp_down(-abs(x));
    return (x < 0.0 ? x * e : x) / (1.0 + e);
}

void main()
{
    int column = int(gl_GlobalInvocationID.x);
    if (column >= p.width) {
        return;
    }
    int at = int(gl_WorkGroupID.y) * p.width + column;
    vec4 g = gate[at];
    gate[at] = vec4(silu(g.x), silu(g.y), silu(g.z), silu(g.w)) * up[at];
}
