// Layer norm of token rows, with a residual added before; one workgroup a row. A lane writes only what it alone reads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/tokens.h"

#define LANES 64
layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_layer_norm_params p;
};
layout(std430, set = 0, binding = 0) buffer token_block
{
    vec4 tokens[];
};
layout(std430, set = 0, binding = 1) readonly buffer weight_block
{
    vec4 weights[];
};
shared float parts[LANES];

float sum_of_lanes(float v, int lane)
{
    barrier(); // the sum before is read by all
    parts[lane] = v;
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            parts[lane] += parts[lane + half_lanes];
        }
        barrier();
    }
    return parts[0];
}

vec4 value(int row, int i)
{
    vec4 v = tokens[p.from + row * p.width + i];
    if (p.add >= 0) {
        v += tokens[p.add + row * p.width + i];
    }
    return v;
}

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int row = int(gl_WorkGroupID.x);
    float channels = float(4 * p.width);
    float sum = 0.0;
    for (int i = lane; i < p.width; i += LANES) {
        vec4 v = value(row, i);
        sum += (v.x + v.y) + (v.z + v.w);
    }
    float mean = sum_of_lanes(sum, lane) / channels;
    sum = 0.0;
    for (int i = lane; i < p.width; i += LANES) {
        vec4 d = value(row, i) - mean;
        sum += dot(d, d);
    }
    float scale = 1.0 / sqrt(sum_of_lanes(sum, lane) / channels + 1e-5);
    for (int i = lane; i < p.width; i += LANES) {
        tokens[p.to + row * p.width + i] = fma((value(row, i) - mean) * scale, weights[i], weights[p.width + i]);
    }
}
