// Merges the chunks' moments of one channel group into its mean and 1/sqrt(biased variance + 1e-5).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/instance_norm.h"
#include "common/moments.glsl"

layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_instance_norm_merge_params p;
};
layout(std430, set = 0, binding = 0) buffer stats_block
{
    vec4 stats[];
};

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int group = int(gl_WorkGroupID.x);
    moments total = no_moments();
    for (int chunk = lane; chunk < p.chunks; chunk += LANES) {
        int from = 2 * p.groups + (chunk * p.groups + group) * 3;
        total = merge_moments(total, moments(stats[from], stats[from + 1], stats[from + 2].x));
    }
    total = merge_lanes(total, lane);
    if (lane == 0) {
        stats[2 * group] = total.mean;
        stats[2 * group + 1] = 1.0 / sqrt(total.m2 / total.count + 1e-5);
    }
}
