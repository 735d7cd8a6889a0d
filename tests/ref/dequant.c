#include "ref/dequant.h"

#include <math.h>

const int32_t ref_dequant_types[REF_DEQUANT_TYPES] = {0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30};

size_t ref_dequant_elements(int32_t type)
{
    switch (type) {
    case 0:  /* F32 */
    case 1:  /* F16 */
    case 30: /* BF16 */
        return 1;
    case 2: /* Q4_0 */
    case 3: /* Q4_1 */
    case 6: /* Q5_0 */
    case 7: /* Q5_1 */
    case 8: /* Q8_0 */
        return 32;
    case 12: /* Q4_K */
    case 13: /* Q5_K */
    case 14: /* Q6_K */
        return 256;
    default:
        return 0;
    }
}

size_t ref_dequant_bytes(int32_t type)
{
    switch (type) {
    case 0:
        return 4;
    case 1:
    case 30:
        return 2;
    case 2:
        return 2 + 32 / 2;
    case 3:
        return 2 + 2 + 32 / 2;
    case 6:
        return 2 + 32 / 8 + 32 / 2;
    case 7:
        return 2 + 2 + 32 / 8 + 32 / 2;
    case 8:
        return 2 + 32;
    case 12:
        return 2 + 2 + 12 + 256 / 2;
    case 13:
        return 2 + 2 + 12 + 256 / 8 + 256 / 2;
    case 14:
        return 256 / 2 + 256 / 4 + 16 + 2;
    default:
        return 0;
    }
}

/* A binary floating-point number of so many exponent and fraction bits, by IEEE 754's definition. */
static double binary(uint32_t bits, int exponent_bits, int fraction_bits)
{
    int sign = (int)(bits >> (exponent_bits + fraction_bits) & 1), top = (1 << exponent_bits) - 1, bias = top / 2;
    int exponent = (int)(bits >> fraction_bits) & top;
    double fraction = ldexp((double)(bits & ((1u << fraction_bits) - 1)), -fraction_bits), value;
    if (exponent == top)
        value = fraction > 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, 1 - bias);
    else
        value = ldexp(1 + fraction, exponent - bias);
    return sign ? -value : value;
}

double ref_half(uint16_t bits)
{
    return binary(bits, 5, 10);
}

static double half_at(const uint8_t *p)
{
    return ref_half((uint16_t)(p[0] + 256 * p[1]));
}

static uint32_t word_at(const uint8_t *p)
{
    return p[0] + 256u * p[1] + 65536u * p[2] + 16777216u * p[3];
}

/* The types of 32: nibble e of `low` (all low nibbles first), bit e of `high`. */
static void block_of_32(int32_t type, const uint8_t *p, double *out)
{
    int has_min = type == 3 || type == 7, has_high = type == 6 || type == 7;
    double d = half_at(p), m = has_min ? half_at(p + 2) : 0;
    const uint8_t *high = p + (has_min ? 4 : 2), *low = high + (has_high ? 4 : 0);
    for (int e = 0; e < 32; e++) {
        double q = e < 16 ? low[e] % 16 : low[e - 16] / 16;
        if (has_high && high[e / 8] & 1 << e % 8)
            q += 16;
        if (has_min)
            out[e] = d * q + m;
        else
            out[e] = d * (q - (has_high ? 16 : 8));
    }
}

static void block_q8_0(const uint8_t *p, double *out)
{
    for (int e = 0; e < 32; e++)
        out[e] = half_at(p) * (p[2 + e] < 128 ? p[2 + e] : p[2 + e] - 256);
}

/* The 12 bytes of Q4_K and Q5_K, taken apart: 8 scales and 8 minima. */
static void six_bits(const uint8_t *p, int scale[8], int minimum[8])
{
    for (int i = 0; i < 4; i++) {
        scale[i] = p[i] % 64;
        minimum[i] = p[4 + i] % 64;
        scale[4 + i] = p[8 + i] % 16 + 16 * (p[i] / 64);
        minimum[4 + i] = p[8 + i] / 16 + 16 * (p[4 + i] / 64);
    }
}

/* Four runs of 64 elements over 32 bytes each: the low nibbles are the first 32, the high nibbles the second. */
static void block_k45(int32_t type, const uint8_t *p, double *out)
{
    int scale[8], minimum[8];
    double d = half_at(p), dmin = half_at(p + 2);
    const uint8_t *high = p + 16, *low = high + (type == 13 ? 32 : 0);
    six_bits(p + 4, scale, minimum);
    for (int run = 0; run < 4; run++, low += 32, out += 64)
        for (int i = 0; i < 32; i++) {
            int a = 2 * run, b = a + 1;
            double first = low[i] % 16, second = low[i] / 16;
            if (type == 13) {
                first += high[i] & 1 << a ? 16 : 0;
                second += high[i] & 1 << b ? 16 : 0;
            }
            out[i] = d * scale[a] * first - dmin * minimum[a];
            out[i + 32] = d * scale[b] * second - dmin * minimum[b];
        }
}

/* Two halves of 128 elements: 64 bytes of nibbles, 32 bytes of four two-bit fields, 8 scales. */
static void block_q6_k(const uint8_t *p, double *out)
{
    const uint8_t *low = p, *high = p + 128, *scales = p + 192;
    double d = half_at(p + 208);
    for (int half = 0; half < 2; half++, low += 64, high += 32, scales += 8, out += 128)
        for (int i = 0; i < 32; i++) {
            int q[4] = {low[i] % 16, low[i + 32] % 16, low[i] / 16, low[i + 32] / 16};
            int two[4] = {high[i] % 4, high[i] / 4 % 4, high[i] / 16 % 4, high[i] / 64};
            for (int k = 0; k < 4; k++) {
                int s = scales[2 * k + i / 16];
                out[32 * k + i] = d * (s < 128 ? s : s - 256) * (q[k] + 16 * two[k] - 32);
            }
        }
}

void ref_dequant(int32_t type, const void *blocks, size_t count, double *out)
{
    const uint8_t *p = blocks;
    size_t step = ref_dequant_elements(type);
    for (size_t i = 0; i < count; i += step, p += ref_dequant_bytes(type)) {
        if (type == 0)
            out[i] = binary(word_at(p), 8, 23);
        else if (type == 1)
            out[i] = half_at(p);
        else if (type == 30)
            out[i] = binary(p[0] + 256u * p[1], 8, 7);
        else if (type == 8)
            block_q8_0(p, out + i);
        else if (type == 14)
            block_q6_k(p, out + i);
        else if (step == 256)
            block_k45(type, p, out + i);
        else
            block_of_32(type, p, out + i);
    }
}
