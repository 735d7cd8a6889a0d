/* ref/blend.h - the weights of a window (model.md, step 8), in double. */
#ifndef CTVK_REF_BLEND_H
#define CTVK_REF_BLEND_H

/* weights: [x][y][z]. w = product over axes of exp(-t^2 / (2 s^2)), t = distance to (n - 1) / 2, s = sigma_scale * n, not below
 * max(smallest w, 1e-3). constant: all 1. */
void ref_blend_weights(int x, int y, int z, double sigma_scale, int constant, double *weights);

#endif
