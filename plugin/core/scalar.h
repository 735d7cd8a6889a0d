/* core/scalar.h - sizes of the voxel types. */
#ifndef CTVK_CORE_SCALAR_H
#define CTVK_CORE_SCALAR_H

#include "ctvk/types.h"

/* Bytes of one voxel; 0 for a number that is no type. */
int32_t ctvk_scalar_bytes(ctvk_scalar type);

#endif
