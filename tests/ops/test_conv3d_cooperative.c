/* What is particular to the convolution by cooperative matrices (test_conv3d.c has its numbers, where the device has them): what halves do
 * not hold, small numbers, and devices without. */
#include "support/conv3d_fixture.h"

#include <math.h>

/* What halves do not hold, an activation or a weight: no number comes out, where it was read; numbers elsewhere. */
static void test_too_large(ctvk_gpu *gpu)
{
    const ctvk_conv3d conv = {16, 0, 24, 3, 1, 0};
    const ctvk_conv3d_plan plan = {CTVK_CONV3D_COOPERATIVE, 1, 1u << 20, 1u << 20, 0};
    for (int of_weights = 0; of_weights < 2; of_weights++) {
        fixture f;
        ctvk_error error = {0};
        CHECK(fixture_create(&f, gpu, &plan, &conv, 0, (extents){3, 5, 9}));
        if (of_weights) {
            float *packed = malloc(ctvk_conv3d_plan_weight_bytes(&plan, &conv));
            f.kernel[13] = -1100; /* channel 0 from channel 0, the tap in the middle */
            ctvk_conv3d_plan_pack(&plan, &conv, f.kernel, packed);
            CHECK(ctvk_gpu_upload(f.weights.buffer, f.weights.offset, packed, ctvk_conv3d_plan_weight_bytes(&plan, &conv), &error) ==
                  CTVK_OK);
            free(packed);
        } else {
            f.dense[0] = 70000;
            CHECK(conv_tensor_write(&f.a, f.dense));
        }
        CHECK(record_and_wait(&f, gpu, &plan, &conv, &error) == CTVK_OK && conv_tensor_read(&f.out, f.got));
        for (size_t i = 0; i < f.out_count; i++) {
            size_t voxel = i % 135, bad = of_weights ? i < 135 : voxel / 45 < 2 && voxel / 9 % 5 < 2 && voxel % 9 < 2;
            CHECK_MSG(bad == !isfinite(f.got[i]), "weights %d, channel %zu, voxel %zu: %g", of_weights, i / 135, voxel, f.got[i]);
        }
        fixture_destroy(&f);
    }
}

/* Numbers whose second halves are subnormal are as accurate, for their size. */
static void test_small_numbers(ctvk_gpu *gpu)
{
    const ctvk_conv3d conv = {48, 0, 24, 3, 1, 0};
    const extents e = {3, 5, 9};
    const ctvk_conv3d_plan plan = {CTVK_CONV3D_COOPERATIVE, 1, 1u << 20, 1u << 20, 0};
    fixture f;
    ctvk_error error = {0};
    CHECK(fixture_create(&f, gpu, &plan, &conv, 0, e));
    float *packed = malloc(ctvk_conv3d_plan_weight_bytes(&plan, &conv));
    for (size_t i = 0; i < (size_t)conv.out * conv.in_a * 27; i++)
        f.kernel[i] *= 0.001f;
    for (size_t i = 0; i < (size_t)conv.in_a * e.x * e.y * e.z; i++)
        f.dense[i] *= 0.01f;
    ctvk_conv3d_plan_pack(&plan, &conv, f.kernel, packed);
    CHECK(ctvk_gpu_upload(f.weights.buffer, f.weights.offset, packed, ctvk_conv3d_plan_weight_bytes(&plan, &conv), &error) == CTVK_OK);
    CHECK(conv_tensor_write(&f.a, f.dense) && record_and_wait(&f, gpu, &plan, &conv, &error) == CTVK_OK && conv_tensor_read(&f.out, f.got));
    ref_conv3d(f.dense, conv.in_a, e.x, e.y, e.z, f.kernel, conv.out, 3, 1, f.want);
    double worst = conv_worst(f.got, f.want, f.out_count);
    CHECK_MSG(worst <= tolerance(&plan), "small numbers: error %g", worst);
    free(packed);
    fixture_destroy(&f);
}

/* What a mask takes away is no candidate, and its pipelines are refused. */
static void test_without(uint32_t mask)
{
    const ctvk_conv3d conv = {16, 0, 24, 3, 1, 0};
    const uint32_t constants[] = {3, 1, 32};
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    ctvk_gpu_pipeline *pipeline;
    ctvk_error error = {0};
    ctvk_gpu *gpu = ops_open(OPS_AS_GPU | mask);
    int count = ctvk_conv3d_candidates(ctvk_gpu_get_caps(gpu), &conv, plans);
    for (int i = 0; i < count; i++)
        CHECK(plans[i].family != CTVK_CONV3D_COOPERATIVE);
    CHECK(ctvk_gpu_pipeline_get(gpu, "conv3d_cooperative_8x8x8", constants, 3, &pipeline, &error) == CTVK_ERROR_INTERNAL);
    CHECK_MSG(strstr(error.message, "which") != NULL, "%s", error.message);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    CHECK(ctvk_gpu_get_caps(gpu)->cooperative || !getenv("CTVK_NEEDS_COOPERATIVE"));
    if (ctvk_gpu_get_caps(gpu)->cooperative) {
        test_too_large(gpu);
        test_small_numbers(gpu);
    }
    ctvk_gpu_destroy(&gpu);
    test_without(CTVK_GPU_NO_COOPERATIVE);
    test_without(CTVK_GPU_NO_FP16);
    test_without(CTVK_GPU_NO_SUBGROUP);
    return gpu_done("conv3d_cooperative");
}
