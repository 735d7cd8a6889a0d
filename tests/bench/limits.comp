// variant: limit_fma_2 -DSUMS=2
// variant: limit_fma_4 -DSUMS=4
// variant: limit_fma_6 -DSUMS=6
// variant: limit_copy -DCOPY
// variant: limit_copy_texel -DCOPY -DTEXEL
// The limits of a device: multiply-adds on registers, SUMS vec4 in each lane that do not depend on each other; and a copy, one vec4 a lane, read from a storage buffer or a texel buffer.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    uint rounds; // of 16 multiply-adds for each sum
    float factor;
    float term;
    uint lanes;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer source;
#define LOAD(i) texelFetch(source, int(i))
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
#define LOAD(i) source[i]
#endif
layout(std430, set = 0, binding = 1) writeonly buffer target_block
{
    vec4 target[];
};

// Straight-line: what a compiler does with small loops is not what is measured.
#if SUMS == 2
#define EACH(X) X(0) X(1)
#elif SUMS == 4
#define EACH(X) X(0) X(1) X(2) X(3)
#else
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif
#define BEGIN(k) vec4 sum##k = LOAD(i) + float(k);
#define STEP(k) sum##k = fma(sum##k, vec4(factor), vec4(term));
#define FOUR EACH(STEP) EACH(STEP) EACH(STEP) EACH(STEP)
#define END(k) all += sum##k;

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i >= lanes)
        return;
#ifdef COPY
    target[i] = LOAD(i);
#else
    vec4 all = vec4(0);
    EACH(BEGIN)
    for (uint round = 0; round < rounds; round++) {
        FOUR FOUR FOUR FOUR
    }
    EACH(END)
    target[i] = all;
#endif
}
