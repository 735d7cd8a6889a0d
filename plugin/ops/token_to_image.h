/* ops/token_to_image.h - the folded token-to-image attention (model.md, "Alignment"): for each pair (head, token) a softmax over all
 * voxels of S . X and the mean of X under it. One read of X, partial softmaxes merged in a fixed order. */
#ifndef CTVK_OPS_TOKEN_TO_IMAGE_H
#define CTVK_OPS_TOKEN_TO_IMAGE_H

#include "ops/tokens.h"

/* How it is done on a device: a function of the device's fixed limits and the shape only. */
typedef struct ctvk_token_to_image_plan {
    int32_t lane;         /* sums in the lanes (software drivers, few channels); else tiles shared by a workgroup */
    int32_t texel;        /* voxels through a texel buffer */
    int32_t alone;        /* a lane merges all partials of its pair and channels (software drivers) */
    int32_t group_pairs;  /* pairs of one workgroup */
    int32_t chunk_voxels; /* wanted */
    uint64_t range;       /* the most that one binding of the image may hold */
} ctvk_token_to_image_plan;
ctvk_token_to_image_plan ctvk_token_to_image_plan_for(const ctvk_gpu_caps *caps, int32_t pairs, int32_t c, int32_t x, int32_t y, int32_t z);

/* Scratch for the partial softmaxes. */
uint64_t ctvk_token_to_image_bytes(const ctvk_token_to_image_plan *plan, int32_t pairs, int32_t c, int32_t x, int32_t y, int32_t z);

/* queries, means: floats from the beginning of tokens->rows, multiples of 4, both [pair][c]. pairs: a multiple of 8. */
ctvk_status ctvk_token_to_image_record(const ctvk_tokens *tokens, const ctvk_token_to_image_plan *plan, const ctvk_tensor *image,
                                       int32_t pairs, int32_t queries, int32_t means, const ctvk_span *partials, ctvk_error *error);

#endif
