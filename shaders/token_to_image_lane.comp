// As token_to_image_tile, for software drivers and few channels: every lane keeps the sums of a few pairs for the voxels that it walks
// through and writes a partial of its own. No shared memory, no barrier, queries loaded once.
// variant: token_to_image_lane
// variant: token_to_image_lane_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "params/token_to_image.h"
#include "common/chunk.glsl"

#define BATCH 2 // voxels between two corrections of the sums
#define LANES 16
// So many lanes walk side by side, each such block of lanes through a share of its own: a driver that takes one subgroup of 8 after another
// through the loop then reads memory in order. With 64 lanes side by side each subgroup would leave out the voxels of the others, and come
// back for every one (2.3 times the time on lavapipe). Not the width of the device's subgroups: sums are the same bits at any.
#define NEAR 8
layout(local_size_x = LANES) in;
layout(constant_id = 0) const int PAIRS = 4; // of a workgroup
layout(constant_id = 1) const int GROUPS = 4;
layout(push_constant) uniform push_block
{
    ctvk_token_to_image_params p;
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
layout(std430, set = 0, binding = 1) readonly buffer query_block
{
    vec4 queries[];
};
layout(std430, set = 0, binding = 2) writeonly buffer partial_block
{
    vec4 partials[];
};

float dot_on(vec4 a, vec4 b, float sum)
{
    return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    // Workgroups of one chunk follow each other: its voxels are in the cache when the next pairs want them.
    int first_pair = int(gl_WorkGroupID.x) * PAIRS;
    int chunk = int(gl_WorkGroupID.y);
    chunk_range r = chunk_of(p.chunk, chunk);
    int share = (r.end - r.begin + LANES - 1) / LANES * NEAR;
    int first = r.begin + lane / NEAR * share;
    int end = min(first + share, r.end);
    int step_planes = NEAR / p.chunk.area;
    int step_rest = NEAR - step_planes * p.chunk.area;
    walker w = walk_from(first + lane % NEAR, p.chunk.area, p.chunk.plane);
    vec4 query[PAIRS * GROUPS];
    vec4 sum[PAIRS * GROUPS];
    float most[PAIRS];
    float total[PAIRS];
    [[unroll]] for (int i = 0; i < PAIRS * GROUPS; i++) {
        query[i] = queries[p.queries + first_pair * GROUPS + i];
        sum[i] = vec4(0.0);
    }
    [[unroll]] for (int j = 0; j < PAIRS; j++) {
        most[j] = -1e30;
        total[j] = 0.0;
    }
    for (int done = 0; done < share; done += BATCH * NEAR) {
        vec4 x[BATCH * GROUPS];
        bool here[BATCH];
        [[unroll]] for (int b = 0; b < BATCH; b++) {
            here[b] = w.voxel < end;
            int at = r.origin + (here[b] ? w.at : 0);
            [[unroll]] for (int g = 0; g < GROUPS; g++) {
                x[b * GROUPS + g] = LOAD(at + g * p.chunk.area);
            }
            walk(w, NEAR, step_planes, step_rest, p.chunk.area, p.chunk.plane);
        }
        [[unroll]] for (int j = 0; j < PAIRS; j++) {
            float score[BATCH];
            float more = most[j];
            [[unroll]] for (int b = 0; b < BATCH; b++) {
                score[b] = 0.0;
                [[unroll]] for (int g = 0; g < GROUPS; g++) {
                    score[b] = dot_on(query[j * GROUPS + g], x[b * GROUPS + g], score[b]);
                }
                score[b] = here[b] ? score[b] : -1e30;
                more = max(more, score[b]);
            }
            float old = exp(most[j] - more);
            most[j] = more;
            total[j] *= old;
            [[unroll]] for (int b = 0; b < BATCH; b++) {
                score[b] = here[b] ? exp(score[b] - more) : 0.0;
                total[j] += score[b];
            }
            [[unroll]] for (int g = 0; g < GROUPS; g++) {
                vec4 s = sum[j * GROUPS + g] * old;
                [[unroll]] for (int b = 0; b < BATCH; b++) {
                    s = fma(vec4(score[b]), x[b * GROUPS + g], s);
                }
                sum[j * GROUPS + g] = s;
            }
        }
    }
    int partial = (p.chunk.first + chunk) * LANES + lane;
    [[unroll]] for (int j = 0; j < PAIRS; j++) {
        int to = (first_pair + j) * (GROUPS + 1) * p.partials + partial;
        partials[to] = vec4(most[j], total[j], 0.0, 0.0);
        [[unroll]] for (int g = 0; g < GROUPS; g++) {
            partials[to + (g + 1) * p.partials] = sum[j * GROUPS + g];
        }
    }
}
