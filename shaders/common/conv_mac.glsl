// Straight-line multiply-adds of one lane into 24 output channels (six vec4), written out by macros: software drivers keep weights
// cheap only where their place is built from literals and push constants and no control flow surrounds the load.
//
// Weights of one scalar input: six vec4, the 24 output channels. Of one vec4 input: 24 vec4. WEIGHTS: vec4 that one dispatch reads.
#ifdef ADDRESS
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer weight_block
{
    vec4 w[];
};
#define WEIGHTS_AT(low, high) weight_block weights = weight_block(uvec2(uint(low), uint(high)))
#define WEIGHT(k) weights.w[k]
#else
// The promised uniform range is 16 KiB: at most 1024 vec4.
layout(std140, set = 0, binding = WEIGHT_BINDING) uniform weight_block
{
    vec4 w[WEIGHTS];
}
weights;
#define WEIGHTS_AT(low, high)
#define WEIGHT(k) weights.w[k]
#endif

// fma, not a sum of a product: lavapipe fuses only what says so.
#define MAC(o, k, s) a##o = fma(WEIGHT(k), vec4(s), a##o);
#define MAC_SCALAR(k, s) MAC(0, (k), s) MAC(1, (k) + 1, s) MAC(2, (k) + 2, s) MAC(3, (k) + 3, s) MAC(4, (k) + 4, s) MAC(5, (k) + 5, s)
#define MAC_VEC4(k, v) \
    MAC_SCALAR(k, (v).x) MAC_SCALAR((k) + 6, (v).y) MAC_SCALAR((k) + 12, (v).z) MAC_SCALAR((k) + 18, (v).w)
