// Logits of a window times its weight, and the weight itself as the last channel. Planar on both sides.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/blend.h"
#include "common/exp.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_blend_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    float source[];
};
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    float target[];
};

void main()
{
    int voxel = int(gl_GlobalInvocationID.x);
    if (voxel >= p.voxels) {
        return;
    }
    int area = p.size_y * p.size_z;
    int x = voxel / area;
    int rest = voxel - x * area;
    int y = rest / p.size_z;
    float dx = float(p.first_x + x) - p.centre_x;
    float dy = float(y) - p.centre_y;
    float dz = float(rest - y * p.size_z) - p.centre_z;
    float weight = max(exp_down(fma(dx * dx, p.rate_x, fma(dy * dy, p.rate_y, dz * dz * p.rate_z))), p.least);
    int from = p.from + x * p.classes * area + rest;
    int to = p.to + x * (p.classes + 1) * area + rest;
    for (int k = 0; k < p.classes; k++) {
        target[to + k * area] = weight * source[from + k * area];
    }
    target[to + p.classes * area] = weight;
}
