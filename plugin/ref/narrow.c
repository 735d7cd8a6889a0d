#include "ref/narrow.h"

#include <math.h>

enum { NO_NUMBER = 31, LEAST = -15 };

/* The unit of the first three integers is 2^(exponent - 13); of the last one, which has a bit less, twice that. */
static double unit_of(int exponent, int i)
{
    return ldexp(1, exponent - (i == 3 ? 12 : 13));
}

/* The largest number's; less than LEAST never. */
static int exponent_of(const float in[4])
{
    double largest = 0;
    for (int i = 0; i < 4; i++) {
        if (!isfinite(in[i]))
            return NO_NUMBER;
        largest = fmax(largest, fabs((double)in[i]));
    }
    int exponent = LEAST;
    while (exponent < 16 && largest >= ldexp(2, exponent))
        exponent++;
    return exponent;
}

void ref_narrow(const float in[4], uint32_t out[2])
{
    int exponent = exponent_of(in), none = exponent > 15;
    uint32_t code = none ? NO_NUMBER : (uint32_t)(exponent - LEAST), integer[4] = {0};
    for (int i = 0; i < 4 && !none; i++) {
        const double most = i == 3 ? 8191 : 16383, rounded = nearbyint(in[i] / unit_of(exponent, i));
        integer[i] = (uint32_t)(int32_t)fmax(-most, fmin(rounded, most));
    }
    out[0] = (integer[0] & 0x7fff) << 2 | integer[1] << 17 | (code & 3);
    out[1] = (integer[2] & 0x7fff) << 3 | integer[3] << 18 | code >> 2;
}

/* The integer whose two's complement is the lower `bits` of `field`. */
static int integer_of(uint32_t field, int bits)
{
    int value = (int)(field & ((1u << bits) - 1));
    return value < 1 << (bits - 1) ? value : value - (1 << bits);
}

void ref_widen(const uint32_t in[2], float out[4])
{
    const uint32_t code = (in[0] & 3) | (in[1] & 7) << 2;
    const int integer[4] = {integer_of(in[0] >> 2, 15), integer_of(in[0] >> 17, 15), integer_of(in[1] >> 3, 15),
                            integer_of(in[1] >> 18, 14)};
    for (int i = 0; i < 4; i++)
        out[i] = code == NO_NUMBER ? NAN : (float)(integer[i] * unit_of((int)code + LEAST, i));
}

void ref_narrowed(float *numbers, int c, size_t voxels)
{
    for (size_t i = 0; i < (size_t)c / 4 * voxels; i++) {
        float *first = numbers + i / voxels * 4 * voxels + i % voxels, four[4];
        uint32_t words[2];
        for (int k = 0; k < 4; k++)
            four[k] = first[(size_t)k * voxels];
        ref_narrow(four, words);
        ref_widen(words, four);
        for (int k = 0; k < 4; k++)
            first[(size_t)k * voxels] = four[k];
    }
}

void ref_restored(float *numbers, const float *stats, int c, size_t voxels)
{
    for (int i = 0; i < c; i++)
        for (size_t k = 0; k < voxels; k++, numbers++)
            *numbers = *numbers / stats[i / 4 * 8 + 4 + i % 4] + stats[i / 4 * 8 + i % 4];
}
