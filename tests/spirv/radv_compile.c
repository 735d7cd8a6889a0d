/* spirv/radv_compile.c - every embedded shader through the compiler of AMD's Mesa driver, for a GPU that need not be there.
 *
 * RADV with RADV_FORCE_FAMILY opens a null device: pipelines are compiled for that family and nothing can be run. A shader that does
 * not compile, spills registers, needs scratch memory or more shared memory than is promised fails the test. Those that are specialised by
 * channels, prompts or what is wanted are compiled as the networks ask for them too, not only as they stand.
 *
 * Prints for radv_table.py, separated by tabs: "device", name, driver; then for each shader "row", its name, VGPRs, bytes of shared memory
 * (LDS), spilled registers, waves (subgroups per SIMD, as the driver counts); "absent", name, why: the device lacks what it needs. */
#include "gpu/internal.h"
#include "ops/classify.h"
#include "ops/image_to_token.h"
#include "ops/token_to_image.h"
#include "support/check.h"

typedef struct figures {
    double vgprs, waves, lds, spilled, scratch;
    int spill_figures, scratch_figures, lds_figures;
} figures;

static void take_figure(void *user, const char *name, double value)
{
    figures *f = user;
    if (strcmp(name, "VGPRs") == 0)
        f->vgprs = value;
    else if (strcmp(name, "Subgroups per SIMD") == 0)
        f->waves = value;
    else if (strcmp(name, "LDS size") == 0)
        f->lds = value, f->lds_figures++;
    else if (strstr(name, "Spilled"))
        f->spilled += value, f->spill_figures++;
    else if (strstr(name, "Scratch"))
        f->scratch += value, f->scratch_figures++;
}

static void compile(ctvk_gpu *gpu, const char *shader, const uint32_t *constants, uint32_t count)
{
    ctvk_error error = {0};
    figures f = {0};
    ctvk_gpu_pipeline *pipeline;
    char name[80];
    snprintf(name, sizeof name,
             count >= 2 ? "%.48s (%u, %u)"
             : count    ? "%.48s (%u)"
                        : "%.48s",
             shader, count ? constants[0] : 0, count > 1 ? constants[1] : 0);
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, shader, constants, count, &pipeline, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", name, error.message);
    if (status != CTVK_OK)
        return;
    CHECK(ctvk_gpu_pipeline_figures(gpu, pipeline, take_figure, &f, &error) == CTVK_OK);
    printf("row\t%s\t%.0f\t%.0f\t%.0f\t%.0f\n", name, f.vgprs, f.lds, f.spilled, f.waves);
    CHECK_MSG(f.spill_figures == 2 && f.scratch_figures == 1 && f.lds_figures == 1 && f.vgprs > 0 && f.waves > 0,
              "%s: the driver gave no figures", name);
    CHECK_MSG(f.lds <= CTVK_GPU_MIN_SHARED, "%s: %.0f bytes of shared memory", name, f.lds);
    CHECK_MSG(f.spilled == 0, "%s: %.0f registers are spilled", name, f.spilled);
    CHECK_MSG(f.scratch == 0, "%s: %.0f bytes of scratch memory", name, f.scratch);
}

static void compile_as_it_stands(ctvk_gpu *gpu, const ctvk_shader *shader)
{
    ctvk_gpu_reflection r;
    ctvk_error error = {0};
    ctvk_status status = ctvk_gpu_reflect(NULL, shader, NULL, 0, &r, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    const char *lack = status == CTVK_OK ? ctvk_gpu_shader_lack(gpu, &r) : NULL;
    if (lack)
        printf("absent\t%s\t%s\n", shader->name, lack);
    else
        compile(gpu, shader->name, NULL, 0);
}

/* The constants of ops/token_to_image.c, image_to_token.c and instance_norm.c at one level with `prompts` text tokens. */
static void compile_level(ctvk_gpu *gpu, int32_t c, int32_t prompts)
{
    static const char *const variants[] = {NULL, "image_to_token", "image_to_token_held"};
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    ctvk_token_to_image_plan plan = ctvk_token_to_image_plan_for(caps, 8 * prompts, c, 64, 64, 64);
    int32_t variant = ctvk_image_to_token_variant(caps, prompts - 1, c);
    const uint32_t tile[2] = {(uint32_t)plan.group_pairs, (uint32_t)(plan.group_pairs * (c / 4) + 255) / 256};
    const uint32_t voxel[2] = {(uint32_t)prompts - 1, (uint32_t)c / 4}, stats = (uint32_t)c / 2;
    CHECK(!plan.lane && !plan.texel && variant != CTVK_IMAGE_TO_TOKEN_ADDRESS);
    if (plan.lane || variant == CTVK_IMAGE_TO_TOKEN_ADDRESS)
        return;
    compile(gpu, "token_to_image_tile", tile, 2);
    compile(gpu, variants[variant], voxel, variant == CTVK_IMAGE_TO_TOKEN_HELD ? 2 : 1);
    compile(gpu, "instance_norm_apply", &stats, 1);
    compile(gpu, "instance_norm_apply_add", &stats, 1);
    const uint32_t planar[2] = {1, stats}; /* the first block's shortcut */
    compile(gpu, "instance_norm_planar_stats", planar, 1);
    compile(gpu, "instance_norm_planar_apply", planar, 2);
}

/* ops/conv3d_tiled.c on grids of few columns. */
static void compile_tiled(ctvk_gpu *gpu)
{
    static const char *const shaders[] = {"conv3d_tiled_k3", "conv3d_tiled_k3_norm", "conv3d_tiled_k3_half", "conv3d_tiled_k3_stride2",
                                          "conv3d_tiled_k1"};
    const uint32_t columns = 4;
    for (int i = 0; i < 10; i++) {
        char name[48];
        snprintf(name, sizeof name, "%s%s", shaders[i / 2], i % 2 ? "_stats" : "");
        compile(gpu, name, &columns, 1);
    }
}

/* ops/classify.c: logits to probabilities, sums to labels and to probabilities. */
static void compile_classify(ctvk_gpu *gpu)
{
    static const uint32_t constants[][2] = {{0, CTVK_CLASSIFY_PROBABILITIES}, {1, CTVK_CLASSIFY_LABELS}, {1, CTVK_CLASSIFY_PROBABILITIES}};
    for (int i = 0; i < 3; i++)
        compile(gpu, "classify", constants[i], 2);
}

/* ops/conv3d_tiled.c where the device has cooperative matrices. */
static void compile_cooperative(ctvk_gpu *gpu)
{
    static const char *const shaders[] = {"conv3d_cooperative_16x16x16", "conv3d_cooperative_16x16x16_half"};
    static const uint32_t kernels[][2] = {{3, 1}, {3, 2}, {1, 1}, {1, 2}};
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    CHECK_MSG(caps->cooperative == CTVK_GPU_MATRIX_16X16X16, "%s: cooperative matrices %u", ctvk_gpu_get_info(gpu)->name,
              caps->cooperative);
    for (int i = 0; i < 8 && caps->cooperative == CTVK_GPU_MATRIX_16X16X16; i++) {
        const uint32_t constants[3] = {kernels[i / 2][0], kernels[i / 2][1], 4 * caps->subgroup_size};
        compile(gpu, shaders[i % 2], constants, 3);
    }
}

static void compile_all(ctvk_gpu *gpu)
{
    for (uint32_t i = 0; i < ctvk_shader_count; i++)
        compile_as_it_stands(gpu, &ctvk_shaders[i]);
    for (int32_t prompts = 1; prompts <= 4; prompts++)
        for (int32_t level = 0; level < 5; level++) {
            static const int32_t times[] = {1, 1, 2, 4, 8};
            compile_level(gpu, 16 * times[level], prompts);
            compile_level(gpu, 48 * times[level], prompts);
        }
    compile_tiled(gpu);
    compile_classify(gpu);
}

/* argv[1]: the family, which must stand in the device's name. argv[2]: "cooperative" for what takes cooperative matrices alone, which the
 * device must have. */
int main(int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    uint32_t index = 0;
    ctvk_gpu_options options = {.disable = CTVK_GPU_STATISTICS};
    ctvk_status status = ctvk_gpu_instance_create(NULL, 0, &instance, &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_select(instance, argc > 1 ? argv[1] : "", &index, &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_create(instance, index, &options, &gpu, &error);
    CHECK_MSG(status == CTVK_OK, "%s (is mesa-vulkan-drivers installed?)", error.message);
    if (gpu)
        printf("device\t%s\t%s\n", ctvk_gpu_get_info(gpu)->name, ctvk_gpu_get_info(gpu)->driver);
    CHECK(ctvk_shader_count > 0);
    if (gpu && argc > 2 && strcmp(argv[2], "cooperative") == 0)
        compile_cooperative(gpu);
    else if (gpu)
        compile_all(gpu);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("radv_compile");
}
