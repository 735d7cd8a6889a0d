/* ref/quant_linear.h - products with packed weights in double, decoded weight by weight; shares no code with the plugin. */
#ifndef CTVK_REF_QUANT_LINEAR_H
#define CTVK_REF_QUANT_LINEAR_H

#include <stddef.h>
#include <stdint.h>

/* Weights of a block and bytes of a block of a CTVK_QUANT_* type; 0, 0: unknown. */
void ref_quant_block(int type, int *weights, int *bytes);
/* Weight `index` of a packed row. *size: |scale * number| + |shift|, what its rounding errors are measured by. */
double ref_quant_weight(int type, const uint8_t *row, int index, double *size);

/* want[t][o] += sum_k in[t][k] W[o][k], sizes[t][o] += sum_k |in[t][k]| size(W[o][k]); both [rows][outs]. */
void ref_quant_linear(int type, const uint8_t *packed, int width, int outs, const float *in, int in_stride, int rows, double *want,
                      double *sizes);

#endif
