#include "formats/gguf.h"

#include <stddef.h>

typedef struct block {
    const char *name;
    uint16_t elements, bytes; /* of one block; 0: not read */
} block;

/* Source: ggml.h, enum ggml_type, and the block structures of ggml-common.h. The numbers without a block size are there for their names;
 * those that ggml has given up keep the names that they had. */
static const block blocks[] = {
    [CTVK_GGML_F32] = {"F32", 1, 4},
    [CTVK_GGML_F16] = {"F16", 1, 2},
    [CTVK_GGML_Q4_0] = {"Q4_0", 32, 18},
    [CTVK_GGML_Q4_1] = {"Q4_1", 32, 20},
    [4] = {"Q4_2", 0, 0},
    [5] = {"Q4_3", 0, 0},
    [CTVK_GGML_Q5_0] = {"Q5_0", 32, 22},
    [CTVK_GGML_Q5_1] = {"Q5_1", 32, 24},
    [CTVK_GGML_Q8_0] = {"Q8_0", 32, 34},
    [9] = {"Q8_1", 0, 0},
    [10] = {"Q2_K", 0, 0},
    [11] = {"Q3_K", 0, 0},
    [CTVK_GGML_Q4_K] = {"Q4_K", 256, 144},
    [CTVK_GGML_Q5_K] = {"Q5_K", 256, 176},
    [CTVK_GGML_Q6_K] = {"Q6_K", 256, 210},
    [15] = {"Q8_K", 0, 0},
    [16] = {"IQ2_XXS", 0, 0},
    [17] = {"IQ2_XS", 0, 0},
    [18] = {"IQ3_XXS", 0, 0},
    [19] = {"IQ1_S", 0, 0},
    [20] = {"IQ4_NL", 0, 0},
    [21] = {"IQ3_S", 0, 0},
    [22] = {"IQ2_S", 0, 0},
    [23] = {"IQ4_XS", 0, 0},
    [24] = {"I8", 0, 0},
    [25] = {"I16", 0, 0},
    [26] = {"I32", 0, 0},
    [27] = {"I64", 0, 0},
    [28] = {"F64", 0, 0},
    [29] = {"IQ1_M", 0, 0},
    [CTVK_GGML_BF16] = {"BF16", 1, 2},
    [31] = {"Q4_0_4_4", 0, 0},
    [32] = {"Q4_0_4_8", 0, 0},
    [33] = {"Q4_0_8_8", 0, 0},
    [34] = {"TQ1_0", 0, 0},
    [35] = {"TQ2_0", 0, 0},
    [36] = {"IQ4_NL_4_4", 0, 0},
    [37] = {"IQ4_NL_4_8", 0, 0},
    [38] = {"IQ4_NL_8_8", 0, 0},
    [39] = {"MXFP4", 0, 0},
    [40] = {"NVFP4", 0, 0},
    [41] = {"Q1_0", 0, 0},
    [42] = {"Q2_0", 0, 0},
};

static const block *block_of(int32_t type)
{
    static const block unknown = {"unknown", 0, 0};
    return type >= 0 && type < (int32_t)(sizeof blocks / sizeof *blocks) ? &blocks[type] : &unknown;
}

uint32_t ctvk_gguf_block_elements(int32_t type)
{
    return block_of(type)->elements;
}

uint32_t ctvk_gguf_block_bytes(int32_t type)
{
    return block_of(type)->bytes;
}

const char *ctvk_gguf_type_name(int32_t type)
{
    return block_of(type)->name;
}
