/* ref/conv3d.h - plain convolution on dense [c][x][y][z] float32 arrays, sums in double. */
#ifndef CTVK_REF_CONV3D_H
#define CTVK_REF_CONV3D_H

/* kernel 3 (pad 1) or 1 (pad 0), any stride. in: [in_c][x][y][z], weights: [out_c][in_c][k][k][k],
 * out: [out_c][ceil(x/stride)][ceil(y/stride)][ceil(z/stride)]. */
void ref_conv3d(const float *in, int in_c, int x, int y, int z, const float *weights, int out_c, int kernel, int stride, double *out);

#endif
