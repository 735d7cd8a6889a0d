// Linear layer on token rows: a workgroup takes 8 outputs of one row, 8 lanes share one output.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/tokens.h"

#define SLICES 8
#define OUTS 8
layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_linear_params p;
};
layout(std430, set = 0, binding = 0) buffer token_block
{
    vec4 tokens[];
};
layout(std430, set = 0, binding = 1) readonly buffer weight_block
{
    vec4 weights[];
};
shared float parts[SLICES * OUTS];

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int slice = lane % SLICES;
    int wanted = int(gl_WorkGroupID.x) * OUTS + lane / SLICES;
    int o = min(wanted, p.outs - 1);
    int row = int(gl_WorkGroupID.y);
    int from = p.from + o / p.head_outs * p.head_stride + row * p.in_stride;
    int add = p.in_add + row * p.in_stride;
    vec4 sum = vec4(0.0);
    for (int i = slice; i < p.width; i += SLICES) {
        vec4 x = tokens[from + i];
        if (o < p.add_outs) {
            x += tokens[add + i];
        }
        sum = fma(weights[o * p.width + i], x, sum);
    }
    parts[lane] = (sum.x + sum.y) + (sum.z + sum.w);
    barrier();
    if (slice == 0 && wanted < p.outs) {
        int bias = p.outs * p.width * 4 + o;
        float total = weights[bias / 4][bias % 4];
        for (int i = 0; i < SLICES; i++) {
            total += parts[lane + i];
        }
        int to = p.to + row * p.out_stride + o;
        tokens[to / 4][to % 4] = p.relu != 0 ? max(total, 0.0) : total;
    }
}
