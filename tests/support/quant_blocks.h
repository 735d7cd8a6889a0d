/* support/quant_blocks.h - packed blocks of every tensor type that is read, for tests: all bits random but the floating-point ones. */
#ifndef CTVK_TESTS_QUANT_BLOCKS_H
#define CTVK_TESTS_QUANT_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum {
    QUANT_BLOCKS_PLAIN,  /* scales of a weight: each element of a size around 0.02 */
    QUANT_BLOCKS_EXTREME /* scales among zeros of both signs, subnormals, the least and the largest finite; elements always finite */
};

/* Fills count elements (a multiple of the type's block) of a type of ref/dequant.h. The same seed gives the same bytes. */
void quant_blocks_random(int32_t type, size_t count, int kind, uint32_t seed, void *out);

#endif
