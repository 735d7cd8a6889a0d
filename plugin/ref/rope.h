/* ref/rope.h - rotary position embedding of one row, in double. */
#ifndef CTVK_REF_ROPE_H
#define CTVK_REF_ROPE_H

/* row: [heads][head_dim], in place. Pair (2i, 2i + 1) of the first `dim` channels of every head is turned by
 * position * scale / (base^(2i / dim) * divisors[i]); divisors may be NULL. */
void ref_rope(double *row, int heads, int head_dim, int dim, int position, double base, double scale, const float *divisors);

#endif
