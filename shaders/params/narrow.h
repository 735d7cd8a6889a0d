/* params/narrow.h - push constants of the rounding to 16 bits a number; read by GLSL and by C. Only `int`, 4 bytes in both. */
#ifndef CTVK_PARAMS_NARROW_H
#define CTVK_PARAMS_NARROW_H

/* Places in groups of four numbers, which lie alike on both sides. */
struct ctvk_narrow_params {
    int from; /* where the first bound plane begins in its binding */
    int to;
    int first;  /* of this dispatch, counted from there */
    int last;   /* the one after the last */
    int area;   /* voxels of a plane */
    int groups; /* of four channels */
};

#endif
