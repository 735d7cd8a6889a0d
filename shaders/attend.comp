// Attention among a few tokens: a lane computes one channel of one output row, and for it the scores of its head.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/tokens.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_attend_params p;
};
layout(std430, set = 0, binding = 0) buffer token_block
{
    float tokens[];
};

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    if (lane >= p.rows * p.width) {
        return;
    }
    int row = lane / p.width;
    int channel = lane - row * p.width;
    int head = channel / p.head * p.head;
    float most = -1e30;
    float sum = 0.0;
    float mean = 0.0;
    for (int other = 0; other < p.rows; other++) {
        float score = 0.0;
        for (int d = 0; d < p.head; d++) {
            score = fma(tokens[p.q + row * p.stride + head + d], tokens[p.k + other * p.stride + head + d], score);
        }
        score *= p.scale;
        float more = max(most, score);
        float old = exp(most - more);
        float weight = exp(score - more);
        sum = fma(sum, old, weight);
        mean = fma(mean, old, weight * tokens[p.v + other * p.stride + channel]);
        most = more;
    }
    tokens[p.to + lane] = mean / sum;
}
