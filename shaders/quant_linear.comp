// Product of token rows with a packed weight matrix: a workgroup takes 64 outputs of 32 rows and decodes each weight once; 4 x 4 sums a
// lane. Shared tiles hold four weights (or inputs) along the width in a vec4, neighbouring outputs (rows) side by side.
// variant: quant_linear_f32 -DTYPE=CTVK_QUANT_F32
// variant: quant_linear_f16 -DTYPE=CTVK_QUANT_F16
// variant: quant_linear_bf16 -DTYPE=CTVK_QUANT_BF16
// variant: quant_linear_q4_0 -DTYPE=CTVK_QUANT_Q4_0
// variant: quant_linear_q4_1 -DTYPE=CTVK_QUANT_Q4_1
// variant: quant_linear_q5_0 -DTYPE=CTVK_QUANT_Q5_0
// variant: quant_linear_q5_1 -DTYPE=CTVK_QUANT_Q5_1
// variant: quant_linear_q8_0 -DTYPE=CTVK_QUANT_Q8_0
// variant: quant_linear_q4_k -DTYPE=CTVK_QUANT_Q4_K
// variant: quant_linear_q5_k -DTYPE=CTVK_QUANT_Q5_K
// variant: quant_linear_q6_k -DTYPE=CTVK_QUANT_Q6_K
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/quant_linear.h"

#define OUTS 64
#define ROWS 32
#define FOURS 8 // vec4 of a part of 32 weights
layout(local_size_x = 128) in;
layout(push_constant) uniform push_block
{
    ctvk_quant_linear_params p;
};
layout(std430, set = 0, binding = 0) readonly buffer weight_block
{
    uint weight_words[];
};
layout(std430, set = 0, binding = 1) readonly buffer source_block
{
    vec4 source[];
};
layout(std430, set = 0, binding = 2) buffer target_block
{
    float target[];
};
#define QUANT_WORD(i) weight_words[i]
#define QUANT_WORDS(i) uvec4(weight_words[i], weight_words[(i) + 1], weight_words[(i) + 2], weight_words[(i) + 3])
#include "common/quant.glsl"

shared vec4 weight_tile[FOURS * OUTS];
shared vec4 source_tile[FOURS * ROWS];

// Half a part of one output's weights.
void load_weights(int lane, int first_out, int part)
{
    int row = p.weights + min(first_out + lane % OUTS, p.outs - 1) * p.row_bytes;
    int half_part = lane / OUTS, to = half_part * (FOURS / 2 * OUTS) + lane % OUTS;
    quant_part q = quant_part_at(row, part, p.width);
#ifdef FLOATS
    for (int j = 0; j < FOURS / 2; j++) {
        weight_tile[to + j * OUTS] = quant_four(q, half_part * (FOURS / 2) + j);
    }
#else
    uvec4 numbers = quant_sixteen(q, half_part);
    weight_tile[to] = quant_weights(q, half_part, numbers.x);
    weight_tile[to + OUTS] = quant_weights(q, half_part, numbers.y);
    weight_tile[to + 2 * OUTS] = quant_weights(q, half_part, numbers.z);
    weight_tile[to + 3 * OUTS] = quant_weights(q, half_part, numbers.w);
#endif
}

void load_source(int lane, int first_row, int part)
{
    int four = part * FOURS + lane % FOURS;
    for (int row = lane / FOURS; row < ROWS; row += 128 / FOURS) {
        int from = p.from + min(first_row + row, p.rows - 1) * p.in_stride;
        // What lies behind a row's end may be NaN.
        source_tile[lane % FOURS * ROWS + row] = 4 * four < p.width ? source[from + four] : vec4(0.0);
    }
}

float add_product(vec4 a, vec4 b, float sum)
{
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

void store(int o, int row, float sum)
{
    if (o < p.outs && row < p.rows) {
        int to = p.to + row * p.out_stride + o;
        target[to] = p.accumulate != 0 ? target[to] + sum : sum;
    }
}

// Lane (o, r) has outputs o, o + 16, o + 32, o + 48 and rows r, r + 8, r + 16, r + 24.
void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int first_out = int(gl_WorkGroupID.x) * OUTS;
    int first_row = int(gl_WorkGroupID.y) * ROWS;
    int o = lane % 16, r = lane / 16;
    vec4 sums0 = vec4(0.0), sums1 = vec4(0.0), sums2 = vec4(0.0), sums3 = vec4(0.0);
    for (int part = 0; part * 32 < p.width; part++) {
        barrier();
        load_weights(lane, first_out, part);
        load_source(lane, first_row, part);
        barrier();
        for (int j = 0; j < FOURS; j++) {
            vec4 w0 = weight_tile[j * OUTS + o], w1 = weight_tile[j * OUTS + o + 16];
            vec4 w2 = weight_tile[j * OUTS + o + 32], w3 = weight_tile[j * OUTS + o + 48];
#define ADD_ROW(i, sums)                              \
    {                                                 \
        vec4 x = source_tile[j * ROWS + r + 8 * (i)]; \
        sums.x = add_product(w0, x, sums.x);          \
        sums.y = add_product(w1, x, sums.y);          \
        sums.z = add_product(w2, x, sums.z);          \
        sums.w = add_product(w3, x, sums.w);          \
    }
            ADD_ROW(0, sums0) ADD_ROW(1, sums1) ADD_ROW(2, sums2) ADD_ROW(3, sums3)
        }
    }
    for (int i = 0; i < 4; i++) {
        vec4 sums = i == 0 ? sums0 : i == 1 ? sums1 : i == 2 ? sums2 : sums3;
        store(first_out + o, first_row + r + 8 * i, sums.x);
        store(first_out + o + 16, first_row + r + 8 * i, sums.y);
        store(first_out + o + 32, first_row + r + 8 * i, sums.z);
        store(first_out + o + 48, first_row + r + 8 * i, sums.w);
    }
}
