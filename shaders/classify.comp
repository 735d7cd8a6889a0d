// Sums to blended logits, their softmax and the label: the lowest class wins a tie.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/classify.h"
#include "common/exp.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_classify_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer sum_block
{
    float sums[];
};
layout(std430, set = 0, binding = 1) writeonly buffer out_block
{
    uint result[]; // floats by their bits
};

void main()
{
    int voxel = p.first + int(gl_GlobalInvocationID.x);
    if (voxel >= p.last) {
        return;
    }
    float weight = sums[p.classes * p.voxels + voxel];
    float most = sums[voxel] / weight;
    int label = 0;
    for (int k = 1; k < p.classes; k++) {
        float logit = sums[k * p.voxels + voxel] / weight;
        if (logit > most) {
            most = logit;
            label = k;
        }
    }
    float total = 0.0;
    for (int k = 0; k < p.classes; k++) {
        total += exp_down(sums[k * p.voxels + voxel] / weight - most);
    }
    for (int k = 0; k < p.classes; k++) {
        float logit = sums[k * p.voxels + voxel] / weight;
        float value = p.logits != 0 ? logit : exp_down(logit - most) / total;
        result[k * p.voxels + voxel] = floatBitsToUint(value);
    }
    result[p.classes * p.voxels + voxel] = uint(label);
}
