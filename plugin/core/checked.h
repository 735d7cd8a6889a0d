/* core/checked.h - arithmetic that says when it overflows. Return 0 on success, -1 on overflow. */
#ifndef CTVK_CORE_CHECKED_H
#define CTVK_CORE_CHECKED_H

#include <stdint.h>

static inline int ctvk_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return __builtin_mul_overflow(a, b, out) ? -1 : 0;
}

static inline int ctvk_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return __builtin_add_overflow(a, b, out) ? -1 : 0;
}

/* Rounds up to a power-of-two alignment; the caller knows that value + alignment does not overflow. */
static inline uint64_t ctvk_align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

#endif
