// Partial softmax over the voxels of one chunk for some pairs, and the weighted sum of the voxels; X is read from memory once, its
// second use hits the cache. A workgroup takes tiles of 64 voxels: all lanes compute scores, then each lane owns sums of its own, so
// that no sum has to be brought together across lanes, whatever the number of channels.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/token_to_image.h"
#include "common/chunk.glsl"

#define LANES 256
#define TILE 64
#define SUBSETS (LANES / TILE)
layout(local_size_x = LANES) in;
layout(constant_id = 0) const int PAIRS = 4; // of a workgroup, a multiple of 4
layout(constant_id = 1) const int OWN = 1;   // sums of a lane: at least PAIRS * groups / LANES
layout(push_constant) uniform push_block
{
    ctvk_token_to_image_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
layout(std430, set = 0, binding = 1) readonly buffer query_block
{
    vec4 queries[];
};
layout(std430, set = 0, binding = 2) writeonly buffer partial_block
{
    vec4 partials[];
};
shared float weight[PAIRS * TILE];
shared int place[TILE];
shared float most[PAIRS];  // largest score so far
shared float scale[PAIRS]; // of the sums so far, when the largest score has changed
shared float total[PAIRS];

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int voxel = lane % TILE;
    int subset = lane / TILE;
    int first_pair = int(gl_WorkGroupID.y) * PAIRS;
    int sums = PAIRS * p.groups;
    chunk_range r = chunk_of(p.chunk, int(gl_WorkGroupID.x));
    vec4 own[OWN];
    for (int k = 0; k < OWN; k++) {
        own[k] = vec4(0.0);
    }
    if (lane < PAIRS) {
        most[lane] = -1e30;
        total[lane] = 0.0;
    }
    for (int begin = r.begin; begin < r.end; begin += TILE) {
        int count = min(TILE, r.end - begin);
        // Lanes beyond the end repeat the last voxel; its repeated scores are not used.
        int at = r.origin + walk_from(begin + min(voxel, count - 1), p.chunk.area, p.chunk.plane).at;
        if (subset == 0) {
            place[voxel] = at;
        }
        for (int j = subset; j < PAIRS; j += SUBSETS) {
            float score = 0.0;
            int query = p.queries + (first_pair + j) * p.groups;
            for (int g = 0; g < p.groups; g++) {
                score += dot(queries[query + g], source[at + g * p.chunk.area]);
            }
            weight[j * TILE + voxel] = score;
        }
        barrier();
        if (lane < PAIRS) {
            float more = most[lane];
            for (int v = 0; v < count; v++) {
                more = max(more, weight[lane * TILE + v]);
            }
            scale[lane] = exp(most[lane] - more);
            most[lane] = more;
        }
        barrier();
        for (int j = subset; j < PAIRS; j += SUBSETS) {
            weight[j * TILE + voxel] = exp(weight[j * TILE + voxel] - most[j]);
        }
        barrier();
        if (lane < PAIRS) {
            float sum = total[lane] * scale[lane];
            for (int v = 0; v < count; v++) {
                sum += weight[lane * TILE + v];
            }
            total[lane] = sum;
        }
        for (int k = 0; k < OWN; k++) {
            int i = min(k * LANES + lane, sums - 1);
            int j = i / p.groups;
            int group = (i - j * p.groups) * p.chunk.area;
            vec4 sum = own[k] * scale[j];
            for (int v = 0; v < count; v++) {
                sum = fma(vec4(weight[j * TILE + v]), source[place[v] + group], sum);
            }
            own[k] = sum;
        }
        barrier();
    }
    int partial = p.chunk.first + int(gl_WorkGroupID.x);
    if (lane < PAIRS) {
        partials[(first_pair + lane) * (p.groups + 1) * p.partials + partial] = vec4(most[lane], total[lane], 0.0, 0.0);
    }
    for (int k = 0; k < OWN; k++) {
        int i = k * LANES + lane;
        if (i < sums) {
            int j = i / p.groups;
            int g = i - j * p.groups;
            partials[((first_pair + j) * (p.groups + 1) + 1 + g) * p.partials + partial] = own[k];
        }
    }
}
