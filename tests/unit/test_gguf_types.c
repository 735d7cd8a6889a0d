/* Dequantisation of every tensor type against ref/dequant.c. The reference is exact in double and ggml rounds once, so that the float32
 * results must be the reference's rounded values, bit for bit. */
#include "formats/gguf.h"
#include "ref/dequant.h"
#include "support/check.h"
#include "support/quant_blocks.h"

#include <math.h>

#define BLOCKS 500
#define MOST (BLOCKS * 256)
#define GUARD 7 /* elements on either side, NaN before and after */

static uint8_t packed[MOST * 4];
static double want[MOST];
static float got[MOST + 2 * GUARD];

static ctvk_gguf_tensor tensor_of(int32_t type, size_t elements)
{
    ctvk_gguf_tensor t = {.name = "t", .type = type, .rank = 1, .shape = {elements, 1, 1, 1}, .count = elements, .data = packed};
    t.bytes = elements / ref_dequant_elements(type) * ref_dequant_bytes(type);
    return t;
}

static int same_bits(float a, float b)
{
    return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a);
}

/* Elements [first, first + count): equal, and nothing written beside them. */
static void check_span(int32_t type, size_t elements, size_t first, size_t count)
{
    ctvk_gguf_tensor t = tensor_of(type, elements);
    size_t wrong = 0, at = 0;
    for (size_t i = 0; i < count + 2 * GUARD; i++)
        got[i] = NAN;
    ctvk_gguf_to_f32(&t, first, count, got + GUARD);
    for (size_t i = 0; i < count; i++)
        if (!same_bits(got[GUARD + i], (float)want[first + i]) && !wrong++)
            at = i;
    CHECK_MSG(!wrong, "%s: %zu of %zu differ, first at %zu: %.9g instead of %.9g", ctvk_gguf_type_name(type), wrong, count, first + at,
              got[GUARD + at], want[first + at]);
    for (size_t i = 0; i < GUARD; i++)
        CHECK(isnan(got[i]) && isnan(got[GUARD + count + i]));
}

static void random_blocks(int32_t type, int kind)
{
    size_t block = ref_dequant_elements(type), elements = BLOCKS * block;
    quant_blocks_random(type, elements, kind, 11, packed);
    ref_dequant(type, packed, elements, want);
    for (size_t i = 0; i < elements; i++)
        CHECK_MSG(isfinite(want[i]), "%s: element %zu of the reference", ctvk_gguf_type_name(type), i);
    check_span(type, elements, 0, elements);
    check_span(type, elements, block, block);
    check_span(type, elements, elements - 3 * block, 3 * block);
    check_span(type, elements, 5 * block, 0);
}

/* Bits of all kinds, infinities and NaN among them: a damaged weight must stay visible, not become a number. */
static void any_bits(int32_t type)
{
    size_t elements = BLOCKS * ref_dequant_elements(type), infinite = 0;
    uint32_t state = 12345 + (uint32_t)type;
    for (size_t i = 0; i < sizeof packed; i++) {
        state = state * 1664525u + 1013904223u;
        packed[i] = (uint8_t)(state >> 24);
        if (i % 18 < 2 && state >> 20 & 1)
            packed[i] = i % 2 ? 0x7c : 0;
    }
    ref_dequant(type, packed, elements, want);
    for (size_t i = 0; i < elements; i++)
        infinite += !isfinite(want[i]);
    CHECK_MSG(infinite > 0 || type == 0 || type == 30, "%s", ctvk_gguf_type_name(type));
    check_span(type, elements, 0, elements);
}

/* Every binary16 and bfloat16. */
static void all_halves(void)
{
    for (int32_t type = 1; type <= 30; type += 29)
        for (uint32_t first = 0; first < 65536; first += 32768) {
            for (uint32_t i = 0; i < 32768; i++) {
                packed[2 * i] = (uint8_t)i;
                packed[2 * i + 1] = (uint8_t)((first + i) >> 8);
            }
            ref_dequant(type, packed, 32768, want);
            check_span(type, 32768, 0, 32768);
        }
}

/* Written out by hand from the format's definition, so that the reference itself is held by something. */
static void by_hand(void)
{
    float out[256];
    uint8_t block[210] = {0};
    ctvk_gguf_tensor t = {.name = "t", .type = CTVK_GGML_Q4_0, .rank = 1, .shape = {32, 1, 1, 1}, .count = 32, .data = block};
    block[1] = 0x40; /* 2.0 */
    block[2] = 0xf0;
    block[17] = 0x18;
    ctvk_gguf_to_f32(&t, 0, 32, out);
    CHECK(out[0] == -16 && out[16] == 14 && out[15] == 0 && out[31] == -14 && out[1] == -16 && out[17] == -16);
    t.type = CTVK_GGML_Q5_1; /* 2 q + 0.5; the fifth bit of element 16 */
    memset(block, 0, sizeof block);
    block[1] = 0x40;
    block[3] = 0x38;
    block[6] = 1;
    block[8] = 0x21;
    ctvk_gguf_to_f32(&t, 0, 32, out);
    CHECK(out[0] == 2.5f && out[16] == 2 * 18 + 0.5f && out[1] == 0.5f);
    t.type = CTVK_GGML_Q4_K; /* group 5: scale 0b10_0011, minimum 0b01_0100 */
    t.count = t.shape[0] = 256;
    memset(block, 0, sizeof block);
    block[1] = 0x3c;
    block[3] = 0x40;
    block[4 + 1] = 2 << 6;
    block[4 + 5] = 1 << 6;
    block[4 + 9] = 0x43;
    block[16 + 2 * 32 + 7] = 0xb0;
    ctvk_gguf_to_f32(&t, 0, 256, out);
    CHECK(out[5 * 32 + 7] == 35 * 11 - 2 * 20 && out[5 * 32 + 8] == -40 && out[4 * 32] == 0);
    t.type = CTVK_GGML_Q6_K; /* element 128 + 3 * 32 + 17: scale 15, level 0b11_1010 - 32 */
    memset(block, 0, sizeof block);
    memset(block + 192, 1, 16);
    block[209] = 0x3c;
    block[192 + 15] = 0xfe;
    block[64 + 32 + 17] = 0xa0;
    block[128 + 32 + 17] = 0xc0;
    ctvk_gguf_to_f32(&t, 0, 256, out);
    CHECK(out[128 + 96 + 17] == -2 * 26 && out[0] == -32 && out[128 + 96 + 18] == 64);
}

static void table(void)
{
    static const char *const names[] = {
        "F32",      "F16",    "Q4_0",  "Q4_1",       "Q4_2",       "Q4_3",       "Q5_0",   "Q5_1",    "Q8_0",  "Q8_1",     "Q2_K",
        "Q3_K",     "Q4_K",   "Q5_K",  "Q6_K",       "Q8_K",       "IQ2_XXS",    "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL",   "IQ3_S",
        "IQ2_S",    "IQ4_XS", "I8",    "I16",        "I32",        "I64",        "F64",    "IQ1_M",   "BF16",  "Q4_0_4_4", "Q4_0_4_8",
        "Q4_0_8_8", "TQ1_0",  "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",  "NVFP4",   "Q1_0",  "Q2_0"};
    int32_t count = (int32_t)(sizeof names / sizeof *names);
    int readable = 0;
    for (int32_t i = -2; i < count + 3; i++) {
        CHECK_MSG(!strcmp(ctvk_gguf_type_name(i), i >= 0 && i < count ? names[i] : "unknown"), "type %d", i);
        CHECK(ctvk_gguf_block_elements(i) == ref_dequant_elements(i) && ctvk_gguf_block_bytes(i) == ref_dequant_bytes(i));
        readable += ctvk_gguf_block_elements(i) > 0;
    }
    CHECK(readable == REF_DEQUANT_TYPES && !ctvk_gguf_block_bytes(INT32_MAX) && !ctvk_gguf_block_bytes(INT32_MIN));
}

int main(void)
{
    table();
    by_hand();
    all_halves();
    for (int i = 0; i < REF_DEQUANT_TYPES; i++) {
        random_blocks(ref_dequant_types[i], QUANT_BLOCKS_PLAIN);
        random_blocks(ref_dequant_types[i], QUANT_BLOCKS_EXTREME);
        any_bits(ref_dequant_types[i]);
    }
    return check_done("gguf_types");
}
