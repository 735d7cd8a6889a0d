/* ref/alignment.h - the two-way transformer of one level as model.md writes it: every projection of every voxel, nothing folded. Double. */
#ifndef CTVK_REF_ALIGNMENT_H
#define CTVK_REF_ALIGNMENT_H

#include "ref/scratch.h"

/* A weight by its published name, as it lies in the file. */
typedef const float *(*ref_weight_fn)(void *user, const char *name);

typedef struct ref_alignment_shape {
    int level, channels, mlp, text_dim, prompts, voxels;
} ref_alignment_shape;

/* Doubles of scratch that it needs. */
size_t ref_alignment_scratch(const ref_alignment_shape *shape);
/* text: [prompts][text_dim]. image and out: [channels][voxels]. */
void ref_alignment(const ref_alignment_shape *shape, ref_weight_fn weight, void *user, const float *text, const float *image,
                   ref_scratch *scratch, double *out);

#endif
