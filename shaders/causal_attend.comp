// Causal attention with grouped queries: softmax(q k / sqrt(d)) v over the keys up to the query's own position, 64 keys at a time with a
// running maximum. A lane scores one key; then it sums one vec4 of the head over its share of the keys.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/causal_attend.h"
#include "common/exp.glsl"

#define LANES 64
layout(local_size_x = LANES) in;
layout(push_constant) uniform push_block
{
    ctvk_causal_attend_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer q_block
{
    vec4 q[];
};
layout(std430, set = 0, binding = 1) readonly buffer k_block
{
    vec4 k[];
};
layout(std430, set = 0, binding = 2) readonly buffer v_block
{
    vec4 v[];
};
layout(std430, set = 0, binding = 3) writeonly buffer out_block
{
    vec4 mixed[];
};
shared vec4 query[LANES];
shared vec4 means[LANES];
shared float scores[LANES];
shared float parts[LANES];

float largest_of_lanes(float score, int lane)
{
    parts[lane] = score;
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            parts[lane] = max(parts[lane], parts[lane + half_lanes]);
        }
        barrier();
    }
    return parts[0];
}

float sum_of_lanes(float value, int lane)
{
    barrier(); // what was here before is read by all
    parts[lane] = value;
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            parts[lane] += parts[lane + half_lanes];
        }
        barrier();
    }
    return parts[0];
}

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int row = int(gl_WorkGroupID.x);
    int head = int(gl_WorkGroupID.y);
    int sequence = row / p.q_tokens;
    int keys = p.tokens - p.q_tokens + row - sequence * p.q_tokens + 1; // this one and those before it
    int stride = p.k_heads * p.head;
    int first = sequence * p.tokens * stride + head / p.sharers * p.head;
    int place = (row * p.heads + head) * p.head;
    int slices = LANES / p.head;
    int slice = lane / p.head; // those from `slices` on have no part in the mean
    int channel = lane - slice * p.head;
    if (lane < p.head) {
        query[lane] = q[place + lane] * p.scale;
    }
    barrier();

    float most = -3e38;
    float sum = 0.0; // of this lane's keys
    vec4 mean = vec4(0.0);
    for (int base = 0; base < keys; base += LANES) {
        int count = min(keys - base, LANES);
        float score = -3e38;
        if (lane < count) {
            vec4 products = vec4(0.0);
            for (int i = 0; i < p.head; i++) {
                products = fma(query[i], k[first + (base + lane) * stride + i], products);
            }
            score = (products.x + products.y) + (products.z + products.w);
        }
        float more = max(most, largest_of_lanes(score, lane));
        float old = exp_down(most - more);
        float weight = lane < count ? exp_down(score - more) : 0.0;
        scores[lane] = weight;
        barrier();
        sum = fma(sum, old, weight);
        mean *= old;
        if (slice < slices) {
            for (int i = slice; i < count; i += slices) {
                mean = fma(vec4(scores[i]), v[first + (base + i) * stride + channel], mean);
            }
        }
        most = more;
        barrier(); // all weights and the largest score are read
    }
    float total = sum_of_lanes(sum, lane);
    means[lane] = mean;
    barrier();
    if (lane < p.head) {
        for (int i = 1; i < slices; i++) {
            mean += means[lane + i * p.head];
        }
        mixed[place + lane] = mean / total;
    }
}
