// Folds token rows into the projection of the other side of an attention: q . (W x + b) = (W^T q) . x + q . b, for each head.
// One lane computes one column of one folded vector.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/tokens.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_fold_params p;
};
layout(std430, set = 0, binding = 0) buffer token_block
{
    float tokens[];
};
layout(std430, set = 0, binding = 1) readonly buffer weight_block
{
    float weights[];
};

void main()
{
    int lane = int(gl_GlobalInvocationID.x);
    int pair = lane / (p.columns + 1);
    int column = lane - pair * (p.columns + 1);
    if (pair >= p.width / p.head * p.rows) {
        return;
    }
    int head = pair / p.rows;
    int row = pair - head * p.rows;
    float sum = 0.0;
    for (int d = 0; d < p.head; d++) {
        int i = head * p.head + d;
        float v = tokens[p.from + row * p.in_stride + i];
        if (p.subtract >= 0) {
            v -= tokens[p.subtract + i];
        }
        sum = fma(weights[column < p.columns ? i * p.columns + column : p.width * p.columns + i], v, sum);
    }
    int to = column < p.columns ? p.to + pair * p.columns + column : p.constants + pair;
    tokens[to] = sum * p.scale;
}
