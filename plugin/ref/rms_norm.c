#include "ref/rms_norm.h"

#include <math.h>

void ref_rms_norm(const double *in, const float *weight, int width, double eps, double *out)
{
    double squares = 0;
    for (int i = 0; i < width; i++)
        squares += in[i] * in[i];
    double scale = 1 / sqrt(squares / width + eps);
    for (int i = 0; i < width; i++)
        out[i] = in[i] * scale * weight[i];
}
