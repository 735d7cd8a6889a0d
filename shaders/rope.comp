// Rotary position embedding of q and k in place, neighbouring channels (2i, 2i + 1) as a pair: the order of Llama weights in GGUF files.
// The angles' cosines and sines come from the host: the built-in functions promise only 2^-11.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/rope.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_rope_params p;
};
layout(std430, set = 0, binding = 0) buffer q_block
{
    vec2 q[];
};
layout(std430, set = 0, binding = 1) buffer k_block
{
    vec2 k[];
};
layout(std430, set = 0, binding = 2) readonly buffer table_block
{
    vec2 table[]; // [position][pair] (cos, sin)
};

vec2 turn(vec2 v, vec2 angle)
{
    return vec2(fma(v.x, angle.x, -v.y * angle.y), fma(v.x, angle.y, v.y * angle.x));
}

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    int row = int(gl_WorkGroupID.y);
    int head = lane / p.turned;
    int pair = lane - head * p.turned;
    if (head < p.q_heads) {
        if (row < p.q_rows) {
            int at = (row * p.q_heads + head) * p.head + pair;
            q[at] = turn(q[at], table[(p.q_first + row % p.q_tokens) * p.turned + pair]);
        }
    } else if (head < p.q_heads + p.k_heads && row < p.k_rows) {
        int at = (row * p.k_heads + head - p.q_heads) * p.head + pair;
        k[at] = turn(k[at], table[row % p.k_tokens * p.turned + pair]);
    }
}
