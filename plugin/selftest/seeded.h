/* selftest/seeded.h - numbers that are the same on every machine: weights of a whole network without a file, inputs of the trials. */
#ifndef CTVK_SELFTEST_SEEDED_H
#define CTVK_SELFTEST_SEEDED_H

#include <stdint.h>

/* Number `index` of a sequence, in [-1, 1), exact in float32 (the finaliser of splitmix64 on seed and index). [any thread] */
float ctvk_seeded_number(uint64_t seed, uint64_t index);
/* Element `index` of the tensor `name` as plugin/train/seeded_weights.py has it: bounds that keep activations near 1. [any thread] */
float ctvk_seeded_weight(const char *name, int32_t rank, const uint64_t *shape, uint64_t index);

#endif
