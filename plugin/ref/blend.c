#include "ref/blend.h"

#include <math.h>

static double axis(int i, int n, double sigma_scale)
{
    double t = i - (n - 1) / 2.0, s = sigma_scale * n;
    return exp(-t * t / (2 * s * s));
}

void ref_blend_weights(int x, int y, int z, double sigma_scale, int constant, double *weights)
{
    double smallest = INFINITY;
    int count = x * y * z;
    for (int i = 0; i < count; i++) {
        weights[i] = axis(i / (y * z), x, sigma_scale) * axis(i / z % y, y, sigma_scale) * axis(i % z, z, sigma_scale);
        smallest = fmin(smallest, weights[i]);
    }
    for (int i = 0; i < count; i++)
        weights[i] = constant ? 1 : fmax(weights[i], fmax(smallest, 1e-3));
}
