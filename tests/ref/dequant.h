/* ref/dequant.h - the tensor types of GGUF files as their format defines them, in double: exact, because no value needs more than 53 bits.
 * The numbers are ggml's (CTVK_GGML_* in formats/gguf.h). */
#ifndef CTVK_REF_DEQUANT_H
#define CTVK_REF_DEQUANT_H

#include <stddef.h>
#include <stdint.h>

/* The eleven types that are read, for loops over all. */
#define REF_DEQUANT_TYPES 11
extern const int32_t ref_dequant_types[REF_DEQUANT_TYPES];

/* Elements and bytes of one block; 0 for another type. */
size_t ref_dequant_elements(int32_t type);
size_t ref_dequant_bytes(int32_t type);

double ref_half(uint16_t bits);

/* count: a multiple of the block. */
void ref_dequant(int32_t type, const void *blocks, size_t count, double *out);

#endif
