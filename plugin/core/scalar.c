#include "core/scalar.h"

int32_t ctvk_scalar_bytes(ctvk_scalar type)
{
    switch (type) {
    case CTVK_SCALAR_UINT8:
    case CTVK_SCALAR_INT8:
        return 1;
    case CTVK_SCALAR_INT16:
    case CTVK_SCALAR_UINT16:
        return 2;
    case CTVK_SCALAR_FLOAT32:
    case CTVK_SCALAR_INT32:
    case CTVK_SCALAR_UINT32:
        return 4;
    case CTVK_SCALAR_FLOAT64:
    case CTVK_SCALAR_INT64:
    case CTVK_SCALAR_UINT64:
        return 8;
    default:
        return 0;
    }
}
