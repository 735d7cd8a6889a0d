/* ref/narrow.h - IEEE 754 binary16 from and to wider numbers, as half-precision activations are stored. */
#ifndef CTVK_REF_NARROW_H
#define CTVK_REF_NARROW_H

#include <stdint.h>

/* To the nearest, ties to even; NaN (0x7e00 with the sign) where that would be infinite, or is NaN. */
uint16_t ref_narrow(float value);
/* Exact; NaN and infinities too. */
double ref_widen(uint16_t half);
/* value as it is after being stored. */
float ref_narrowed(float value);

#endif
