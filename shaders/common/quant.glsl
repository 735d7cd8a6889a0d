// Weights as they lie in GGUF files (ggml's ggml-quants.c names the layouts), decoded from 32-bit words: no 8- or 16-bit storage.
//
// A row is worked in parts of 32 weights. quant_part_at finds the factors of a part once, quant_sixteen then gives the numbers of one half
// of it as unsigned bytes: weight = number * scale + shift, exact in float32 but for types with a minimum of their own (Q4_1, Q5_1, Q4_K,
// Q5_K). Types of plain floats: quant_four. Give TYPE (CTVK_QUANT_*), QUANT_WORD(i), the i-th 32-bit word of the binding, and
// QUANT_WORDS(i), four words from there on, before including.
#ifndef QUANT_GLSL
#define QUANT_GLSL
#include "params/quant.h"

// EVEN: blocks of a multiple of two bytes only.
#if TYPE == CTVK_QUANT_F32 || TYPE == CTVK_QUANT_F16 || TYPE == CTVK_QUANT_BF16
#define PARTS_OF_BLOCK 1
#define FLOATS
#elif TYPE == CTVK_QUANT_Q4_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 18
#define EVEN
#elif TYPE == CTVK_QUANT_Q4_1
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 20
#elif TYPE == CTVK_QUANT_Q5_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 22
#define EVEN
#elif TYPE == CTVK_QUANT_Q5_1
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 24
#elif TYPE == CTVK_QUANT_Q8_0
#define PARTS_OF_BLOCK 1
#define BLOCK_BYTES 34
#define EVEN
#elif TYPE == CTVK_QUANT_Q4_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 144
#elif TYPE == CTVK_QUANT_Q5_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 176
#elif TYPE == CTVK_QUANT_Q6_K
#define PARTS_OF_BLOCK 8
#define BLOCK_BYTES 210
#define EVEN
#else
#error TYPE is not one of params/quant.h
#endif

struct quant_part {
    int at;      // byte of the first number (or float) of the part
    vec2 scales; // of weights 0..15 and 16..31
    vec2 shifts;
    uint high;   // Q5_0, Q5_1: the fifth bits; Q5_K, Q6_K: place of the high bits in a byte
    int high_at; // Q5_K, Q6_K: byte of the high bits of number 0
    int low;     // K types: place of the low bits in a byte
    int left;    // floats: weights from here to the end of the row
};

// 16 bytes; never reads a word that holds none of them.
uvec4 quant_words(int at)
{
    uvec4 words = QUANT_WORDS(at >> 2);
#ifdef EVEN
    uint last = QUANT_WORD((at + 15) >> 2);
    words = (at & 2) == 0 ? words : (words >> 16) | (uvec4(words.yzw, last) << 16);
#endif
    return words;
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
    q.shifts = vec2(0.0);
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
    q.shifts = vec2(quant_fp16(scale_shift >> 16));
#elif TYPE == CTVK_QUANT_Q4_K || TYPE == CTVK_QUANT_Q5_K
    uint scale_shift = QUANT_WORD(block >> 2);
    vec2 factors = quant_scale_min(block + 4, s);
    q.scales = vec2(quant_fp16(scale_shift) * factors.x);
    q.shifts = vec2(-quant_fp16(scale_shift >> 16) * factors.y);
    q.at = block + BLOCK_BYTES - 128 + (s >> 1) * 32;
    q.low = (s & 1) * 4;
    q.high = uint(s);
    q.high_at = block + 16;
#elif TYPE == CTVK_QUANT_Q6_K
    float scale = quant_fp16(quant_half(block + 208));
    int scales = int(quant_half(block + 192 + 2 * s));
    q.scales = scale * vec2(float(bitfieldExtract(scales, 0, 8)), float(bitfieldExtract(scales, 8, 8)));
    q.at = block + (s >> 2) * 64 + (s & 1) * 32;
    q.low = (s & 2) * 2;
    q.high = uint(s & 3) * 2u;
    q.high_at = block + 128 + (s >> 2) * 32;
#endif
#if TYPE == CTVK_QUANT_Q5_0
    q.high = quant_half(q.at) | quant_half(q.at + 2) << 16;
    q.at += 4;
#elif TYPE == CTVK_QUANT_Q5_1
    q.high = QUANT_WORD(q.at >> 2);
    q.at += 4;
#endif
    // The number that stands for weight 0.
#if TYPE == CTVK_QUANT_Q4_0
    q.shifts = -8.0 * q.scales;
#elif TYPE == CTVK_QUANT_Q5_0
    q.shifts = -16.0 * q.scales;
#elif TYPE == CTVK_QUANT_Q6_K
    q.shifts = -32.0 * q.scales;
#elif TYPE == CTVK_QUANT_Q8_0
    q.shifts = -128.0 * q.scales;
#endif
    return q;
}

#ifdef FLOATS
// Weights 4 j .. 4 j + 3 of the part; zeros behind the row.
vec4 quant_four(quant_part q, int j)
{
    if (4 * j >= q.left) {
        return vec4(0.0);
    }
#if TYPE == CTVK_QUANT_F32
    return uintBitsToFloat(QUANT_WORDS((q.at >> 2) + 4 * j));
#else
    uint a = QUANT_WORD((q.at >> 2) + 2 * j), b = QUANT_WORD((q.at >> 2) + 2 * j + 1);
#if TYPE == CTVK_QUANT_F16
    return vec4(quant_fp16(a), quant_fp16(a >> 16), quant_fp16(b), quant_fp16(b >> 16));
#else
    return uintBitsToFloat(uvec4(a << 16, a & 0xffff0000u, b << 16, b & 0xffff0000u));
#endif
#endif
}
#else
// Numbers 16 half .. 16 half + 15 of the part, four bytes in a word.
uvec4 quant_sixteen(quant_part q, int half_part)
{
#if TYPE == CTVK_QUANT_Q8_0
    return quant_words(q.at + 16 * half_part) ^ 0x80808080u;
#elif TYPE == CTVK_QUANT_Q4_K
    return (quant_words(q.at + 16 * half_part) >> q.low) & 0x0f0f0f0fu;
#elif TYPE == CTVK_QUANT_Q5_K
    uvec4 high = (quant_words(q.high_at + 16 * half_part) >> q.high) & 0x01010101u;
    return ((quant_words(q.at + 16 * half_part) >> q.low) & 0x0f0f0f0fu) | high << 4;
#elif TYPE == CTVK_QUANT_Q6_K
    uvec4 high = (quant_words(q.high_at + 16 * half_part) >> q.high) & 0x03030303u;
    return ((quant_words(q.at + 16 * half_part) >> q.low) & 0x0f0f0f0fu) | high << 4;
#else
    uvec4 low = (quant_words(q.at) >> (4 * half_part)) & 0x0f0f0f0fu;
#if TYPE == CTVK_QUANT_Q5_0 || TYPE == CTVK_QUANT_Q5_1
    // Four bits of each word to bit 4 of its bytes.
    uvec4 bits = uvec4(q.high, q.high >> 4, q.high >> 8, q.high >> 12) >> (16 * half_part);
    low |= (bits & 1u) << 4 | (bits & 2u) << 11 | (bits & 4u) << 18 | (bits & 8u) << 25;
#endif
    return low;
#endif
}

// Weights from four bytes of quant_sixteen.
vec4 quant_weights(quant_part q, int half_part, uint word)
{
    float scale = half_part == 0 ? q.scales.x : q.scales.y, shift = half_part == 0 ? q.shifts.x : q.shifts.y;
    return fma(vec4(uvec4(word, word >> 8, word >> 16, word >> 24) & 0xffu), vec4(scale), vec4(shift));
}
#endif

#endif
