// Weights as they lie in GGUF files (ggml's ggml-quants.c names the layouts), decoded from 32-bit words: no 8- or 16-bit storage.
//
// A row is worked in parts of 32 weights: quant_part_at finds scales once, quant_four then gives weights 4 j .. 4 j + 3 of the part.
// Give TYPE (CTVK_QUANT_*) and QUANT_WORD(i), the i-th 32-bit word of the binding, before including.
#ifndef QUANT_GLSL
#define QUANT_GLSL
#include "params/quant.h"

#if TYPE == CTVK_QUANT_F32 || TYPE == CTVK_QUANT_F16 || TYPE == CTVK_QUANT_BF16
#define PARTS_OF_BLOCK 1
#define FLOATS
#elif TYPE == CTVK_QUANT_Q4_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 18
#elif TYPE == CTVK_QUANT_Q4_1
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 20
#elif TYPE == CTVK_QUANT_Q5_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 22
#elif TYPE == CTVK_QUANT_Q5_1
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 24
#elif TYPE == CTVK_QUANT_Q8_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 34
#elif TYPE == CTVK_QUANT_Q4_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 144
#elif TYPE == CTVK_QUANT_Q5_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 176
#elif TYPE == CTVK_QUANT_Q6_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 210
#else
#error TYPE is not one of params/quant.h
#endif

struct quant_part {
    int at;       // byte of the first quantised number (or float) that belongs to the part
    vec2 scales;  // of weights 0..15 and 16..31
    float shift;  // weight = scale * number + shift
    uint high;    // Q5_0, Q5_1: the fifth bits; Q5_K, Q6_K: place of the high bits in a byte
    int high_at;  // Q5_K, Q6_K: byte of the high bits of number 0
    int low;      // K types: place of the low bits in a byte
    int left;     // floats: weights from here to the end of the row
};

// Four bytes from an even place on; never reads a word that holds none of them.
uint quant_word(int at)
{
    uint low = QUANT_WORD(at >> 2), high = QUANT_WORD((at + 3) >> 2);
    return (at & 2) == 0 ? low : (low >> 16) | (high << 16);
}

uint quant_half(int at)
{
    return (QUANT_WORD(at >> 2) >> ((at & 2) * 8)) & 0xffffu;
}

uint quant_byte(int at)
{
    return (QUANT_WORD(at >> 2) >> ((at & 3) * 8)) & 0xffu;
}

// fp16 in the low half of h. By integers: unpackHalf2x16 and a multiplied float32 may flush subnormals, which are usual for scales.
float quant_fp16(uint h)
{
    uint exponent = (h >> 10) & 31u, mantissa = h & 1023u;
    float small = float(mantissa) * 5.9604644775390625e-8; // 2^-24
    uint bits = ((exponent == 31u ? 255u : exponent + 112u) << 23) | (mantissa << 13);
    float size = exponent == 0u ? small : uintBitsToFloat(bits);
    return (h & 0x8000u) != 0u ? -size : size;
}

#if TYPE == CTVK_QUANT_Q4_K || TYPE == CTVK_QUANT_Q5_K
// 6-bit scale (x) and minimum (y) of part s; 12 bytes hold eight of each.
vec2 quant_scale_min(int at, int s)
{
    if (s < 4) {
        return vec2(float(quant_byte(at + s) & 63u), float(quant_byte(at + s + 4) & 63u));
    }
    uint both = quant_byte(at + s + 4);
    uint scale = (both & 15u) | ((quant_byte(at + s - 4) >> 6) << 4);
    uint minimum = (both >> 4) | ((quant_byte(at + s) >> 6) << 4);
    return vec2(float(scale), float(minimum));
}
#endif

// row: byte where the row begins; part: its weights 32 * part ...; width: weights of the row.
quant_part quant_part_at(int row, int part, int width)
{
    quant_part q;
    q.scales = vec2(1.0);
    q.shift = 0.0;
    q.high = 0u;
    q.high_at = 0;
    q.low = 0;
    q.left = width - 32 * part;
#if TYPE == CTVK_QUANT_F32
    q.at = row + part * 128;
#elif TYPE == CTVK_QUANT_F16 || TYPE == CTVK_QUANT_BF16
    q.at = row + part * 64;
#else
    int block = row + part / PARTS_OF_BLOCK * BLOCK_BYTES;
    int s = part % PARTS_OF_BLOCK;
#endif
#if TYPE == CTVK_QUANT_Q4_0 || TYPE == CTVK_QUANT_Q5_0 || TYPE == CTVK_QUANT_Q8_0
    q.at = block + 2;
    q.scales = vec2(quant_fp16(quant_half(block)));
#elif TYPE == CTVK_QUANT_Q4_1 || TYPE == CTVK_QUANT_Q5_1
    uint scale_shift = QUANT_WORD(block >> 2);
    q.at = block + 4;
    q.scales = vec2(quant_fp16(scale_shift));
    q.shift = quant_fp16(scale_shift >> 16);
#elif TYPE == CTVK_QUANT_Q4_K || TYPE == CTVK_QUANT_Q5_K
    uint scale_shift = QUANT_WORD(block >> 2);
    vec2 factors = quant_scale_min(block + 4, s);
    q.scales = vec2(quant_fp16(scale_shift) * factors.x);
    q.shift = -quant_fp16(scale_shift >> 16) * factors.y;
    q.at = block + BLOCK_BYTES - 128 + (s >> 1) * 32;
    q.low = (s & 1) * 4;
    q.high = uint(s);
    q.high_at = block + 16;
#elif TYPE == CTVK_QUANT_Q6_K
    float scale = quant_fp16(quant_half(block + 208));
    int scales = block + 192 + 2 * s;
    q.scales = scale * vec2(float(bitfieldExtract(int(quant_byte(scales)), 0, 8)), float(bitfieldExtract(int(quant_byte(scales + 1)), 0, 8)));
    q.at = block + (s >> 2) * 64 + (s & 1) * 32;
    q.low = (s & 2) * 2;
    q.high = uint(s & 3) * 2u;
    q.high_at = block + 128 + (s >> 2) * 32;
#endif
#if TYPE == CTVK_QUANT_Q5_0 || TYPE == CTVK_QUANT_Q5_1
    q.high = quant_word(q.at);
    q.at += 4;
#endif
    return q;
}

// The four bytes of a word.
uvec4 quant_bytes(uint word)
{
    return uvec4(word, word >> 8, word >> 16, word >> 24) & 0xffu;
}

#ifndef FLOATS
// Integers of a byte each; their weights: quant_part.scales times these, plus shift.
ivec4 quant_numbers(quant_part q, int j)
{
#if TYPE == CTVK_QUANT_Q8_0
    int word = int(quant_word(q.at + 4 * j));
    return ivec4(word << 24, word << 16, word << 8, word) >> 24;
#elif TYPE == CTVK_QUANT_Q6_K
    uvec4 number = quant_bytes((quant_word(q.at + 4 * j) >> q.low) & 0x0f0f0f0fu);
    number |= quant_bytes((quant_word(q.high_at + 4 * j) >> q.high) & 0x03030303u) << 4;
    return ivec4(number) - 32;
#elif TYPE == CTVK_QUANT_Q4_K
    return ivec4(quant_bytes((QUANT_WORD((q.at >> 2) + j) >> q.low) & 0x0f0f0f0fu));
#elif TYPE == CTVK_QUANT_Q5_K
    uvec4 number = quant_bytes((QUANT_WORD((q.at >> 2) + j) >> q.low) & 0x0f0f0f0fu);
    number |= quant_bytes((QUANT_WORD((q.high_at >> 2) + j) >> q.high) & 0x01010101u) << 4;
    return ivec4(number);
#else
    uvec4 number = quant_bytes((quant_word(q.at + 4 * (j & 3)) >> (j & 4)) & 0x0f0f0f0fu);
#if TYPE == CTVK_QUANT_Q5_0 || TYPE == CTVK_QUANT_Q5_1
    uint bits = q.high >> (4 * j);
    number |= (uvec4(bits, bits >> 1, bits >> 2, bits >> 3) & 1u) << 4;
#endif
#if TYPE == CTVK_QUANT_Q4_0
    return ivec4(number) - 8;
#elif TYPE == CTVK_QUANT_Q5_0
    return ivec4(number) - 16;
#else
    return ivec4(number);
#endif
#endif
}
#endif

vec4 quant_four(quant_part q, int j)
{
#ifdef FLOATS
    if (4 * j >= q.left) {
        return vec4(0.0);
    }
#if TYPE == CTVK_QUANT_F32
    int i = (q.at >> 2) + 4 * j;
    return uintBitsToFloat(uvec4(QUANT_WORD(i), QUANT_WORD(i + 1), QUANT_WORD(i + 2), QUANT_WORD(i + 3)));
#else
    uint a = QUANT_WORD((q.at >> 2) + 2 * j), b = QUANT_WORD((q.at >> 2) + 2 * j + 1);
#if TYPE == CTVK_QUANT_F16
    return vec4(quant_fp16(a), quant_fp16(a >> 16), quant_fp16(b), quant_fp16(b >> 16));
#else
    return uintBitsToFloat(uvec4(a << 16, a & 0xffff0000u, b << 16, b & 0xffff0000u));
#endif
#endif
#else
    return fma(vec4(j < 4 ? q.scales.x : q.scales.y), vec4(quant_numbers(q, j)), vec4(q.shift));
#endif
}

#endif
