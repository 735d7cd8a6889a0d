/* support/seeded_weights.h - weights that cost no bytes in the repository: a function of tensor name, shape and index, the same bit for
 * bit in C and in Python (tests/data/README.md says how; plugin/train/seeded_weights.py is the twin). */
#ifndef CTVK_TESTS_SEEDED_WEIGHTS_H
#define CTVK_TESTS_SEEDED_WEIGHTS_H

#include <stdint.h>

/* Element `index` of a tensor. */
float seeded_weight(const char *name, int32_t rank, const uint64_t *shape, uint64_t index);

/* Reads case_folder/manifest.json, writes a copy of it and the network.safetensors that it asks for into out_folder (which exists). 0, or
 * -1 with one line on stderr. */
int seeded_weights_write(const char *case_folder, const char *out_folder);

#endif
