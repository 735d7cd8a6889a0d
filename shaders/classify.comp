// Logits to labels, of which the lowest wins a tie, and where they are wanted the logits or their softmax. Planar on both sides.
// variant: classify
// variant: classify_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/classify.h"
#include "common/exp.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int WEIGHTED = 0;
layout(constant_id = 1) const int VOLUMES = CTVK_CLASSIFY_LABELS;
layout(push_constant) uniform push_block
{
    ctvk_classify_params p;
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
layout(std430, set = 0, binding = 1) writeonly buffer label_block
{
    uint labels[]; // of four voxels, the first in the lowest byte
};
layout(std430, set = 0, binding = 2) writeonly buffer volume_block
{
    vec4 volumes[];
};
layout(std430, set = 0, binding = 3) buffer found_block
{
    uint not_finite;
};

#define LOGIT(k) (WEIGHTED != 0 ? LOAD(from + (k) * p.area) / weight : LOAD(from + (k) * p.area))

void main()
{
    int lane = p.first + int(gl_GlobalInvocationID.x);
    if (lane >= p.last) {
        return;
    }
    int plane = lane / p.area;
    int rest = lane - plane * p.area;
    int from = p.from + plane * (p.classes + (WEIGHTED != 0 ? 1 : 0)) * p.area + rest;
    vec4 weight = WEIGHTED != 0 ? LOAD(from + p.classes * p.area) : vec4(1.0);
    vec4 most = LOGIT(0);
    uvec4 label = uvec4(0u);
    uvec4 exponent = floatBitsToUint(most) & 0x7f800000u; // the largest: infinity and NaN have all of its bits
    for (int k = 1; k < p.classes; k++) {
        vec4 logit = LOGIT(k);
        bvec4 more = greaterThan(logit, most);
        label = mix(label, uvec4(k), more);
        most = mix(most, logit, more);
        exponent = max(exponent, floatBitsToUint(logit) & 0x7f800000u);
    }
    labels[p.to_labels + lane] = label.x | label.y << 8 | label.z << 16 | label.w << 24;
    if (WEIGHTED == 0 && any(equal(exponent, uvec4(0x7f800000u)))) {
        atomicOr(not_finite, 1u);
    }
    if (VOLUMES == CTVK_CLASSIFY_LABELS) {
        return;
    }
    vec4 total = vec4(0.0);
    for (int k = 0; VOLUMES == CTVK_CLASSIFY_PROBABILITIES && k < p.classes; k++) {
        total += exp_each(LOGIT(k) - most);
    }
    int to = p.to_volumes + plane * p.classes * p.area + rest;
    for (int k = 0; k < p.classes; k++) {
        vec4 logit = LOGIT(k);
        volumes[to + k * p.area] = VOLUMES == CTVK_CLASSIFY_PROBABILITIES ? exp_each(logit - most) / total : logit;
    }
}
