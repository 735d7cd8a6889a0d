/* params/instance_norm.h - push constants of the instance norm; read by GLSL and by C. */
#ifndef CTVK_PARAMS_INSTANCE_NORM_H
#define CTVK_PARAMS_INSTANCE_NORM_H

#include "params/chunk.h"
#include "params/planar_shortcut.h"

/* Statistics in vec4: [group] (mean, 1/sqrt(var + eps)), then of each part of the voxels [part][group] (mean, M2, count): of a chunk, or of
 * what a workgroup of another operation has stored. */
struct ctvk_instance_norm_stats_params {
    CTVK_CHUNK_PARAMS chunk;
    int groups; /* channels / 4 */
};

/* Parts [first, first + parts). Of more than CTVK_INSTANCE_NORM_RUN of them runs of that many are merged first, by one workgroup each, into
 * parts behind them. */
struct ctvk_instance_norm_merge_params {
    int groups;
    int first;
    int parts;
};
#define CTVK_INSTANCE_NORM_RUN 512

struct ctvk_instance_norm_apply_params {
    int in_base; /* vec4: where the first plane begins in its binding */
    int shortcut_base;
    int out_base;
    int plane;  /* vec4 from one x plane to the next, in all three */
    int area;   /* voxels of one plane */
    int voxels; /* of this dispatch */
};

/* The first block's shortcut. chunk: its places in floats of the input. */
struct ctvk_instance_norm_planar_stats_params {
    CTVK_CHUNK_PARAMS chunk;
    int groups;
    CTVK_PLANAR_SHORTCUT_PARAMS shortcut;
};

struct ctvk_instance_norm_planar_apply_params {
    int base;   /* vec4: where the first plane begins in its binding */
    int plane;  /* vec4 from one x plane to the next */
    int area;   /* voxels of one plane */
    int voxels; /* of this dispatch */
    int groups;
    int shortcut_base;  /* float: where the first plane of the input begins in its binding */
    int shortcut_plane; /* floats from one plane of the input to the next but one */
    CTVK_PLANAR_SHORTCUT_PARAMS shortcut;
};

#endif
