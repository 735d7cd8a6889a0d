/* params/planar_shortcut.h - where a shortcut that is computed as it is read finds its input; read by GLSL and by C. 4 bytes each in both.
 */
#ifndef CTVK_PARAMS_PLANAR_SHORTCUT_H
#define CTVK_PARAMS_PLANAR_SHORTCUT_H

/* GLSL names a struct type without the word. */
#ifdef VULKAN
#define CTVK_PLANAR_SHORTCUT_PARAMS ctvk_planar_shortcut_params
#else
#define CTVK_PLANAR_SHORTCUT_PARAMS struct ctvk_planar_shortcut_params
#endif

/* In floats of the planar input, whose extents are twice those of the shortcut. */
struct ctvk_planar_shortcut_params {
    int channel; /* from one channel to the next */
    int row;     /* from one row of the input to the next */
    int line;    /* voxels of a line of the shortcut along z */
    float inverse_line;
};

#endif
