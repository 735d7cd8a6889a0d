// Four channels of a voxel as they lie in a blocked tensor (ops/tensor.h): float32, or half precision where HALF is defined. A shader computes
// in float32 whatever is stored. Half precision needs no 16-bit feature of a device: two words hold four numbers.
// ACTIVATION: what lies there. WIDE: what was loaded, as floats; a texel buffer's format has done that already. NARROW: what is stored.
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL

#ifdef HALF
#define ACTIVATION uvec2
#define WIDE(a) wide_of(a)
#define NARROW(v) half_of(v)

// A driver may flush subnormal numbers here, below 6.1e-5 (shaders/README.md).
vec4 wide_of(uvec2 a)
{
    return vec4(unpackHalf2x16(a.x), unpackHalf2x16(a.y));
}

// To the nearest, ties to even, by hand: Vulkan leaves the rounding of packHalf2x16 to the driver, and whether what is too large becomes
// infinite or the largest number. Here it becomes NaN, which no later operation hides: the logits are then refused.
uvec2 half_of(vec4 v)
{
    uvec4 bits = floatBitsToUint(v);
    uvec4 size = bits & 0x7fffffffu;
    uvec4 normal = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
    // One unit of 0.5 in float32 is one of the subnormal halves: the sum rounds as they do.
    uvec4 subnormal = floatBitsToUint(abs(v) + 0.5) - 0x3f000000u;
    uvec4 number = mix(normal, subnormal, lessThan(size, uvec4(0x38800000u)));
    // From 65520 on the nearest half would be infinity.
    number = mix(uvec4(0x7e00u), number, lessThan(size, uvec4(0x477ff000u))) | (bits >> 16 & 0x8000u);
    return number.xz | number.yw << 16;
}
#else
#define ACTIVATION vec4
#define WIDE(a) a
#define NARROW(v) v
#endif

#endif
