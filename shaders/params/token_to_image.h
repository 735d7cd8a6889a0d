/* params/token_to_image.h - push constants of the token-to-image attention; read by GLSL and by C. */
#ifndef CTVK_PARAMS_TOKEN_TO_IMAGE_H
#define CTVK_PARAMS_TOKEN_TO_IMAGE_H

#include "params/chunk.h"

/* A pair is a head of a token. Folded queries: [pair][group] vec4. Partial softmaxes: [pair][1 + group][partial] vec4, first
 * (largest score, sum of exp(score - largest)), then the sum of exp(score - largest) * voxel. */
struct ctvk_token_to_image_params {
    CTVK_CHUNK_PARAMS chunk;
    int groups;   /* channels / 4 */
    int queries;  /* vec4: where they lie in their binding */
    int partials; /* of the whole tensor */
};

struct ctvk_token_to_image_merge_params {
    int pairs;
    int groups;
    int partials;
    int means; /* vec4: where the weighted means go, [pair][group] */
};

#endif
