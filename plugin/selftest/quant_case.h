/* selftest/quant_case.h - packed weights from random bits with finite scales, for trials and tests of the products. */
#ifndef CTVK_SELFTEST_QUANT_CASE_H
#define CTVK_SELFTEST_QUANT_CASE_H

#include "params/quant.h"
#include "ref/quant_linear.h"

#include <stdint.h>
#include <stddef.h>

enum { QUANT_USUAL = 0, QUANT_TINY = 1, QUANT_WIDE = 2 };

static inline uint32_t quant_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* fp16 of random sign and mantissa. Exponents: usual 2^-9 to 2^-2; tiny: subnormals, zeros and the smallest normal ones; wide: all but
 * infinity and NaN. */
static inline void quant_put_fp16(uint8_t *at, int scales, uint32_t *state)
{
    uint32_t r = quant_random(state), exponent = 6 + r % 8;
    if (scales == QUANT_TINY)
        exponent = r % 4 == 0;
    else if (scales == QUANT_WIDE)
        exponent = r % 31;
    uint32_t bits = (quant_random(state) & 0x83ff) | exponent << 10;
    at[0] = (uint8_t)bits;
    at[1] = (uint8_t)(bits >> 8);
}

/* float32 (or its upper half): usual 2^-9 to 2^-2, tiny 2^-60 and about, wide 2^-40 to 2^30. No float32 subnormals: a device may flush
 * them. */
static inline void quant_put_fp32(uint8_t *at, int bytes, int scales, uint32_t *state)
{
    uint32_t r = quant_random(state);
    uint32_t exponent = 127 - 9 + r % 8;
    if (scales == QUANT_TINY)
        exponent = 127 - 63 + r % 8;
    else if (scales == QUANT_WIDE)
        exponent = 127 - 40 + r % 71;
    uint32_t bits = (quant_random(state) << 8 & 0x807fffff) | (quant_random(state) & 0xff) | exponent << 23;
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(bits >> 8 * (4 - bytes + i));
}

static inline void quant_fill_block(int type, uint8_t *block, int bytes, int scales, uint32_t *state)
{
    for (int i = 0; i < bytes; i++)
        block[i] = (uint8_t)quant_random(state);
    switch (type) {
    case CTVK_QUANT_F32:
    case CTVK_QUANT_BF16:
        quant_put_fp32(block, bytes, scales, state);
        break;
    case CTVK_QUANT_Q6_K:
        quant_put_fp16(block + 208, scales, state);
        break;
    case CTVK_QUANT_Q4_1:
    case CTVK_QUANT_Q5_1:
    case CTVK_QUANT_Q4_K:
    case CTVK_QUANT_Q5_K:
        quant_put_fp16(block + 2, scales, state);
        quant_put_fp16(block, scales, state);
        break;
    default:
        quant_put_fp16(block, scales, state);
    }
}

/* `count` weights, a multiple of the type's block. */
static inline void quant_fill(int type, uint8_t *packed, size_t count, int scales, uint32_t seed)
{
    int weights, bytes;
    ref_quant_block(type, &weights, &bytes);
    for (size_t i = 0; i < count / (size_t)weights; i++)
        quant_fill_block(type, packed + i * (size_t)bytes, bytes, scales, &seed);
}

#endif
