#include "ops/conv3d_plan.h"

/* Bytes that a binding loses to its alignment. */
static uint64_t usable(uint64_t limit, uint64_t alignment)
{
    return limit > alignment ? limit - alignment : 0;
}

/* Winograd pays where the transforms are shared by enough output channels and the grid is large. Grids of this network shrink as
 * channels grow, so the channel count tells: up to 128 channels the levels have 48 x 48 x 16 voxels and more. */
static int winograd_pays(const ctvk_conv3d *conv)
{
    return conv->kernel == 3 && conv->stride == 1 && !conv->planar && (conv->in_a + conv->in_b) % 16 == 0 && conv->out >= 24 &&
           conv->out <= 128;
}

/* Products of the whole grid pay where there are few voxels for many weights: a kernel that takes all inputs of a tap at once would have
 * no lanes to work with, and a dispatch for every 24 outputs would do nothing but begin and end. */
static int gemm_pays(const ctvk_conv3d *conv)
{
    return ctvk_conv3d_gemm_fits(conv) && (conv->in_a + conv->in_b > 48 || conv->out > 96);
}

ctvk_conv3d_plan ctvk_conv3d_plan_for(const ctvk_gpu_caps *caps, const ctvk_conv3d *conv)
{
    ctvk_conv3d_plan plan = {CTVK_CONV3D_PORTABLE, 1, 0, 0, 0, 0};
    uint64_t storage = usable(caps->max_storage_range, caps->storage_alignment);
    uint64_t texel = usable(caps->max_texel_elements * 16, caps->storage_alignment);
    plan.source_bytes = storage;
    plan.target_bytes = storage;
    /* On a GPU the uniform block is the fast place for weights; on a software driver the device address is. The texel limit of the
     * promise (1 MiB) holds too few planes to be of use. */
    if (caps->is_cpu && caps->buffer_address && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22) {
        plan.family = CTVK_CONV3D_ADDRESS;
        plan.chunk = ctvk_conv3d_direct_chunk(conv);
        plan.source_bytes = conv->planar ? storage : texel;
        if (winograd_pays(conv)) {
            plan.family = CTVK_CONV3D_WINOGRAD;
            plan.chunk = (conv->in_a + conv->in_b) % 48 == 0 ? 12 : 4;
            plan.scratch_bytes = 64u << 20;
        } else if (gemm_pays(conv)) {
            plan.family = CTVK_CONV3D_GEMM;
            plan.scratch_bytes = 32u << 20;
        }
    }
    return plan;
}

void ctvk_conv3d_plan_halve(ctvk_conv3d_plan *plan)
{
    const uint64_t most = 16u << 20; /* what the tensors have become smaller is not to go into scratch */
    plan->half = 1;
    if (plan->family != CTVK_CONV3D_PORTABLE)
        plan->source_bytes /= 2; /* as many texels */
    plan->scratch_bytes = plan->scratch_bytes < most ? plan->scratch_bytes : most;
}

int32_t ctvk_conv3d_in_units(const ctvk_conv3d *conv)
{
    return conv->planar ? conv->in_a : (conv->in_a + conv->in_b) / 4;
}

int32_t ctvk_conv3d_out_chunks(const ctvk_conv3d *conv)
{
    return (conv->out / 4 + CTVK_CONV3D_OUT_GROUPS - 1) / CTVK_CONV3D_OUT_GROUPS;
}

uint64_t ctvk_conv3d_plan_weight_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv)
{
    switch (plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        return ctvk_conv3d_winograd_weight_bytes(conv);
    case CTVK_CONV3D_GEMM:
        return ctvk_conv3d_gemm_weight_bytes(conv);
    default:
        return ctvk_conv3d_direct_weight_bytes(conv);
    }
}

void ctvk_conv3d_plan_pack(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, const float *weights, void *packed)
{
    switch (plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        ctvk_conv3d_winograd_pack(conv, weights, packed);
        break;
    case CTVK_CONV3D_GEMM:
        ctvk_conv3d_gemm_pack(conv, weights, packed);
        break;
    default:
        ctvk_conv3d_direct_pack(conv, weights, packed);
    }
}

uint64_t ctvk_conv3d_plan_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    switch (plan->family) {
    case CTVK_CONV3D_WINOGRAD:
        return ctvk_conv3d_winograd_scratch_bytes(plan, conv, x, y, z);
    case CTVK_CONV3D_GEMM:
        return ctvk_conv3d_gemm_scratch_bytes(plan, conv, x, y, z);
    default:
        return ctvk_conv3d_direct_scratch_bytes(plan, conv, x, y, z);
    }
}
