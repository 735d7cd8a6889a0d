/* ref/tokens.h - the operations on a few rows of numbers, in double. Rows are dense: [rows][width]. Weights are those of the file. */
#ifndef CTVK_REF_TOKENS_H
#define CTVK_REF_TOKENS_H

/* out[rows][outs] = in[rows][width] . weight[outs][width]^T + bias[outs]. */
void ref_linear(const double *in, const float *weight, const float *bias, int rows, int width, int outs, double *out);
void ref_relu(double *values, int count);
/* Over each row, biased variance, eps 1e-5. out may be in. */
void ref_layer_norm(const double *in, const float *gamma, const float *beta, int rows, int width, double *out);
/* softmax(q k^T / sqrt(width / heads)) v in each head. q and out: [queries][width], k and v: [keys][width]. */
void ref_attend(const double *q, const double *k, const double *v, int queries, int keys, int width, int heads, double *out);
/* out[head * rows + row][columns] = scale * sum over the head's d of weight[d][columns] in[row][d], constants[head * rows + row] the same
 * with bias[d] in the place of a column. weight: [width][columns]. */
void ref_fold(const double *in, const float *weight, const float *bias, int rows, int heads, int width, int columns, double scale,
              double *out, double *constants);

#endif
