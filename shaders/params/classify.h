/* params/classify.h - push constants of the last step; read by GLSL and by C. */
#ifndef CTVK_PARAMS_CLASSIFY_H
#define CTVK_PARAMS_CLASSIFY_H

/* What goes out beside the labels: specialisation constant 1. Constant 0: not 0 where a last channel of weights divides the others. */
#define CTVK_CLASSIFY_LABELS 0 /* nothing */
#define CTVK_CLASSIFY_LOGITS 1
#define CTVK_CLASSIFY_PROBABILITIES 2

/* A lane takes four voxels, one behind the other in a plane. Places in vec4; of the labels in words of four. */
struct ctvk_classify_params {
    int from; /* where the first plane begins in its binding */
    int to_labels;
    int to_volumes;
    int area;  /* of a plane of one channel */
    int first; /* lanes of this dispatch, counted from the first plane: [first, last) */
    int last;
    int classes;
};

#endif
