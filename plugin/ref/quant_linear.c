#include "ref/quant_linear.h"

#include "params/quant.h"

#include <math.h>
#include <string.h>

void ref_quant_block(int type, int *weights, int *bytes)
{
    static const int table[][3] = {{CTVK_QUANT_F32, 1, 4},
                                   {CTVK_QUANT_F16, 1, 2},
                                   {CTVK_QUANT_BF16, 1, 2},
                                   {CTVK_QUANT_Q4_0, 32, 2 + 16},
                                   {CTVK_QUANT_Q4_1, 32, 2 + 2 + 16},
                                   {CTVK_QUANT_Q5_0, 32, 2 + 4 + 16},
                                   {CTVK_QUANT_Q5_1, 32, 2 + 2 + 4 + 16},
                                   {CTVK_QUANT_Q8_0, 32, 2 + 32},
                                   {CTVK_QUANT_Q4_K, 256, 2 + 2 + 12 + 128},
                                   {CTVK_QUANT_Q5_K, 256, 2 + 2 + 12 + 32 + 128},
                                   {CTVK_QUANT_Q6_K, 256, 128 + 64 + 16 + 2}};
    *weights = *bytes = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i][0] == type) {
            *weights = table[i][1];
            *bytes = table[i][2];
        }
    }
}

static double fp16(const uint8_t *at)
{
    int bits = at[0] | at[1] << 8, exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(mantissa, -24)
                                   : ldexp(1024 + mantissa, exponent - 25);
    return bits >> 15 ? -value : value;
}

static double fp32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double scaled(double scale, int number, double shift, double *size)
{
    *size = fabs(scale * number) + fabs(shift);
    return scale * number + shift;
}

/* Number i of 32 four-bit ones: bytes hold i and i + 16. */
static int nibble(const uint8_t *numbers, int i)
{
    return i < 16 ? numbers[i] & 15 : numbers[i - 16] >> 4;
}

/* Scale (which 0) or minimum (1) of part s of a Q4_K or Q5_K block: bytes 0..3 and 4..7 hold six bits of the first four of each, and
 * above them the two high bits of the last four; bytes 8..11 the four low bits of those. */
static int six_bits(const uint8_t *table, int s, int which)
{
    if (s < 4)
        return table[4 * which + s] & 63;
    return (table[4 + s] >> 4 * which & 15) + (table[4 * which + s - 4] >> 6) * 16;
}

static double q45_k(const uint8_t *block, int i, int five, double *size)
{
    const uint8_t *table = block + 4, *high = block + 16, *numbers = block + (five ? 48 : 16);
    int s = i / 32, byte = numbers[s / 2 * 32 + i % 32], number = s % 2 ? byte >> 4 : byte & 15;
    if (five)
        number += (high[i % 32] >> s & 1) * 16;
    return scaled(fp16(block) * six_bits(table, s, 0), number, -fp16(block + 2) * six_bits(table, s, 1), size);
}

static double q6_k(const uint8_t *block, int i, double *size)
{
    int in_half = i % 128, quarter = in_half / 32, l = i % 32;
    const uint8_t *low = block + i / 128 * 64, *high = block + 128 + i / 128 * 32;
    int four = low[l + quarter % 2 * 32] >> (quarter >= 2 ? 4 : 0) & 15, two = high[l] >> 2 * quarter & 3;
    int scale = (int8_t)block[192 + i / 16];
    return scaled(fp16(block + 208) * scale, four + 16 * two - 32, 0, size);
}

double ref_quant_weight(int type, const uint8_t *row, int index, double *size)
{
    int weights, bytes;
    ref_quant_block(type, &weights, &bytes);
    const uint8_t *block = row + (size_t)(index / weights) * (size_t)bytes;
    int i = index % weights;
    switch (type) {
    case CTVK_QUANT_F32:
        return scaled(fp32(block[0] | block[1] << 8 | block[2] << 16 | (uint32_t)block[3] << 24), 1, 0, size);
    case CTVK_QUANT_F16:
        return scaled(fp16(block), 1, 0, size);
    case CTVK_QUANT_BF16:
        return scaled(fp32(block[0] << 16 | (uint32_t)block[1] << 24), 1, 0, size);
    case CTVK_QUANT_Q4_0:
        return scaled(fp16(block), nibble(block + 2, i) - 8, 0, size);
    case CTVK_QUANT_Q4_1:
        return scaled(fp16(block), nibble(block + 4, i), fp16(block + 2), size);
    case CTVK_QUANT_Q5_0:
        return scaled(fp16(block), nibble(block + 6, i) + (block[2 + i / 8] >> i % 8 & 1) * 16 - 16, 0, size);
    case CTVK_QUANT_Q5_1:
        return scaled(fp16(block), nibble(block + 8, i) + (block[4 + i / 8] >> i % 8 & 1) * 16, fp16(block + 2), size);
    case CTVK_QUANT_Q8_0:
        return scaled(fp16(block), (int8_t)block[2 + i], 0, size);
    case CTVK_QUANT_Q4_K:
        return q45_k(block, i, 0, size);
    case CTVK_QUANT_Q5_K:
        return q45_k(block, i, 1, size);
    case CTVK_QUANT_Q6_K:
        return q6_k(block, i, size);
    default:
        *size = NAN;
        return NAN;
    }
}

enum { PIECE = 256 };

/* Weights [first, first + count) of output o against all rows. */
static void add_piece(const double *weight, const double *size, int first, int count, const float *in, int in_stride, int rows, int outs,
                      double *want, double *sizes)
{
    for (int t = 0; t < rows; t++) {
        const float *row = in + (size_t)t * (size_t)in_stride + first;
        double sum = 0, total = 0;
        for (int k = 0; k < count; k++) {
            sum += row[k] * weight[k];
            total += fabs((double)row[k]) * size[k];
        }
        want[(size_t)t * (size_t)outs] += sum;
        sizes[(size_t)t * (size_t)outs] += total;
    }
}

void ref_quant_linear(int type, const uint8_t *packed, int width, int outs, const float *in, int in_stride, int rows, double *want,
                      double *sizes)
{
    int weights, bytes;
    double weight[PIECE], size[PIECE];
    ref_quant_block(type, &weights, &bytes);
    for (int o = 0; o < outs; o++) {
        const uint8_t *row = packed + (size_t)o * (size_t)(width / weights * bytes);
        for (int first = 0; first < width; first += PIECE) {
            int count = width - first < PIECE ? width - first : PIECE;
            for (int k = 0; k < count; k++)
                weight[k] = ref_quant_weight(type, row, first + k, &size[k]);
            add_piece(weight, size, first, count, in, in_stride, rows, outs, want + o, sizes + o);
        }
    }
}
