#include "ref/narrow.h"

#include <math.h>

uint16_t ref_narrow(float value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs((double)value);
    int exponent;
    if (!(size < 65520))
        return sign | 0x7e00;
    (void)frexp(size, &exponent); /* size in [2^(exponent - 1), 2^exponent) */
    if (size < 0x1p-14)
        exponent = -13;
    /* Units of the last place; the subnormal numbers and every exponent's go on where those before end. */
    double units = nearbyint(ldexp(size, 11 - exponent));
    return (uint16_t)(sign | ((exponent + 13) * 1024 + (int)units));
}

double ref_widen(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 0x3ff;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    return half & 0x8000 ? -size : size;
}

float ref_narrowed(float value)
{
    return (float)ref_widen(ref_narrow(value));
}
