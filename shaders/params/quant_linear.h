/* params/quant_linear.h - push constants of the products with packed weight matrices; read by GLSL and by C. Only `int`, 4 bytes in both.
 * Places are within the binding: bytes of packed weights, vec4 of input rows, floats of output rows. */
#ifndef CTVK_PARAMS_QUANT_LINEAR_H
#define CTVK_PARAMS_QUANT_LINEAR_H

/* One dispatch: some outputs of all given rows, the whole width. */
struct ctvk_quant_linear_params {
    int weights; /* first output's row */
    int row_bytes;
    int width;
    int outs;
    int rows;
    int from;
    int in_stride; /* vec4 */
    int to;        /* first row, first output */
    int out_stride;
    int accumulate; /* not 0: add to what is there */
};

#endif
