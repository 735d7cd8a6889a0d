#include "core/scalar.h"

#include <string.h>

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

/* memcpy because strides need not keep the type's alignment. */
typedef void (*row_reader)(const unsigned char *at, int64_t stride, int64_t n, double slope, double intercept, double *out);

#define ROW_READER(NAME, TYPE)                                                                                        \
    static void NAME(const unsigned char *at, int64_t stride, int64_t n, double slope, double intercept, double *out) \
    {                                                                                                                 \
        for (int64_t i = 0; i < n; i++, at += stride) {                                                               \
            TYPE stored;                                                                                              \
            memcpy(&stored, at, sizeof stored);                                                                       \
            out[i] = slope * (double)stored + intercept;                                                              \
        }                                                                                                             \
    }
ROW_READER(read_u8, uint8_t)
ROW_READER(read_i8, int8_t)
ROW_READER(read_u16, uint16_t)
ROW_READER(read_i16, int16_t)
ROW_READER(read_u32, uint32_t)
ROW_READER(read_i32, int32_t)
ROW_READER(read_u64, uint64_t)
ROW_READER(read_i64, int64_t)
ROW_READER(read_f32, float)
ROW_READER(read_f64, double)

void ctvk_scalar_read(ctvk_scalar type, const void *first, int64_t stride, int64_t n, double slope, double intercept, double *out)
{
    static const row_reader readers[] = {
        [CTVK_SCALAR_UINT8] = read_u8,  [CTVK_SCALAR_INT16] = read_i16, [CTVK_SCALAR_UINT16] = read_u16, [CTVK_SCALAR_FLOAT32] = read_f32,
        [CTVK_SCALAR_INT8] = read_i8,   [CTVK_SCALAR_INT32] = read_i32, [CTVK_SCALAR_UINT32] = read_u32, [CTVK_SCALAR_FLOAT64] = read_f64,
        [CTVK_SCALAR_INT64] = read_i64, [CTVK_SCALAR_UINT64] = read_u64};
    readers[type](first, stride, n, slope, intercept, out);
}
