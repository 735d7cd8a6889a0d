// Merges the partial softmaxes of one pair for one channel group into the weighted mean of the voxels. A workgroup does it together; on
// software drivers, where a barrier costs more than a walk over all partials, a lane does it alone.
// variant: token_to_image_merge
// variant: token_to_image_merge_alone -DALONE
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

#ifdef ALONE
#define FIRST 0
#define STEP 1
#else
#define FIRST lane
#define STEP LANES
shared float shared_total[LANES];
shared vec4 shared_sum[LANES];
#endif

void main()
{
    int lane = int(gl_LocalInvocationID.x);
#ifdef ALONE
    int wanted = int(gl_GlobalInvocationID.x), last = p.pairs * p.groups - 1;
    int pair = min(wanted, last) / p.groups;
    int group = min(wanted, last) - pair * p.groups;
#else
    int group = int(gl_WorkGroupID.x);
    int pair = int(gl_WorkGroupID.y);
#endif
    int heads = pair * (p.groups + 1) * p.partials;
    int sums = heads + (group + 1) * p.partials;
    float most = -1e30;
    for (int i = FIRST; i < p.partials; i += STEP) {
        most = max(most, partials[heads + i].x);
    }
#ifndef ALONE
    shared_total[lane] = most;
    barrier();
    for (int i = 0; i < LANES; i++) {
        most = max(most, shared_total[i]);
    }
    barrier();
#endif
    float total = 0.0;
    vec4 sum = vec4(0.0);
    // Sums of 64 partials are added up: a long row of additions would lose digits.
    for (int first = 0; first < p.partials; first += 64 * STEP) {
        float part_total = 0.0;
        vec4 part_sum = vec4(0.0);
        for (int i = first + FIRST; i < min(first + 64 * STEP, p.partials); i += STEP) {
            vec4 head = partials[heads + i];
            float scale = exp(head.x - most);
            part_total = fma(scale, head.y, part_total);
            part_sum = fma(vec4(scale), partials[sums + i], part_sum);
        }
        total += part_total;
        sum += part_sum;
    }
#ifdef ALONE
    if (wanted <= last) {
        means[p.means + wanted] = sum / total;
    }
#else
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
#endif
}
