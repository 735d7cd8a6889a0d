// Winograd input transform: a lane turns the 6 x 6 patch of one tile, four channels, into 36 transform points. _norm: what is read is
// normalised and activated first, with the numbers that instance_norm_apply would leave; the zeros around the tensor are zeros of those.
// _half: of a source in 16 bits a number.
// variant: conv3d_winograd_in
// variant: conv3d_winograd_in_norm -DNORM
// variant: conv3d_winograd_in_half -DHALF
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#include "common/activation.glsl"
#include "common/conv_winograd.glsl"
#include "common/norm.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_winograd_params p;
};
layout(set = 0, binding = 0) uniform TEXELS source;
layout(std430, set = 0, binding = 1) writeonly buffer scratch_block
{
    vec4 scratch[];
};
#if defined(NORM) || defined(HALF)
layout(std430, set = 0, binding = 2) readonly buffer stats_block
{
    vec4 stats[];
};
#endif
#if defined(NORM)
#define READ(i) normalised(texelFetch(source, i), mean, scale)
#elif defined(HALF)
#define READ(i) restored(WIDE_TEXEL(texelFetch(source, i)), mean, scale)
#else
#define READ(i) texelFetch(source, i)
#endif

// Coordinates are clamped to the tensor; what lies outside is replaced by zero.
#define COLUMN(j)                                        \
    int az##j = z + j;                                   \
    bool vz##j = az##j >= 0 && az##j < p.z;              \
    az##j = clamp(az##j, 0, p.z - 1);
#define FETCH(j) (vrow && vz##j ? READ(at + az##j) : vec4(0.0))
#define LINE(i)                                                                                                             \
    {                                                                                                                       \
        int row = y + i;                                                                                                    \
        bool vrow = inside && row >= 0 && row < p.y;                                                                        \
        int at = plane + clamp(row, 0, p.y - 1) * p.z;                                                                      \
        vec4 d0 = FETCH(0), d1 = FETCH(1), d2 = FETCH(2), d3 = FETCH(3), d4 = FETCH(4), d5 = FETCH(5);                      \
        WINOGRAD_IN(d0, d1, d2, d3, d4, d5, r[i * 6], r[i * 6 + 1], r[i * 6 + 2], r[i * 6 + 3], r[i * 6 + 4], r[i * 6 + 5]) \
    }
#define DOWN(j)                                                                                                      \
    WINOGRAD_IN(r[j], r[6 + j], r[12 + j], r[18 + j], r[24 + j], r[30 + j], r[j], r[6 + j], r[12 + j], r[18 + j], r[24 + j], r[30 + j])
#define SAVE(k) scratch[to + (k) * p.scratch_point] = r[k];
#define SAVE_LINE(i) SAVE(i * 6) SAVE(i * 6 + 1) SAVE(i * 6 + 2) SAVE(i * 6 + 3) SAVE(i * 6 + 4) SAVE(i * 6 + 5)

void main()
{
    int lane = min(int(gl_GlobalInvocationID.x), p.lanes - 1);
    int line = lane / p.tiles;
    int tile = lane - line * p.tiles;
    int group = line / p.planes;
    int x = line - group * p.planes + p.first;
    int tile_y = tile / p.tiles_z;
    int y = (tile_y + p.row) * 4 - 1;
    int z = (tile - tile_y * p.tiles_z) * 4 - 1;
    bool inside = x >= 0 && x < p.x;
    int plane = p.base + (clamp(x, p.bound_first, p.bound_last) - p.bound_first) * p.plane + group * p.y * p.z;
#if defined(NORM) || defined(HALF)
    vec4 mean = stats[p.norm + 2 * group];
    vec4 scale = stats[p.norm + 2 * group + 1];
#endif
    vec4 r[36];
    COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3) COLUMN(4) COLUMN(5)
    LINE(0) LINE(1) LINE(2) LINE(3) LINE(4) LINE(5)
    DOWN(0) DOWN(1) DOWN(2) DOWN(3) DOWN(4) DOWN(5)
    int to = p.scratch + lane;
    if (int(gl_GlobalInvocationID.x) < p.lanes) {
        SAVE_LINE(0) SAVE_LINE(1) SAVE_LINE(2) SAVE_LINE(3) SAVE_LINE(4) SAVE_LINE(5)
    }
}
