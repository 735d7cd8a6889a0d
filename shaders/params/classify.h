/* params/classify.h - push constants of the last step; read by GLSL and by C. */
#ifndef CTVK_PARAMS_CLASSIFY_H
#define CTVK_PARAMS_CLASSIFY_H

struct ctvk_classify_params {
    int voxels; /* from one block of the sums to the next */
    int first;  /* voxels of this dispatch: [first, last) */
    int last;
    int classes;
    int logits; /* not 0: blended logits instead of probabilities */
};

#endif
