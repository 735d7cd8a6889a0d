// RMS norm of token rows: x / sqrt(mean(x^2) + eps) * weight. One workgroup a row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/rms_norm.h"

#define LANES 64
layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_rms_norm_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer in_block
{
    vec4 rows[];
};
layout(std430, set = 0, binding = 1) readonly buffer weight_block
{
    vec4 weights[];
};
layout(std430, set = 0, binding = 2) writeonly buffer out_block
{
    vec4 normed[];
};
shared float parts[LANES];

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int from = p.from + int(gl_WorkGroupID.x) * p.from_stride;
    int to = int(gl_WorkGroupID.x) * p.to_stride;
    vec4 sum = vec4(0.0);
    for (int i = lane; i < p.width; i += LANES) {
        vec4 v = rows[from + i];
        sum = fma(v, v, sum);
    }
    parts[lane] = (sum.x + sum.y) + (sum.z + sum.w);
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            parts[lane] += parts[lane + half_lanes];
        }
        barrier();
    }
    float scale = 1.0 / sqrt(parts[0] / float(4 * p.width) + p.eps);
    for (int i = lane; i < p.width; i += LANES) {
        normed[to + i] = rows[from + i] * scale * weights[i];
    }
}
