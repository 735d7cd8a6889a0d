/* params/instance_norm.h - push constants of the instance norm; read by GLSL and by C. */
#ifndef CTVK_PARAMS_INSTANCE_NORM_H
#define CTVK_PARAMS_INSTANCE_NORM_H

#include "params/chunk.h"

/* Statistics in vec4: [group] (mean, 1/sqrt(var + eps)), then of each chunk [chunk][group] (mean, M2, count). */
struct ctvk_instance_norm_stats_params {
    CTVK_CHUNK_PARAMS chunk;
    int groups; /* channels / 4 */
};

struct ctvk_instance_norm_merge_params {
    int groups;
    int chunks;
};

struct ctvk_instance_norm_apply_params {
    int in_base; /* vec4: where the first plane begins in its binding */
    int shortcut_base;
    int out_base;
    int plane;  /* vec4 from one x plane to the next, in all three */
    int area;   /* voxels of one plane */
    int voxels; /* of this dispatch */
};

#endif
