/* params/quant_linear.h - push constants of the products with packed weight matrices; read by GLSL and by C. Only `int`, 4 bytes in both.
 * Places are within the binding: bytes of packed weights, vec4 of everything else where no other unit stands. */
#ifndef CTVK_PARAMS_QUANT_LINEAR_H
#define CTVK_PARAMS_QUANT_LINEAR_H

/* Portable: one dispatch computes some outputs of some rows, the whole width. */
struct ctvk_quant_linear_params {
    int weights; /* first output's row */
    int row_bytes;
    int width;
    int outs;
    int rows;
    int from;
    int in_stride;  /* vec4 */
    int to;         /* float: first row, first output */
    int out_stride; /* float */
    int accumulate; /* not 0: add to what is there */
};

/* Rows to [tile of rows][width][row of the tile]. Grid: vec4 of a row, groups of four rows. */
struct ctvk_quant_linear_pack_params {
    int from;
    int in_stride; /* vec4 */
    int rows;
    int width;
    int fours; /* vec4 of a packed row: the width, rounded up to whole runs */
};

/* Weights to [part][vec4 of the part][output]. Grid: parts (those of whole runs), outputs. */
struct ctvk_quant_linear_decode_params {
    int weights; /* first output's row */
    int row_bytes;
    int width;
    int outs;
};

/* Sums to [run][tile][fours of the tile][output] vec4, four rows in each. Grid: outputs, tiles, runs. */
struct ctvk_quant_linear_product_params {
    int low; /* device address of the packed rows */
    int high;
    int from; /* first run */
    int to;
    int outs;
    int tiles[14]; /* bytes from that address to each tile, and from there to each run */
    int runs[12];
};

/* Grid: vec4 of an output row, groups of four rows. */
struct ctvk_quant_linear_sum_params {
    int to;         /* first row, first output */
    int out_stride; /* vec4 */
    int outs;
    int rows;
    int runs;
    int run; /* vec4 from one run to the next */
};

#endif
