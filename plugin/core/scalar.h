/* core/scalar.h - the voxel types: their sizes, and reading them. */
#ifndef CTVK_CORE_SCALAR_H
#define CTVK_CORE_SCALAR_H

#include "ctvk/types.h"

/* Bytes of one voxel; 0 for a number that is no type. */
int32_t ctvk_scalar_bytes(ctvk_scalar type);

/* slope * stored + intercept, in double, of a row of n values of a known type, `stride` bytes apart and at any address. */
void ctvk_scalar_read(ctvk_scalar type, const void *first, int64_t stride, int64_t n, double slope, double intercept, double *out);

#endif
