// Linear layer on token rows: a workgroup takes 8 outputs of one row, 8 lanes share one output. On software drivers a lane does an output
// alone: a barrier costs them more than the whole sum, and texel buffers are their quickest way to read.
// variant: linear
// variant: linear_alone -DALONE
// variant: linear_alone_texel -DALONE -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/tokens.h"

#ifdef ALONE
#define SLICES 1
#define OUTS 16
#else
#define SLICES 8
#define OUTS 8
#endif
layout(local_size_x = SLICES * OUTS) in;
layout(push_constant) uniform push_block
{
    ctvk_linear_params p;
};
layout(std430, set = 0, binding = 0) buffer token_block
{
    vec4 tokens[];
};
#ifdef TEXEL
layout(set = 0, binding = 1) uniform samplerBuffer weights;
#define WEIGHT(i) texelFetch(weights, i)
#else
layout(std430, set = 0, binding = 1) readonly buffer weight_block
{
    vec4 weights[];
};
#define WEIGHT(i) weights[i]
#endif
#ifndef ALONE
shared float parts[SLICES * OUTS];
#endif

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
    // Sums of 16 products are added up: a long row of additions would lose digits.
    for (int first = slice; first < p.width; first += 16 * SLICES) {
        vec4 part = vec4(0.0);
        for (int i = first; i < min(first + 16 * SLICES, p.width); i += SLICES) {
            vec4 x = tokens[from + i];
            if (o < p.add_outs) {
                x += tokens[add + i];
            }
            part = fma(WEIGHT(o * p.width + i), x, part);
        }
        sum += part;
    }
    float total = (sum.x + sum.y) + (sum.z + sum.w);
    int bias = p.outs * p.width * 4 + o;
#ifdef ALONE
    total += WEIGHT(bias / 4)[bias % 4];
#else
    parts[lane] = total;
    barrier();
    total = WEIGHT(bias / 4)[bias % 4];
    for (int i = 0; slice == 0 && i < SLICES; i++) {
        total += parts[lane + i];
    }
#endif
    if (slice == 0 && wanted < p.outs) {
        int to = p.to + row * p.out_stride + o;
        tokens[to / 4][to % 4] = p.relu != 0 ? max(total, 0.0) : total;
    }
}
