// Image-to-token attention, residual and layer norm of one voxel a lane, in place: 8 * (P - 1) dot products, a softmax in each head, a
// weighted sum of folded vectors. Layout of the folded block: params/image_to_token.h.
// Plain: any number of channels, voxel read again where it is needed. _held: few channels, the voxel stays in registers, folded block in
// a uniform block. _address: the same with the folded block by device address, input through a texel buffer (software drivers).
// variant: image_to_token
// variant: image_to_token_held -DHELD
// variant: image_to_token_address -DHELD -DADDRESS -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef ADDRESS
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#endif
#include "params/image_to_token.h"

#define HEADS 8
layout(local_size_x = 64) in;
layout(constant_id = 0) const int ROWS = 1; // P - 1
layout(constant_id = 1) const int GROUPS = 4; // channels / 4, where the voxel is held
const int PAIRS = HEADS * ROWS;
layout(push_constant) uniform push_block
{
    ctvk_image_to_token_params p;
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
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

#if defined(ADDRESS)
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer folded_block
{
    vec4 f[];
};
#define FOLDED(i) folded.f[i]
#elif defined(HELD)
const int FOLDED_COUNT = (2 * PAIRS + 3) * GROUPS + (PAIRS + 3) / 4;
layout(std140, set = 0, binding = 2) uniform folded_block
{
    vec4 f[FOLDED_COUNT];
}
folded;
#define FOLDED(i) folded.f[i]
#else
layout(std430, set = 0, binding = 2) readonly buffer folded_block
{
    vec4 f[];
}
folded;
#define FOLDED(i) folded.f[i]
#endif

#ifdef HELD
#define COUNT GROUPS
#define UNROLL [[unroll]]
#else
#define COUNT p.groups
#define UNROLL
#endif
#define AT_SCORE(j, g) FOLDED((j) * COUNT + (g))
#define AT_VALUE(j, g) FOLDED((PAIRS + (j)) * COUNT + (g))
#define AT_BASE(g) FOLDED(2 * PAIRS * COUNT + (g))
#define AT_GAMMA(g) FOLDED((2 * PAIRS + 1) * COUNT + (g))
#define AT_BETA(g) FOLDED((2 * PAIRS + 2) * COUNT + (g))
#define AT_CONSTANT(j) FOLDED((2 * PAIRS + 3) * COUNT + (j) / 4)[(j) % 4]

float dot_on(vec4 a, vec4 b, float sum)
{
    return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    // Lanes beyond the end repeat the last voxel and store nothing.
    int voxel = min(lane, p.voxels - 1);
    bool here = lane < p.voxels;
    int x = voxel / p.area;
    int place = x * p.plane + voxel - x * p.area;
    int from = p.from + place;
    int to = p.to + place;
#ifdef ADDRESS
    folded_block folded = folded_block(uvec2(uint(p.address_low), uint(p.address_high)));
#endif

    float weight[PAIRS + 1]; // never empty, even for one token
    UNROLL for (int j = 0; j < PAIRS; j++) {
        weight[j] = AT_CONSTANT(j);
    }
#ifdef HELD
    vec4 v[GROUPS];
#endif
    UNROLL for (int g = 0; g < COUNT; g++) {
        vec4 value = LOAD(from + g * p.area);
#ifdef HELD
        v[g] = value;
#endif
        UNROLL for (int j = 0; j < PAIRS; j++) {
            weight[j] = dot_on(AT_SCORE(j, g), value, weight[j]);
        }
    }

    // Softmax of each head; the last token's score is 0.
    UNROLL for (int h = 0; h < HEADS; h++) {
        float most = 0.0;
        UNROLL for (int i = 0; i < ROWS; i++) {
            most = max(most, weight[h * ROWS + i]);
        }
        float total = exp(-most);
        UNROLL for (int i = 0; i < ROWS; i++) {
            float e = exp(weight[h * ROWS + i] - most);
            weight[h * ROWS + i] = e;
            total += e;
        }
        UNROLL for (int i = 0; i < ROWS; i++) {
            weight[h * ROWS + i] /= total;
        }
    }

    float channels = float(4 * COUNT);
#ifdef HELD
    vec4 sum = vec4(0.0);
    UNROLL for (int g = 0; g < COUNT; g++) {
        v[g] += AT_BASE(g);
        UNROLL for (int j = 0; j < PAIRS; j++) {
            v[g] = fma(vec4(weight[j]), AT_VALUE(j, g), v[g]);
        }
        sum += v[g];
    }
    float mean = ((sum.x + sum.y) + (sum.z + sum.w)) / channels;
    sum = vec4(0.0);
    UNROLL for (int g = 0; g < COUNT; g++) {
        v[g] -= mean;
        sum = fma(v[g], v[g], sum);
    }
    float scale = 1.0 / sqrt(((sum.x + sum.y) + (sum.z + sum.w)) / channels + 1e-5);
    UNROLL for (int g = 0; g < COUNT; g++) {
        v[g] = fma(v[g] * scale, AT_GAMMA(g), AT_BETA(g));
    }
    if (here) {
        UNROLL for (int g = 0; g < COUNT; g++) {
            target[to + g * p.area] = v[g];
        }
    }
#else
    // Mean and M2 of the channels, four at a time (Chan's formula); the sums wait in the target for the norm.
    float mean = 0.0;
    float m2 = 0.0;
    for (int g = 0; g < COUNT; g++) {
        vec4 v = LOAD(from + g * p.area) + AT_BASE(g);
        for (int j = 0; j < PAIRS; j++) {
            v = fma(vec4(weight[j]), AT_VALUE(j, g), v);
        }
        if (here) {
            target[to + g * p.area] = v;
        }
        float four = 0.25 * ((v.x + v.y) + (v.z + v.w));
        vec4 d = v - four;
        float delta = four - mean;
        float share = 1.0 / float(g + 1);
        m2 += dot(d, d) + delta * delta * (4.0 * float(g) * share);
        mean += delta * share;
    }
    float scale = 1.0 / sqrt(m2 / channels + 1e-5);
    if (here) {
        for (int g = 0; g < COUNT; g++) {
            int i = to + g * p.area;
            target[i] = fma((target[i] - mean) * scale, AT_GAMMA(g), AT_BETA(g));
        }
    }
#endif
}
