// Adds up the runs of a convolution's products, [run][out group][lane] vec4, into planes of the output. x of the grid runs over the voxels of
// the block, y over channel groups.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"

layout(local_size_x = 16) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_sum_params p;
};
layout(set = 0, binding = 0) uniform samplerBuffer source;
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

void main()
{
    int wanted = int(gl_GlobalInvocationID.x), group = int(gl_WorkGroupID.y);
    int lane = min(wanted, p.lanes - 1);
    int plane = lane / p.area;
    int from = group * p.lanes + lane, to = p.base + plane * p.plane + group * p.area + lane - plane * p.area;
    vec4 sum = vec4(0.0);
    for (int run = 0; run < p.runs; run++) {
        sum += texelFetch(source, from + run * p.run);
    }
    if (wanted < p.lanes) {
        if (p.accumulate != 0) {
            sum += target[to];
        }
        target[to] = sum;
    }
}
