// Winograd output transform: a lane turns the 36 transform points of one tile, four channels, into 4 x 4 outputs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#include "common/conv_winograd.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_winograd_params p;
};
layout(set = 0, binding = 0) uniform samplerBuffer scratch;
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    vec4 target[];
};

#define FETCH(k) texelFetch(scratch, from + (k) * p.scratch_point)
#define LINE(i)                                                                                                                   \
    {                                                                                                                             \
        vec4 m0 = FETCH(i * 6), m1 = FETCH(i * 6 + 1), m2 = FETCH(i * 6 + 2), m3 = FETCH(i * 6 + 3), m4 = FETCH(i * 6 + 4),       \
             m5 = FETCH(i * 6 + 5);                                                                                               \
        WINOGRAD_OUT(m0, m1, m2, m3, m4, m5, r[i * 4], r[i * 4 + 1], r[i * 4 + 2], r[i * 4 + 3])                                  \
    }
#define DOWN(j)                                                                                                                    \
    WINOGRAD_OUT(r[j], r[4 + j], r[8 + j], r[12 + j], r[16 + j], r[20 + j], s[j], s[4 + j], s[8 + j], s[12 + j])
#define SAVE(i, j)                                     \
    if (y + i < p.y && z + j < p.z) {                  \
        target[to + i * p.z + j] = s[i * 4 + j];       \
    }
#define SAVE_LINE(i) SAVE(i, 0) SAVE(i, 1) SAVE(i, 2) SAVE(i, 3)

void main()
{
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int line = lane / p.tiles;
    int tile = lane - line * p.tiles;
    int group = line / p.planes;
    int x = line - group * p.planes + p.first;
    int tile_y = tile / p.tiles_z;
    int y = (tile_y + p.row) * 4;
    int z = (tile - tile_y * p.tiles_z) * 4;
    int from = p.scratch + lane;
    int to = p.base + (x - p.bound_first) * p.plane + (group * p.y + y) * p.z + z;
    vec4 r[24], s[16];
    LINE(0) LINE(1) LINE(2) LINE(3) LINE(4) LINE(5)
    DOWN(0) DOWN(1) DOWN(2) DOWN(3)
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
        SAVE_LINE(0) SAVE_LINE(1) SAVE_LINE(2) SAVE_LINE(3)
    }
}
