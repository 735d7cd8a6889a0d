// Merges the parts' moments of one channel group into its mean and 1/sqrt(biased variance + 1e-5). _gather: of many parts, the moments of each
// run of them become one part behind all.
// variant: instance_norm_merge
// variant: instance_norm_gather -DGATHER
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

int place_of(int part, int group)
{
    return 2 * p.groups + (part * p.groups + group) * 3;
}

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int group = int(gl_WorkGroupID.x);
    int begin = p.first, end = p.first + p.parts;
#ifdef GATHER
    int run = int(gl_WorkGroupID.y);
    begin += run * CTVK_INSTANCE_NORM_RUN;
    end = min(begin + CTVK_INSTANCE_NORM_RUN, end);
#endif
    moments total = no_moments();
    for (int part = begin + lane; part < end; part += LANES) {
        int from = place_of(part, group);
        total = merge_moments(total, moments(stats[from], stats[from + 1], stats[from + 2].x));
    }
    total = merge_lanes(total, lane);
    if (lane == 0) {
#ifdef GATHER
        int to = place_of(p.first + p.parts + run, group);
        stats[to] = total.mean;
        stats[to + 1] = total.m2;
        stats[to + 2] = vec4(total.count);
#else
        stats[2 * group] = total.mean;
        stats[2 * group + 1] = 1.0 / sqrt(total.m2 / total.count + 1e-5);
#endif
    }
}
