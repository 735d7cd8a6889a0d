// out = lrelu(IN(in) [+ IN(shortcut)]), slope 0.01; out may be in: a lane reads its voxels before it writes them and no others.
// variant: instance_norm_apply
// variant: instance_norm_apply_add -DADD
// variant: instance_norm_apply_texel -DTEXEL
// variant: instance_norm_apply_add_texel -DADD -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/instance_norm.h"
#include "common/chunk.glsl"
#include "common/norm.glsl"

#define LANES 64
layout(local_size_x = LANES) in;
layout(constant_id = 0) const int STATS = 2; // vec4 of statistics: 2 * channel groups
layout(push_constant) uniform push_block
{
    ctvk_instance_norm_apply_params p;
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
layout(std430, set = 0, binding = 2) writeonly buffer out_block
{
    vec4 target[];
};
#ifdef ADD
#ifdef TEXEL
layout(set = 0, binding = 3) uniform samplerBuffer shortcut;
#define LOAD_SHORTCUT(i) texelFetch(shortcut, i)
#else
layout(std430, set = 0, binding = 3) readonly buffer shortcut_block
{
    vec4 shortcut[];
};
#define LOAD_SHORTCUT(i) shortcut[i]
#endif
layout(std140, set = 0, binding = 4) uniform shortcut_stats_block
{
    vec4 shortcut_stats[STATS];
};
#endif

void main()
{
    int group = int(gl_WorkGroupID.y);
    vec4 mean = stats[2 * group];
    vec4 scale = stats[2 * group + 1];
#ifdef ADD
    vec4 shortcut_mean = shortcut_stats[2 * group];
    vec4 shortcut_scale = shortcut_stats[2 * group + 1];
#endif
    int step_planes = LANES / p.area;
    int step_rest = LANES - step_planes * p.area;
    walker w = walk_from(int(gl_WorkGroupID.x) * 4 * LANES + int(gl_LocalInvocationID.x), p.area, p.plane);
    for (int k = 0; k < 4; k++) {
        if (w.voxel < p.voxels) {
            int at = w.at + group * p.area;
            vec4 v = (LOAD(p.in_base + at) - mean) * scale;
#ifdef ADD
            v += (LOAD_SHORTCUT(p.shortcut_base + at) - shortcut_mean) * shortcut_scale;
#endif
            target[p.out_base + at] = activated(v);
        }
        walk(w, LANES, step_planes, step_rest, p.area, p.plane);
    }
}
