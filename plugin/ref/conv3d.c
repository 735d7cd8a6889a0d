#include "ref/conv3d.h"

#include <stddef.h>

/* out[o, v] = sum over c and taps of w[o, c, tap] * in[c, v * stride + tap - pad]; voxels outside count as zero. */
static double one(const float *in, int in_c, int x, int y, int z, const float *weights, int kernel, const int at[3])
{
    double sum = 0;
    for (int c = 0; c < in_c; c++) {
        for (int i = 0; i < kernel; i++) {
            for (int j = 0; j < kernel; j++) {
                for (int k = 0; k < kernel; k++) {
                    int px = at[0] + i, py = at[1] + j, pz = at[2] + k;
                    if (px < 0 || px >= x || py < 0 || py >= y || pz < 0 || pz >= z) {
                        continue;
                    }
                    sum += (double)in[(((size_t)c * x + px) * y + py) * z + pz] * weights[((c * kernel + i) * kernel + j) * kernel + k];
                }
            }
        }
    }
    return sum;
}

void ref_conv3d(const float *in, int in_c, int x, int y, int z, const float *weights, int out_c, int kernel, int stride, double *out)
{
    int pad = kernel / 2;
    size_t volume = (size_t)in_c * kernel * kernel * kernel;
    for (int o = 0; o < out_c; o++) {
        for (int i = 0; i < x; i += stride) {
            for (int j = 0; j < y; j += stride) {
                for (int k = 0; k < z; k += stride) {
                    int at[3] = {i - pad, j - pad, k - pad};
                    *out++ = one(in, in_c, x, y, z, weights + o * volume, kernel, at);
                }
            }
        }
    }
}
