/* ops/image_to_token.h - the folded image-to-token attention with residual and layer norm, in place (model.md, "Alignment"). */
#ifndef CTVK_OPS_IMAGE_TO_TOKEN_H
#define CTVK_OPS_IMAGE_TO_TOKEN_H

#include "ops/tensor.h"

enum { CTVK_IMAGE_TO_TOKEN_HEADS = 8 };

enum {
    CTVK_IMAGE_TO_TOKEN_PLAIN = 1,  /* any number of channels */
    CTVK_IMAGE_TO_TOKEN_HELD = 2,   /* the voxel stays in registers, folded block in a uniform block */
    CTVK_IMAGE_TO_TOKEN_ADDRESS = 3 /* same with device address and texel buffer: software drivers */
};
/* The one place where a variant is chosen. rows = P - 1. */
int32_t ctvk_image_to_token_variant(const ctvk_gpu_caps *caps, int32_t rows, int32_t c);

/* Places in the folded block, in floats (shaders/params/image_to_token.h); total: its length. */
typedef struct ctvk_folded_places {
    int32_t scores, values, base, gamma, beta, constants, total;
} ctvk_folded_places;
ctvk_folded_places ctvk_image_to_token_places(int32_t rows, int32_t c);

/* folded: places.total floats, offset a multiple of 256. */
ctvk_status ctvk_image_to_token_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t variant, const ctvk_tensor *image, int32_t rows,
                                       const ctvk_span *folded, ctvk_error *error);

#endif
