/* nets/alignment_blocks.h - where the packed weights of an alignment lie; for alignment*.c. */
#ifndef CTVK_NETS_ALIGNMENT_BLOCKS_H
#define CTVK_NETS_ALIGNMENT_BLOCKS_H

#include "nets/alignment.h"

enum { CTVK_ALIGN_LAYERS = 2, CTVK_ALIGN_FLOATS = 64 /* every block begins on 256 bytes */ };

/* Floats up to the beginning of the next block. */
static inline uint64_t ctvk_align_up_floats(uint64_t floats)
{
    return (floats + CTVK_ALIGN_FLOATS - 1) / CTVK_ALIGN_FLOATS * CTVK_ALIGN_FLOATS;
}

/* Packed weights: blocks [rows][columns] followed by a bias of [rows], except norms (gamma, beta). FOLD_OUT is image_to_token's
 * out_proj again, transposed, for folding the values (its bias is not used there). */
enum {
    CTVK_ALIGN_TEXT = -1,
    CTVK_ALIGN_SELF_IN, /* q, k, v one below the other */
    CTVK_ALIGN_SELF_OUT,
    CTVK_ALIGN_NORM1,
    CTVK_ALIGN_T2I_Q,
    CTVK_ALIGN_T2I_K,
    CTVK_ALIGN_T2I_V,
    CTVK_ALIGN_T2I_OUT,
    CTVK_ALIGN_NORM2,
    CTVK_ALIGN_LIN1,
    CTVK_ALIGN_LIN2,
    CTVK_ALIGN_NORM3,
    CTVK_ALIGN_I2T_Q,
    CTVK_ALIGN_I2T_KV, /* k, v */
    CTVK_ALIGN_I2T_OUT,
    CTVK_ALIGN_I2T_FOLD_OUT,
    CTVK_ALIGN_NORM4,
    CTVK_ALIGN_BLOCKS
};

int32_t ctvk_align_text_width(const ctvk_alignment *a); /* rows of text are padded with zeros to whole vec4 */
void ctvk_align_block_shape(const ctvk_alignment *a, int32_t block, int32_t *rows, int32_t *columns); /* norms: 1 row */
uint64_t ctvk_align_block_floats(const ctvk_alignment *a, int32_t block);
/* Floats before a block; CTVK_ALIGN_BLOCKS: all up to the end of this layer. */
uint64_t ctvk_align_block_place(const ctvk_alignment *a, int32_t layer, int32_t block);

#endif
