/* params/blend.h - push constants of window blending; read by GLSL and by C. */
#ifndef CTVK_PARAMS_BLEND_H
#define CTVK_PARAMS_BLEND_H

/* w = max(exp(sum over axes of t^2 * rate), least), t = distance to the window's centre in voxels. Places in floats. */
struct ctvk_blend_params {
    int from; /* where the first plane begins in its binding */
    int to;
    int first_x; /* of the window */
    int size_y;
    int size_z;
    int voxels; /* of this dispatch */
    int classes;
    float centre_x; /* (n - 1) / 2 */
    float centre_y;
    float centre_z;
    float rate_x; /* -1 / (2 s^2) */
    float rate_y;
    float rate_z;
    float least; /* 1 where every weight is 1 */
};

#endif
