#include "formats/gguf_internal.h"
#include "formats/half.h"

/* Source: ggml's block formats (ggml-common.h) and its dequantisation. Scales have 11 significant bits, group scales 7 at most and levels 8
 * at most where there is no group scale, else 6: every product is exact in float32. Only the sum of a type with minima rounds, and so once,
 * whether the compiler fuses it or not. */

static float half_at(const uint8_t *at)
{
    return ctvk_half_to_float(ctvk_gguf_u16(at));
}

static void block_f32(const uint8_t *in, float *out)
{
    uint32_t bits = ctvk_gguf_u32(in);
    memcpy(out, &bits, sizeof bits);
}

static void block_f16(const uint8_t *in, float *out)
{
    *out = half_at(in);
}

static void block_bf16(const uint8_t *in, float *out)
{
    *out = ctvk_bfloat_to_float(ctvk_gguf_u16(in));
}

/* 32 elements: scale; 16 bytes with elements i (low) and i + 16 (high); a level of 0..15 stands for -8..7. */
static void block_q4_0(const uint8_t *in, float *out)
{
    float d = half_at(in);
    for (int i = 0; i < 16; i++) {
        out[i] = (float)((in[2 + i] & 15) - 8) * d;
        out[i + 16] = (float)((in[2 + i] >> 4) - 8) * d;
    }
}

/* Scale, minimum, 16 bytes. */
static void block_q4_1(const uint8_t *in, float *out)
{
    float d = half_at(in), m = half_at(in + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = (float)(in[4 + i] & 15) * d + m;
        out[i + 16] = (float)(in[4 + i] >> 4) * d + m;
    }
}

/* Level i of 32 with its fifth bit from `high`. */
static int32_t five_bits(const uint8_t *low, uint32_t high, int i)
{
    int32_t four = i < 16 ? low[i] & 15 : low[i - 16] >> 4;
    return four | (int32_t)(high >> i & 1) << 4;
}

/* Scale, 32 fifth bits, 16 bytes; a level of 0..31 stands for -16..15. */
static void block_q5_0(const uint8_t *in, float *out)
{
    float d = half_at(in);
    uint32_t high = ctvk_gguf_u32(in + 2);
    for (int i = 0; i < 32; i++)
        out[i] = (float)(five_bits(in + 6, high, i) - 16) * d;
}

/* Scale, minimum, 32 fifth bits, 16 bytes. */
static void block_q5_1(const uint8_t *in, float *out)
{
    float d = half_at(in), m = half_at(in + 2);
    uint32_t high = ctvk_gguf_u32(in + 4);
    for (int i = 0; i < 32; i++)
        out[i] = (float)five_bits(in + 8, high, i) * d + m;
}

/* Scale, 32 signed bytes. */
static void block_q8_0(const uint8_t *in, float *out)
{
    float d = half_at(in);
    for (int i = 0; i < 32; i++)
        out[i] = (float)(int8_t)in[2 + i] * d;
}

/* Group k of the 8 in a Q4_K or Q5_K block: 12 bytes hold 8 scales and 8 minima of 6 bits. Bytes 0-3: scales 0-3 and above them the upper
 * two bits of scales 4-7; 4-7: the same of the minima; 8-11: the lower four bits of scales 4-7 and, above, of the minima. */
static void group_scale(const uint8_t *packed, int k, float d, float dmin, float *scale, float *minimum)
{
    int s, m;
    if (k < 4) {
        s = packed[k] & 63;
        m = packed[k + 4] & 63;
    } else {
        s = (packed[k + 4] & 15) | (packed[k - 4] >> 6) << 4;
        m = packed[k + 4] >> 4 | (packed[k] >> 6) << 4;
    }
    *scale = d * (float)s;
    *minimum = dmin * (float)m;
}

/* Shared by Q4_K and Q5_K: `high` NULL, or 32 bytes with bit k the fifth bit of group k's element. Each 32 bytes of `low` hold group k (low
 * half) and k + 1 (high half). */
static void groups_of_32(const uint8_t *in, const uint8_t *high, const uint8_t *low, float *out)
{
    float d = half_at(in), dmin = half_at(in + 2);
    for (int k = 0; k < 8; k++) {
        float scale, minimum;
        group_scale(in + 4, k, d, dmin, &scale, &minimum);
        const uint8_t *bytes = low + 32 * (k / 2);
        for (int i = 0; i < 32; i++) {
            int32_t level = k & 1 ? bytes[i] >> 4 : bytes[i] & 15;
            if (high)
                level |= (high[i] >> k & 1) << 4;
            out[32 * k + i] = (float)level * scale - minimum;
        }
    }
}

static void block_q4_k(const uint8_t *in, float *out)
{
    groups_of_32(in, NULL, in + 16, out);
}

static void block_q5_k(const uint8_t *in, float *out)
{
    groups_of_32(in, in + 16, in + 48, out);
}

/* 256 elements: 128 bytes of lower four bits, 64 bytes of upper two, 16 signed scales, one for 16 elements, and the scale of all. In each
 * half of 128, element 32 q + i has its lower bits in byte 32 (q mod 2) + i (the upper nibble for q >= 2) and its upper bits in byte i, at
 * 2 q. */
static void block_q6_k(const uint8_t *in, float *out)
{
    float d = half_at(in + 208);
    for (int e = 0; e < 256; e++) {
        int half = e / 128, q = e / 32 % 4, i = e % 32;
        int low = in[64 * half + 32 * (q & 1) + i] >> (q & 2 ? 4 : 0) & 15;
        int level = (low | (in[128 + 32 * half + i] >> 2 * q & 3) << 4) - 32;
        float scale = d * (float)(int8_t)in[192 + e / 16];
        out[e] = scale * (float)level;
    }
}

void ctvk_gguf_to_f32(const ctvk_gguf_tensor *tensor, uint64_t first, uint64_t count, float *out)
{
    static void (*const unpack[])(const uint8_t *in, float *out) = {
        [CTVK_GGML_F32] = block_f32,   [CTVK_GGML_F16] = block_f16,   [CTVK_GGML_Q4_0] = block_q4_0, [CTVK_GGML_Q4_1] = block_q4_1,
        [CTVK_GGML_Q5_0] = block_q5_0, [CTVK_GGML_Q5_1] = block_q5_1, [CTVK_GGML_Q8_0] = block_q8_0, [CTVK_GGML_Q4_K] = block_q4_k,
        [CTVK_GGML_Q5_K] = block_q5_k, [CTVK_GGML_Q6_K] = block_q6_k, [CTVK_GGML_BF16] = block_bf16,
    };
    uint32_t elements = ctvk_gguf_block_elements(tensor->type), bytes = ctvk_gguf_block_bytes(tensor->type);
    const uint8_t *in = (const uint8_t *)tensor->data + first / elements * bytes;
    for (uint64_t i = 0; i < count; i += elements, in += bytes)
        unpack[tensor->type](in, out + i);
}
