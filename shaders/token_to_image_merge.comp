// Merges the partial softmaxes of one pair for one channel group into the weighted mean of the voxels.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/token_to_image.h"

#define LANES 64
layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_token_to_image_merge_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer partial_block
{
    vec4 partials[];
};
layout(std430, set = 0, binding = 1) writeonly buffer mean_block
{
    vec4 means[];
};
shared float shared_total[LANES];
shared vec4 shared_sum[LANES];

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int group = int(gl_WorkGroupID.x);
    int pair = int(gl_WorkGroupID.y);
    int heads = pair * (p.groups + 1) * p.partials;
    int sums = heads + (group + 1) * p.partials;
    float most = -1e30;
    for (int i = lane; i < p.partials; i += LANES) {
        most = max(most, partials[heads + i].x);
    }
    shared_total[lane] = most;
    barrier();
    for (int i = 0; i < LANES; i++) {
        most = max(most, shared_total[i]);
    }
    barrier();
    float total = 0.0;
    vec4 sum = vec4(0.0);
    for (int i = lane; i < p.partials; i += LANES) {
        vec4 head = partials[heads + i];
        float scale = exp(head.x - most);
        total = fma(scale, head.y, total);
        sum = fma(vec4(scale), partials[sums + i], sum);
    }
    shared_total[lane] = total;
    shared_sum[lane] = sum;
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            shared_total[lane] += shared_total[lane + half_lanes];
            shared_sum[lane] += shared_sum[lane + half_lanes];
        }
        barrier();
    }
    if (lane == 0) {
        means[p.means + pair * p.groups + group] = shared_sum[0] / shared_total[0];
    }
}
