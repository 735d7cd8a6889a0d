/* ref/swiglu.h - the gated activation, in double. */
#ifndef CTVK_REF_SWIGLU_H
#define CTVK_REF_SWIGLU_H

#include <stddef.h>

/* gate = gate / (1 + exp(-gate)) * up */
void ref_swiglu(double *gate, const double *up, size_t count);

#endif
