/* params/rms_norm.h - push constants of the RMS norm; read by GLSL and by C. Only 4-byte scalars. */
#ifndef CTVK_PARAMS_RMS_NORM_H
#define CTVK_PARAMS_RMS_NORM_H

/* One workgroup a row; places and strides in vec4. */
struct ctvk_rms_norm_params {
    int from; /* first row that is read */
    int from_stride;
    int to_stride;
    int width; /* vec4 of one row */
    float eps;
};

#endif
