/* formats/half.h - IEEE 754 binary16 and bfloat16, as they lie in a file, to float32: exact. [any thread] */
#ifndef CTVK_FORMATS_HALF_H
#define CTVK_FORMATS_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float ctvk_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff, bits;
    float value;
    if (exponent == 0) { /* zero and subnormal: fraction * 2^-24 */
        value = ldexpf((float)fraction, -24);
        return sign ? -value : value;
    }
    bits = exponent == 31 ? sign | 0x7f800000u | fraction << 13 : sign | (exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float ctvk_bfloat_to_float(uint16_t bfloat)
{
    uint32_t bits = (uint32_t)bfloat << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
