// Mean and M2 (sum of squared differences from the mean) of each channel over one chunk of voxels: blocks of eight values are summed in
// two passes, then merged by Chan's formula. E[x^2] - E[x]^2 is never formed: over millions of voxels it would lose all digits.
// variant: instance_norm_stats
// variant: instance_norm_stats_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/instance_norm.h"
#include "common/chunk.glsl"
#include "common/moments.glsl"

layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_instance_norm_stats_params p;
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
layout(std430, set = 0, binding = 1) writeonly buffer stats_block
{
    vec4 stats[];
};

// The eight voxels of NEAR lanes lie side by side, 1 KiB in all: what takes few lanes at a time reads memory in order.
#define NEAR 8
#define FAR (8 * LANES - 8 * NEAR)
#define ALL8(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define FETCH(k)                                                 \
    bool in##k = w.voxel < r.end;                                \
    vec4 v##k = LOAD(origin + (in##k ? w.at : 0));               \
    count += in##k ? 1.0 : 0.0;                                  \
    sum += in##k ? v##k : vec4(0.0);                             \
    walk(w, NEAR, near_planes, near_rest, p.chunk.area, p.chunk.plane);
#define SQUARE(k)                                          \
    {                                                      \
        vec4 d = in##k ? v##k - block.mean : vec4(0.0);    \
        block.m2 = fma(d, d, block.m2);                    \
    }

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int chunk = int(gl_WorkGroupID.x);
    int group = int(gl_WorkGroupID.y);
    chunk_range r = chunk_of(p.chunk, chunk);
    int origin = r.origin + group * p.chunk.area;
    int near_planes = NEAR / p.chunk.area, near_rest = NEAR - near_planes * p.chunk.area;
    int far_planes = FAR / p.chunk.area, far_rest = FAR - far_planes * p.chunk.area;
    walker w = walk_from(r.begin + lane / NEAR * 8 * NEAR + lane % NEAR, p.chunk.area, p.chunk.plane);
    moments total = no_moments();
    for (int first = r.begin; first < r.end; first += 8 * LANES) {
        float count = 0.0;
        vec4 sum = vec4(0.0);
        ALL8(FETCH)
        moments block = moments(sum / max(count, 1.0), vec4(0.0), count);
        ALL8(SQUARE)
        total = merge_moments(total, block);
        walk(w, FAR, far_planes, far_rest, p.chunk.area, p.chunk.plane);
    }
    total = merge_lanes(total, lane);
    if (lane == 0) {
        int to = 2 * p.groups + ((p.chunk.first + chunk) * p.groups + group) * 3;
        stats[to] = total.mean;
        stats[to + 1] = total.m2;
        stats[to + 2] = vec4(total.count);
    }
}
