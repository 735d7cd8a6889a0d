/* ref/rms_norm.h - RMS norm of one row, in double. */
#ifndef CTVK_REF_RMS_NORM_H
#define CTVK_REF_RMS_NORM_H

/* out = in / sqrt(mean(in^2) + eps) * weight; out may be in. */
void ref_rms_norm(const double *in, const float *weight, int width, double eps, double *out);

#endif
