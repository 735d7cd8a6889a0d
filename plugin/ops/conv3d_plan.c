#include "ops/conv3d_plan.h"

#include <stdio.h>
#include <string.h>

/* Bytes that a binding loses to its alignment. */
static uint64_t usable(uint64_t limit, uint64_t alignment)
{
    return limit > alignment ? limit - alignment : 0;
}

/* The texel limit of the promise (1 MiB) holds too few planes to be of use. */
static int has_addresses(const ctvk_gpu_caps *caps)
{
    return caps->buffer_address && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22;
}

int32_t ctvk_conv3d_class(const ctvk_gpu_caps *caps)
{
    return !caps->is_cpu ? CTVK_CONV3D_GPU : has_addresses(caps) ? CTVK_CONV3D_CPU : CTVK_CONV3D_LEAST;
}

int ctvk_conv3d_winograd_fits(const ctvk_conv3d *conv)
{
    return conv->kernel == 3 && conv->stride == 1 && !conv->planar && (conv->in_a + conv->in_b) % 16 == 0;
}

int32_t ctvk_conv3d_candidates(const ctvk_gpu_caps *caps, const ctvk_conv3d *conv, ctvk_conv3d_plan out[CTVK_CONV3D_CANDIDATES])
{
    uint64_t storage = usable(caps->max_storage_range, caps->storage_alignment);
    uint64_t texel = usable(caps->max_texel_elements * 16, caps->storage_alignment);
    int32_t count = 0;
    out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_PORTABLE, 1, storage, storage, 0};
    /* Software drivers have no memory that is nearer than another, and a barrier costs them more than what it orders: not theirs. */
    if (ctvk_conv3d_class(caps) == CTVK_CONV3D_GPU && ctvk_conv3d_tiled_fits(conv, storage))
        out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_TILED, 1, storage, storage, 0};
    if (count == 2 && caps->cooperative)
        out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_COOPERATIVE, 1, storage, storage, 0};
    if (!has_addresses(caps))
        return count;
    out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_ADDRESS, ctvk_conv3d_direct_chunk(conv), conv->planar ? storage : texel, storage, 0};
    if (ctvk_conv3d_winograd_fits(conv)) {
        int32_t chunk = (conv->in_a + conv->in_b) % 48 == 0 ? 12 : 4;
        out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_WINOGRAD, chunk, texel, storage, 64u << 20};
    }
    if (ctvk_conv3d_gemm_fits(conv))
        out[count++] = (ctvk_conv3d_plan){CTVK_CONV3D_GEMM, ctvk_conv3d_direct_chunk(conv), texel, storage, 32u << 20};
    return count;
}

const char *ctvk_conv3d_plan_name(const ctvk_conv3d_plan *plan)
{
    static const char *const names[] = {"none", "portable", "address", "winograd", "gemm", "tiled", "cooperative"};
    return names[plan->family];
}

void ctvk_conv3d_key(const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z, char key[64])
{
    snprintf(key, 64, "conv3d %d/%d %d%s+%d-%d %dx%dx%d", conv->kernel, conv->stride, conv->in_a, conv->planar ? "p" : "", conv->in_b,
             conv->out, x, y, z);
}

/* The candidate of this name; NULL: there is none. */
static const ctvk_conv3d_plan *find_named(const ctvk_conv3d_plan *plans, int32_t count, const char *tuned)
{
    size_t length = strcspn(tuned, " ");
    for (int32_t i = 0; i < count; i++) {
        const char *name = ctvk_conv3d_plan_name(&plans[i]);
        if (strlen(name) == length && memcmp(name, tuned, length) == 0)
            return &plans[i];
    }
    return NULL;
}

/* Winograd's weights are four times as many. Of the deepest level they would be 61 MiB each, so that the model leaves that alone; whoever
 * measures may take them. */
static int is_modest(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv)
{
    return plan->family != CTVK_CONV3D_WINOGRAD || ctvk_conv3d_winograd_weight_bytes(conv) <= 32u << 20;
}

/* What a run of one window pays: packing the weights is paid in each run, and takes about 2 ns a byte on the CPU of the cost model. */
static double price(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, const int32_t extents[3])
{
    return ctvk_conv3d_cost(plan, conv, extents[0], extents[1], extents[2]) + 2e-6 * (double)ctvk_conv3d_plan_weight_bytes(plan, conv);
}

/* Without measuring: by the model on class CPU; what a GPU is made for on a GPU. */
static int is_better(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d_plan *best, const ctvk_conv3d *conv,
                     const int32_t extents[3])
{
    if (ctvk_conv3d_class(caps) != CTVK_CONV3D_CPU)
        return plan->family == CTVK_CONV3D_TILED;
    return is_modest(plan, conv) && price(plan, conv, extents) < price(best, conv, extents);
}

ctvk_conv3d_plan ctvk_conv3d_choose(const ctvk_gpu_caps *caps, const char *tuned, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    int32_t count = ctvk_conv3d_candidates(caps, conv, plans), best = 0;
    const ctvk_conv3d_plan *named = tuned ? find_named(plans, count, tuned) : NULL;
    if (named)
        return *named;
    for (int32_t i = 1; i < count; i++)
        if (is_better(caps, &plans[i], &plans[best], conv, (int32_t[3]){x, y, z}))
            best = i;
    return plans[best];
}

ctvk_conv3d_plan ctvk_conv3d_plan_for(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z)
{
    char key[64];
    ctvk_conv3d_key(conv, x, y, z, key);
    return ctvk_conv3d_choose(ctvk_gpu_get_caps(gpu), ctvk_gpu_tuned_find(gpu, key), conv, x, y, z);
}

void ctvk_conv3d_plan_spare(ctvk_conv3d_plan *plan)
{
    const uint64_t most = 16u << 20;
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
        return 0;
    }
}
