/* ref/narrow.h - four numbers in 64 bits: integers of 15, 15, 15 and 14 bits with one exponent, as 16-bit activations are stored
 * (shaders/common/activation.glsl). */
#ifndef CTVK_REF_NARROW_H
#define CTVK_REF_NARROW_H

#include <stddef.h>
#include <stdint.h>

/* To the nearest, ties to even; all four no numbers where one is none, or 2^16 or more. What was stored is stored again as it is. */
void ref_narrow(const float in[4], uint32_t out[2]);
/* Exact. */
void ref_widen(const uint32_t in[2], float out[4]);
/* Numbers [c][voxels], c a multiple of 4, as they are after being stored. */
void ref_narrowed(float *numbers, int c, size_t voxels);
/* What such numbers stand for, in place: number / scale + mean. stats: of each four channels their means, then their scales. */
void ref_restored(float *numbers, const float *stats, int c, size_t voxels);

#endif
