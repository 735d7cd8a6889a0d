/* ref/transp_conv3d.h - transposed convolution, kernel 2, stride 2, on dense [c][x][y][z] float32 arrays, sums in double. */
#ifndef CTVK_REF_TRANSP_CONV3D_H
#define CTVK_REF_TRANSP_CONV3D_H

/* in: [in_c][x][y][z], weights: [in_c][out_c][2][2][2], out: [out_c][2x][2y][2z]. */
void ref_transp_conv3d(const float *in, int in_c, int x, int y, int z, const float *weights, int out_c, double *out);

#endif
