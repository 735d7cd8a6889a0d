#include "ref/transp_conv3d.h"

#include <stddef.h>

void ref_transp_conv3d(const float *in, int in_c, int x, int y, int z, const float *weights, int out_c, double *out)
{
    for (int o = 0; o < out_c; o++) {
        for (int i = 0; i < 2 * x; i++) {
            for (int j = 0; j < 2 * y; j++) {
                for (int k = 0; k < 2 * z; k++) {
                    int tap = (i & 1) * 4 + (j & 1) * 2 + (k & 1);
                    double sum = 0;
                    for (int c = 0; c < in_c; c++) {
                        sum += (double)in[(((size_t)c * x + i / 2) * y + j / 2) * z + k / 2] * weights[((size_t)c * out_c + o) * 8 + tap];
                    }
                    *out++ = sum;
                }
            }
        }
    }
}
