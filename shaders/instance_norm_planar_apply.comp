// target = lrelu(IN(target) + IN(r)), in place, r the first block's shortcut, which is computed as it is read: a lane reads the input of its
// voxels once and goes through all channel groups.
// variant: instance_norm_planar_apply
// variant: instance_norm_planar_apply_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "params/instance_norm.h"
#include "common/chunk.glsl"
#include "common/norm.glsl"
#define PLANAR_BINDING 4
#include "common/planar_shortcut.glsl"

#define LANES 64
#define BLOCK 4 // voxels of a lane
layout(local_size_x = LANES) in;
layout(constant_id = 1) const int STATS = 2; // vec4 of statistics: 2 * channel groups
layout(push_constant) uniform push_block
{
    ctvk_instance_norm_planar_apply_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer source;
#define LOAD(i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
#define LOAD(i) source[i]
#endif
layout(std140, set = 0, binding = 1) uniform stats_block
{
    vec4 stats[STATS];
};
layout(std430, set = 0, binding = 2) writeonly buffer target_block
{
    vec4 target[];
};
layout(std140, set = 0, binding = 3) uniform shortcut_stats_block
{
    vec4 shortcut_stats[STATS];
};

void main()
{
    int first = int(gl_WorkGroupID.x) * BLOCK * LANES + int(gl_LocalInvocationID.x);
    int step_planes = LANES / p.area;
    int step_rest = LANES - step_planes * p.area;
    walker w = walk_from(first, p.area, p.plane);
    walker s = walk_from(first, p.area, p.shortcut_plane);
    float x[BLOCK * CHANNELS];
    int at[BLOCK];
    bool here[BLOCK];
    [[unroll]] for (int b = 0; b < BLOCK; b++) {
        here[b] = w.voxel < p.voxels;
        at[b] = p.base + (here[b] ? w.at : 0);
        int from = p.shortcut_base + (here[b] ? planar_place(p.shortcut, s.at - s.rest, s.rest) : 0);
        [[unroll]] for (int k = 0; k < CHANNELS; k++) {
            x[b * CHANNELS + k] = planar[from + k * p.shortcut.channel];
        }
        walk(w, LANES, step_planes, step_rest, p.area, p.plane);
        walk(s, LANES, step_planes, step_rest, p.area, p.shortcut_plane);
    }
    for (int group = 0; group < p.groups; group++) {
        vec4 mean = stats[2 * group];
        vec4 scale = stats[2 * group + 1];
        vec4 shortcut_mean = shortcut_stats[2 * group];
        vec4 shortcut_scale = shortcut_stats[2 * group + 1];
        vec4 weight[CHANNELS];
        [[unroll]] for (int k = 0; k < CHANNELS; k++) {
            weight[k] = planar_weights[group * CHANNELS + k];
        }
        [[unroll]] for (int b = 0; b < BLOCK; b++) {
            PLANAR_PRODUCT(shortcut, weight, 0, x, b * CHANNELS)
            int i = at[b] + group * p.area;
            vec4 v = (LOAD(i) - mean) * scale + (shortcut - shortcut_mean) * shortcut_scale;
            if (here[b]) {
                target[i] = activated(v);
            }
        }
    }
}
