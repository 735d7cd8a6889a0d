#include "support/quant_blocks.h"

#include "ref/dequant.h"

#include <string.h>

/* xorshift32: enough for bits without meaning. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void put16(uint8_t *at, uint32_t bits)
{
    at[0] = (uint8_t)bits;
    at[1] = (uint8_t)(bits >> 8);
}

/* A binary16 of the given order of size (exponent: that of the value, base 2), or one of the edges. */
static uint32_t random_half(int kind, int exponent, uint32_t *state)
{
    static const uint16_t edges[] = {0x0000, 0x0001, 0x0002, 0x03ff, 0x0400, 0x0401, 0x3c00, 0x7bff, 0x7bfe, 0x0155};
    uint32_t r = next(state), sign = r & 0x8000;
    if (kind == QUANT_BLOCKS_EXTREME && (r >> 16 & 3))
        return sign | edges[(r >> 20) % (sizeof edges / sizeof *edges)];
    if (kind == QUANT_BLOCKS_EXTREME)
        return sign | (next(state) % 0x7c00);
    return sign | (uint32_t)(exponent + 15) << 10 | (r >> 20 & 0x3ff);
}

/* Float32 bits; BF16 takes the upper half. */
static uint32_t random_float(int kind, uint32_t *state)
{
    uint32_t r = next(state), sign = r & 0x80000000u, fraction = next(state) & 0x7fffff;
    if (kind == QUANT_BLOCKS_EXTREME) {
        static const uint32_t edges[] = {0, 0x00010000, 0x007f0000, 0x00800000, 0x7f7f0000, 0x3f800000};
        return sign | (r & 1 ? edges[(r >> 8) % 6] : next(state) % 0x7f800000u);
    }
    return sign | (120 + (r & 1)) << 23 | fraction;
}

void quant_blocks_random(int32_t type, size_t count, int kind, uint32_t seed, void *out)
{
    /* Where a block's binary16 numbers stand (-1: none), and the exponent that makes elements of about 2^-6. */
    static const struct {
        int8_t type;
        int16_t first, second;
        int8_t exponent, second_exponent;
    } scales[] = {{1, 0, -1, -7, 0},  {2, 0, -1, -9, 0},    {3, 0, 2, -9, -6},    {6, 0, -1, -10, 0},   {7, 0, 2, -10, -6},
                  {8, 0, -1, -13, 0}, {12, 0, 2, -14, -11}, {13, 0, 2, -14, -11}, {14, 208, -1, -14, 0}};
    uint32_t state = seed * 2654435761u + (uint32_t)type + 1;
    uint8_t *block = out;
    size_t bytes = ref_dequant_bytes(type);
    if (!state)
        state = 1;
    for (size_t i = 0; i < count; i += ref_dequant_elements(type), block += bytes) {
        for (size_t k = 0; k < bytes; k++)
            block[k] = (uint8_t)(next(&state) >> 11);
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++)
            if (scales[k].type == type) {
                put16(block + scales[k].first, random_half(kind, scales[k].exponent, &state));
                if (scales[k].second >= 0)
                    put16(block + scales[k].second, random_half(kind, scales[k].second_exponent, &state));
            }
        if (type == 0 || type == 30) {
            uint32_t bits = random_float(kind, &state);
            put16(block, type == 0 ? bits : bits >> 16);
            if (type == 0)
                put16(block + 2, bits >> 16);
        }
    }
}
