/* params/swiglu.h - push constants of the gated activation; read by GLSL and by C. Only `int`, 4 bytes in both. */
#ifndef CTVK_PARAMS_SWIGLU_H
#define CTVK_PARAMS_SWIGLU_H

struct ctvk_swiglu_params {
    int width; /* vec4 of one row */
};

#endif
