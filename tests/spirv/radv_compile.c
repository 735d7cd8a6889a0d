/* spirv/radv_compile.c - every embedded shader through the compiler of AMD's Mesa driver, for a GPU that need not be there.
 *
 * RADV with RADV_FORCE_FAMILY opens a null device: pipelines are compiled for that family and nothing can be run. A shader that does
 * not compile, spills registers or needs scratch memory fails the test. Prints one line a shader with the compiler's figures.
 */
#include "gpu/internal.h"
#include "support/check.h"

typedef struct figures {
    double vgprs, waves, code, spilled, scratch;
    int spill_figures, scratch_figures;
} figures;

static void take_figure(void *user, const char *name, double value)
{
    figures *f = user;
    if (strcmp(name, "VGPRs") == 0)
        f->vgprs = value;
    else if (strcmp(name, "Subgroups per SIMD") == 0)
        f->waves = value;
    else if (strcmp(name, "Code size") == 0)
        f->code = value;
    else if (strstr(name, "Spilled"))
        f->spilled += value, f->spill_figures++;
    else if (strstr(name, "Scratch"))
        f->scratch += value, f->scratch_figures++;
}

/* Why the ops would never choose this shader on this device, or NULL. */
static const char *left_out(const ctvk_gpu_caps *caps, const ctvk_shader *shader)
{
    ctvk_gpu_reflection r;
    if (ctvk_gpu_reflect(NULL, shader, NULL, 0, &r, NULL) != CTVK_OK)
        return NULL;
    if (r.fp16 && !caps->fp16)
        return "fp16";
    if (r.int64 && !caps->int64)
        return "int64";
    return NULL;
}

static void compile(ctvk_gpu *gpu, const ctvk_shader *shader)
{
    ctvk_error error = {0};
    figures f = {0};
    ctvk_gpu_pipeline *pipeline;
    const char *lack = left_out(ctvk_gpu_get_caps(gpu), shader);
    if (lack) {
        printf("%-32s not for this device: %s\n", shader->name, lack);
        return;
    }
    ctvk_status status = ctvk_gpu_pipeline_get(gpu, shader->name, NULL, 0, &pipeline, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", shader->name, error.message);
    if (status != CTVK_OK)
        return;
    CHECK(ctvk_gpu_pipeline_figures(gpu, pipeline, take_figure, &f, &error) == CTVK_OK);
    printf("%-32s %3.0f VGPRs, %2.0f waves, %6.0f bytes of code\n", shader->name, f.vgprs, f.waves, f.code);
    CHECK_MSG(f.spill_figures == 2 && f.scratch_figures == 1 && f.vgprs > 0 && f.code > 0, "%s: the driver gave no figures", shader->name);
    CHECK_MSG(f.spilled == 0, "%s: %.0f registers are spilled", shader->name, f.spilled);
    CHECK_MSG(f.scratch == 0, "%s: %.0f bytes of scratch memory", shader->name, f.scratch);
}

/* argv[1]: the family, which must stand in the device's name. */
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
    CHECK(ctvk_shader_count > 0);
    for (uint32_t i = 0; gpu && i < ctvk_shader_count; i++)
        compile(gpu, &ctvk_shaders[i]);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("radv_compile");
}
