// Copies some planes of a tensor with a border of zeros into scratch, [unit][plane][row][column] vec4, so that the taps of a convolution are
// additions to a place and never leave it. x of the grid runs over a padded plane, y over planes, z over channel groups.
// _half: of a source in 16 bits a number.
// variant: conv3d_pad
// variant: conv3d_pad_half -DHALF
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#include "common/activation.glsl"

layout(local_size_x = 16) in;
layout(push_constant) uniform push_block
{
    ctvk_conv3d_pad_params p;
};
layout(set = 0, binding = 0) uniform TEXELS source;
layout(std430, set = 0, binding = 1) writeonly buffer scratch_block
{
    vec4 scratch[];
};
#ifdef HALF
layout(std430, set = 0, binding = 2) readonly buffer stats_block
{
    vec4 stats[];
};
#endif

void main()
{
    int lane = int(gl_GlobalInvocationID.x), plane = int(gl_WorkGroupID.y), unit = int(gl_WorkGroupID.z);
    int row = lane / p.columns;
    int x = p.first + plane, y = row - 1, z = lane - row * p.columns - 1;
    bool inside = x >= 0 && x < p.x && y >= 0 && y < p.y && z >= 0 && z < p.z;
    int from = p.base + (clamp(x, p.bound_first, p.bound_last) - p.bound_first) * p.plane + (unit * p.y + clamp(y, 0, p.y - 1)) * p.z +
               clamp(z, 0, p.z - 1);
    vec4 v = WIDE_TEXEL(texelFetch(source, from));
#ifdef HALF
    v = restored(v, stats[2 * unit], stats[2 * unit + 1]);
#endif
    if (row < p.rows) {
        scratch[p.to + (unit * int(gl_NumWorkGroups.y) + plane) * p.rows * p.columns + lane] = inside ? v : vec4(0.0);
    }
}
