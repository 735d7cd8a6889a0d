// Four channels of a voxel as they lie in a blocked tensor (ops/tensor.h): float32, or where HALF is defined in 16 bits a number, two words in
// all. A shader computes in float32 whatever is stored.
// ACTIVATION: what lies there. wide_of: what was loaded, as floats; WIDE_TEXEL: of a texel. half_of: what is stored.
//
// 16 bits a number are a block floating-point format: four integers with one exponent. IEEE halves have 11 significant bits each; here 5 of 64
// bits are the exponent of the largest of the four, and the integers have 15, 15, 15 and 14 bits, sign included: a number is off by at most
// 2^-14 of the largest of its four (the last one 2^-13), where a half is off by 2^-11 of itself. That asks for channels of about one size: what
// is stored is a channel's distance from its mean in deviations (of the instance norm's statistics), and restored() takes that back. No 16-bit
// feature of a device is needed.
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL

// One more would be 2^16: what is too large, infinite or no number makes all four NaN, which no later operation hides.
#define LARGEST_EXPONENT 15
#define NO_NUMBER 31u

vec4 wide_of(vec4 a)
{
    return a;
}

#ifdef HALF
vec4 restored(vec4 v, vec4 mean, vec4 scale)
{
    return v / scale + mean;
}

#define ACTIVATION uvec2
#define TEXELS usamplerBuffer
#define WIDE_TEXEL(t) wide_of((t).xy)

// The first word has the exponent's code modulo 4 in bits 0 and 1, then two integers; the second what is left of the code in three bits, then the
// others.
vec4 wide_of(uvec2 a)
{
    uint code = (a.x & 3u) | (a.y & 7u) << 2;
    float unit = uintBitsToFloat(code == NO_NUMBER ? 0x7fc00000u : (code + 82u) << 23); // 2^(code - 45)
    uvec4 integers = uvec4(a.x << 15, a.x, a.y << 14, a.y) & uvec4(0xfffe0000u, 0xfffe0000u, 0xfffe0000u, 0xfffc0000u);
    return vec4(ivec4(integers)) * unit;
}

// To the nearest, ties to even, in units of the largest number's exponent; below 2^-15 in those of 2^-15. What would round up to the next power
// of two becomes the largest integer instead, so that what was stored is stored again as it is.
uvec2 half_of(vec4 v)
{
    uvec4 size = floatBitsToUint(v) & 0x7fffffffu;
    uint largest = max(max(size.x, size.y), max(size.z, size.w));
    int exponent = max(int(largest >> 23) - 127, LARGEST_EXPONENT - 30);
    bool is_number = exponent <= LARGEST_EXPONENT;
    uint code = is_number ? uint(exponent + 30 - LARGEST_EXPONENT) : NO_NUMBER;
    float scale = uintBitsToFloat((155u - code) << 23); // 2^(28 - code)
    const vec4 most = vec4(16383.0, 16383.0, 16383.0, 8191.0);
    vec4 rounded = clamp(roundEven((is_number ? v : vec4(0.0)) * vec4(scale, scale, scale, 0.5 * scale)), -most, most);
    uvec4 integers = uvec4(ivec4(rounded));
    return uvec2((integers.x & 0x7fffu) << 2 | integers.y << 17 | (code & 3u), (integers.z & 0x7fffu) << 3 | integers.w << 18 | code >> 2);
}
#else
#define ACTIVATION vec4
#define TEXELS samplerBuffer
#define WIDE_TEXEL(t) t
#endif

#endif
