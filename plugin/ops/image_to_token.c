#include "ops/image_to_token.h"

#include "ops/chunks.h"
#include "params/image_to_token.h"

_Static_assert(sizeof(struct ctvk_image_to_token_params) <= 128, "push constants");

enum { VOXELS = 64 /* of one workgroup */, HELD_CHANNELS = 96, HELD_PRODUCTS = 400 /* vec4 multiply-adds of straight-line code */ };

int32_t ctvk_image_to_token_variant(const ctvk_gpu_caps *caps, int32_t rows, int32_t c)
{
    int32_t pairs = CTVK_IMAGE_TO_TOKEN_HEADS * rows;
    if (c > HELD_CHANNELS || 2 * pairs * (c / 4) > HELD_PRODUCTS)
        return CTVK_IMAGE_TO_TOKEN_PLAIN;
    if (ctvk_prefers_texel(caps) && caps->buffer_address)
        return CTVK_IMAGE_TO_TOKEN_ADDRESS;
    if ((uint64_t)ctvk_image_to_token_places(rows, c).total * sizeof(float) > caps->max_uniform_range)
        return CTVK_IMAGE_TO_TOKEN_PLAIN;
    return CTVK_IMAGE_TO_TOKEN_HELD;
}

ctvk_folded_places ctvk_image_to_token_places(int32_t rows, int32_t c)
{
    int32_t pairs = CTVK_IMAGE_TO_TOKEN_HEADS * rows;
    ctvk_folded_places at = {.scores = 0, .values = pairs * c, .base = 2 * pairs * c};
    at.gamma = at.base + c;
    at.beta = at.gamma + c;
    at.constants = at.beta + c;
    at.total = at.constants + (pairs + 3) / 4 * 4;
    return at;
}

ctvk_status ctvk_image_to_token_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, int32_t variant, const ctvk_tensor *image, int32_t rows,
                                       const ctvk_span *folded, ctvk_error *error)
{
    static const char *const names[] = {"", "image_to_token", "image_to_token_held", "image_to_token_address"};
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int address = variant == CTVK_IMAGE_TO_TOKEN_ADDRESS, held = variant != CTVK_IMAGE_TO_TOKEN_PLAIN;
    uint32_t constants[2] = {(uint32_t)rows, (uint32_t)image->c / 4};
    uint64_t range = ctvk_source_range(caps, address), bytes = (uint64_t)ctvk_image_to_token_places(rows, image->c).total * sizeof(float);
    uint64_t at = folded->buffer->address + folded->offset;
    double work = 2.0 * CTVK_IMAGE_TO_TOKEN_HEADS * rows * image->c + (held ? 8.0 : 16.0) * image->c;
    ctvk_gpu_pipeline *pipeline = NULL;
    if (image->c % 4 || folded->bytes < bytes || folded->offset % 256)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "image-to-token attention: %d channels do not fit (report this)", image->c);
    range = range < caps->max_storage_range ? range : caps->max_storage_range;
    int32_t most = ctvk_planes_per_dispatch(cmd, image, range, work, VOXELS);
    if (most < 1)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "image-to-token attention: planes of %d x %d voxels are larger than the device's buffer binding (use a smaller "
                         "window)",
                         image->y, image->z);
    /* Of a pair as in token_to_image; then two sums, mean and variance, and the four of the layer norm. */
    ctvk_gpu_cmd_operation(cmd, "image_to_token",
                           ((4.0 * image->c + 3) * CTVK_IMAGE_TO_TOKEN_HEADS * rows + 10.0 * image->c) * image->x * image->y * image->z,
                           2.0 * (double)ctvk_tensor_bytes(image) + (double)bytes, "%d pairs, %d, %d x %d x %d",
                           CTVK_IMAGE_TO_TOKEN_HEADS * rows, image->c, image->x, image->y, image->z);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, names[variant], constants, held ? 2 : 1, &pipeline, error);
    for (int32_t first = 0, count; first < image->x && !status; first += count) {
        count = image->x - first < most ? image->x - first : most;
        uint32_t base;
        ctvk_gpu_bind binds[3] = {ctvk_tensor_bind(image, first, count, 16, &base), {0}, {folded->buffer, folded->offset, bytes}};
        binds[1] = binds[0];
        struct ctvk_image_to_token_params p = {.from = (int)base,
                                               .to = (int)base,
                                               .plane = image->c / 4 * image->y * image->z,
                                               .area = image->y * image->z,
                                               .voxels = count * image->y * image->z,
                                               .groups = image->c / 4,
                                               .address_low = (int)(uint32_t)at,
                                               .address_high = (int)(uint32_t)(at >> 32)};
        uint32_t groups[3] = {((uint32_t)p.voxels + VOXELS - 1) / VOXELS, 1, 1};
        status = ctvk_gpu_cmd_dispatch(cmd, pipeline, binds, address ? 2 : 3, &p, sizeof p, groups, work * p.voxels, 0, error);
    }
    return status;
}
