/* ref/instance_norm.h - instance norm on dense [c][voxels] arrays, in double. */
#ifndef CTVK_REF_INSTANCE_NORM_H
#define CTVK_REF_INSTANCE_NORM_H

#include <stddef.h>

/* mean and 1/sqrt(biased variance + 1e-5) of each channel. */
void ref_instance_norm_stats(const float *in, int c, size_t voxels, double *mean, double *scale);
/* out = lrelu(IN(in) [+ IN(shortcut)]), slope 0.01; shortcut may be NULL. */
void ref_instance_norm(const float *in, const float *shortcut, int c, size_t voxels, double *out);

#endif
