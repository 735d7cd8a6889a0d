#include "ref/instance_norm.h"

#include <math.h>

static void channel_stats(const float *in, size_t voxels, double *mean, double *scale)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < voxels; i++)
        sum += in[i];
    *mean = sum / (double)voxels;
    for (size_t i = 0; i < voxels; i++)
        squares += (in[i] - *mean) * (in[i] - *mean);
    *scale = 1 / sqrt(squares / (double)voxels + 1e-5);
}

void ref_instance_norm_stats(const float *in, int c, size_t voxels, double *mean, double *scale)
{
    for (int k = 0; k < c; k++)
        channel_stats(in + (size_t)k * voxels, voxels, &mean[k], &scale[k]);
}

void ref_instance_norm(const float *in, const float *shortcut, int c, size_t voxels, double *out)
{
    for (int k = 0; k < c; k++, in += voxels, out += voxels) {
        double mean, scale, other_mean = 0, other_scale = 0;
        channel_stats(in, voxels, &mean, &scale);
        if (shortcut)
            channel_stats(shortcut, voxels, &other_mean, &other_scale);
        for (size_t i = 0; i < voxels; i++) {
            double v = (in[i] - mean) * scale + (shortcut ? (shortcut[i] - other_mean) * other_scale : 0);
            out[i] = v > 0 ? v : 0.01 * v;
        }
        if (shortcut)
            shortcut += voxels;
    }
}
