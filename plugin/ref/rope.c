#include "ref/rope.h"

#include <math.h>

void ref_rope(double *row, int heads, int head_dim, int dim, int position, double base, double scale, const float *divisors)
{
    for (int i = 0; i < dim / 2; i++) {
        double wavelength = pow(base, 2.0 * i / dim) * (divisors ? divisors[i] : 1);
        double c = cos(position * scale / wavelength), s = sin(position * scale / wavelength);
        for (int h = 0; h < heads; h++) {
            double *pair = row + h * head_dim + 2 * i, a = pair[0], b = pair[1];
            pair[0] = a * c - b * s;
            pair[1] = a * s + b * c;
        }
    }
}
