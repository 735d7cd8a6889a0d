// Packed weights of any type to the one form that the straight-line product reads, [part of 32 weights][vec4][output]: three vec4 a part,
// two of 32 unsigned bytes and one of two scales and two shifts (common/quant.glsl); types of plain floats eight vec4 of floats. A part
// behind the width gives zeros.
// variant: quant_linear_decode_f32 -DTYPE=CTVK_QUANT_F32
// variant: quant_linear_decode_f16 -DTYPE=CTVK_QUANT_F16
// variant: quant_linear_decode_bf16 -DTYPE=CTVK_QUANT_BF16
// variant: quant_linear_decode_q4_0 -DTYPE=CTVK_QUANT_Q4_0
// variant: quant_linear_decode_q4_1 -DTYPE=CTVK_QUANT_Q4_1
// variant: quant_linear_decode_q5_0 -DTYPE=CTVK_QUANT_Q5_0
// variant: quant_linear_decode_q5_1 -DTYPE=CTVK_QUANT_Q5_1
// variant: quant_linear_decode_q8_0 -DTYPE=CTVK_QUANT_Q8_0
// variant: quant_linear_decode_q4_k -DTYPE=CTVK_QUANT_Q4_K
// variant: quant_linear_decode_q5_k -DTYPE=CTVK_QUANT_Q5_K
// variant: quant_linear_decode_q6_k -DTYPE=CTVK_QUANT_Q6_K
// variant: quant_linear_decode_f32_texel -DTYPE=CTVK_QUANT_F32 -DTEXEL
// variant: quant_linear_decode_f16_texel -DTYPE=CTVK_QUANT_F16 -DTEXEL
// variant: quant_linear_decode_bf16_texel -DTYPE=CTVK_QUANT_BF16 -DTEXEL
// variant: quant_linear_decode_q4_0_texel -DTYPE=CTVK_QUANT_Q4_0 -DTEXEL
// variant: quant_linear_decode_q4_1_texel -DTYPE=CTVK_QUANT_Q4_1 -DTEXEL
// variant: quant_linear_decode_q5_0_texel -DTYPE=CTVK_QUANT_Q5_0 -DTEXEL
// variant: quant_linear_decode_q5_1_texel -DTYPE=CTVK_QUANT_Q5_1 -DTEXEL
// variant: quant_linear_decode_q8_0_texel -DTYPE=CTVK_QUANT_Q8_0 -DTEXEL
// variant: quant_linear_decode_q4_k_texel -DTYPE=CTVK_QUANT_Q4_K -DTEXEL
// variant: quant_linear_decode_q5_k_texel -DTYPE=CTVK_QUANT_Q5_K -DTEXEL
// variant: quant_linear_decode_q6_k_texel -DTYPE=CTVK_QUANT_Q6_K -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/quant_linear.h"

layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_quant_linear_decode_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer weight_texels;
#define QUANT_WORD(i) floatBitsToUint(texelFetch(weight_texels, (i) >> 2)[(i) & 3])
#define QUANT_WORDS(i) four_words(i)

uvec4 four_words(int i)
{
    uvec4 a = floatBitsToUint(texelFetch(weight_texels, i >> 2)), b = floatBitsToUint(texelFetch(weight_texels, (i + 3) >> 2));
    uvec4 even = (i & 2) == 0 ? a : uvec4(a.zw, b.xy);
    uint last = (i & 2) == 0 ? b.x : b.z;
    return (i & 1) == 0 ? even : uvec4(even.yzw, last);
}
#else
layout(std430, set = 0, binding = 0) readonly buffer weight_block
{
    uint weight_words[];
};
#define QUANT_WORD(i) weight_words[i]
#define QUANT_WORDS(i) uvec4(weight_words[i], weight_words[(i) + 1], weight_words[(i) + 2], weight_words[(i) + 3])
#endif
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    uvec4 target[];
};
#include "common/quant.glsl"

// Lanes behind the last output repeat it: no store under a mask.
void main()
{
    int o = min(int(gl_WorkGroupID.y) * 64 + int(gl_LocalInvocationID.x), p.outs - 1), part = int(gl_WorkGroupID.x);
    quant_part q = quant_part_at(p.weights + o * p.row_bytes, min(part, (p.width - 1) / 32), p.width);
#ifdef FLOATS
    int to = part * 8 * p.outs + o;
    q.left = p.width - part * 32;
    for (int j = 0; j < 8; j++) {
        target[to + j * p.outs] = floatBitsToUint(quant_four(q, j));
    }
#else
    int to = part * 3 * p.outs + o;
    uvec4 factors = floatBitsToUint(vec4(q.scales, q.shifts));
    target[to] = quant_sixteen(q, 0);
    target[to + p.outs] = quant_sixteen(q, 1);
    target[to + 2 * p.outs] = part * 32 < p.width ? factors : uvec4(0u);
#endif
}
