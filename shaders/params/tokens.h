/* params/tokens.h - push constants of the operations on token rows; read by GLSL and by C. Only 4-byte scalars.
 * All places are within one buffer of token rows, in vec4 where the row is read as vec4, else in floats. */
#ifndef CTVK_PARAMS_TOKENS_H
#define CTVK_PARAMS_TOKENS_H

/* out[p][o] = act(bias[o] + sum_i W[o][i] in[p][i]); weights: [outs][width] then bias [outs]. */
struct ctvk_linear_params {
    int from;        /* vec4 */
    int in_stride;   /* vec4 from one row to the next */
    int in_add;      /* vec4: rows added to those of `from` where o < add_outs, same stride */
    int add_outs;    /* 0: nothing is added */
    int head_outs;   /* outputs that share input rows; head h reads `from` + h * head_stride */
    int head_stride; /* vec4 */
    int width;       /* vec4 of one input row */
    int outs;
    int to;         /* float */
    int out_stride; /* float */
    int relu;
};

/* out = layer norm of (in + add) over rows of `width` vec4, eps 1e-5; weights: gamma, beta. */
struct ctvk_layer_norm_params {
    int from; /* vec4, rows lie one behind the other in all three */
    int add;  /* vec4; equal to -1: nothing is added */
    int to;   /* vec4; may be in or add */
    int width;
};

/* Attention among `rows` tokens, heads of `head` channels; all rows have the same stride. Places in floats. */
struct ctvk_attend_params {
    int q;
    int k;
    int v;
    int stride;
    int to; /* rows of `width` floats */
    int rows;
    int width;
    int head;
    float scale;
};

/* out[h * rows + p][c] = scale * sum_d W[h * head + d][c] (in[p][h * head + d] - in[last][h * head + d]);
 * weights: [width][columns], then bias [width], which takes the place of one more column and goes to `constants`. */
struct ctvk_fold_params {
    int from;      /* float */
    int in_stride; /* float */
    int subtract;  /* float: row to subtract; -1: none */
    int rows;
    int head;
    int width;
    int columns;
    int to;        /* float */
    int constants; /* float */
    float scale;
};

#endif
