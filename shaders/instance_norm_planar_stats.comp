// As instance_norm_stats, of the first block's shortcut, which is computed as it is read: a lane reads its voxels once for SLICE channel groups.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "params/instance_norm.h"
#include "common/chunk.glsl"
#include "common/moments.glsl"
#define PLANAR_BINDING 0
#include "common/planar_shortcut.glsl"

#define BLOCK 8 // voxels of two passes
#define SLICE 4
layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_instance_norm_planar_stats_params p;
};
layout(std430, set = 0, binding = 2) writeonly buffer stats_block
{
    vec4 stats[];
};

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int chunk = int(gl_WorkGroupID.x);
    int first = int(gl_WorkGroupID.y) * SLICE;
    chunk_range r = chunk_of(p.chunk, chunk);
    int step_planes = LANES / p.chunk.area;
    int step_rest = LANES - step_planes * p.chunk.area;
    walker w = walk_from(r.begin + lane, p.chunk.area, p.chunk.plane);
    vec4 weight[SLICE * CHANNELS];
    moments total[SLICE];
    [[unroll]] for (int g = 0; g < SLICE; g++) {
        // Groups beyond the last repeat it and are not stored.
        int group = min(first + g, p.groups - 1);
        [[unroll]] for (int k = 0; k < CHANNELS; k++) {
            weight[g * CHANNELS + k] = planar_weights[group * CHANNELS + k];
        }
        total[g] = no_moments();
    }
    for (int begin = r.begin; begin < r.end; begin += BLOCK * LANES) {
        float x[BLOCK * CHANNELS];
        bool here[BLOCK];
        float count = 0.0;
        [[unroll]] for (int b = 0; b < BLOCK; b++) {
            here[b] = w.voxel < r.end;
            int at = here[b] ? planar_place(p.shortcut, r.origin + w.at - w.rest, w.rest) : r.origin;
            [[unroll]] for (int k = 0; k < CHANNELS; k++) {
                x[b * CHANNELS + k] = planar[at + k * p.shortcut.channel];
            }
            count += here[b] ? 1.0 : 0.0;
            walk(w, LANES, step_planes, step_rest, p.chunk.area, p.chunk.plane);
        }
        [[unroll]] for (int g = 0; g < SLICE; g++) {
            vec4 values[BLOCK];
            vec4 sum = vec4(0.0);
            [[unroll]] for (int b = 0; b < BLOCK; b++) {
                PLANAR_PRODUCT(v, weight, g * CHANNELS, x, b * CHANNELS)
                values[b] = v;
                sum += here[b] ? v : vec4(0.0);
            }
            moments block = moments(sum / max(count, 1.0), vec4(0.0), count);
            [[unroll]] for (int b = 0; b < BLOCK; b++) {
                vec4 d = here[b] ? values[b] - block.mean : vec4(0.0);
                block.m2 = fma(d, d, block.m2);
            }
            total[g] = merge_moments(total[g], block);
        }
    }
    [[unroll]] for (int g = 0; g < SLICE; g++) {
        moments all = merge_lanes(total[g], lane);
        if (lane == 0 && first + g < p.groups) {
            int to = 2 * p.groups + ((p.chunk.first + chunk) * p.groups + first + g) * 3;
            stats[to] = all.mean;
            stats[to + 1] = all.m2;
            stats[to + 2] = vec4(all.count);
        }
    }
}
