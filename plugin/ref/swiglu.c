#include "ref/swiglu.h"

#include <math.h>

void ref_swiglu(double *gate, const double *up, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
}
