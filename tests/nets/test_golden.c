/* The whole network against what the published code computed (golden_run.h). Cases: the repository's own (tests/data/golden) and, where it
 * is there, ../shared/golden.
 *     test_golden [MASK [gpu] [f16]]
 * MASK: what the device is used without, "all" for the smallest one that is promised to do, "" for nothing; gpu: with the variants that a
 * GPU would take; f16: with the finest skip connection in 16 bits a number.
 *     test_golden variants
 * With every variant of the convolutions, each where it fits, by a table as a tuning pass leaves it.
 *     test_golden cooperative
 * The same as a GPU with cooperative matrices, which the device must have, in both precisions.
 */
#include "gpu/internal.h"
#include "nets/golden_run.h"
#include "nets/llmseg_graph.h"
#include "ops/conv3d_plan.h"

#include <unistd.h>

/* A table that names this variant for all convolutions of the case where it is one of the candidates. Returns for how many. */
static int write_table(ctvk_gpu *gpu, const golden_case *c, const char *variant)
{
    static ctvk_llmseg_graph net;
    static ctvk_gpu_tuned lines[CTVK_LLMSEG_CONVOLUTIONS];
    ctvk_llmseg_convolution conv[CTVK_LLMSEG_CONVOLUTIONS];
    ctvk_bundle_files *bundle = NULL;
    ctvk_error error = {0};
    uint32_t count = 0;
    CHECK_MSG(ctvk_bundle_open(NULL, c->bundle, NULL, NULL, &bundle, &error) == CTVK_OK, "%s: %s", c->name, error.message);
    if (!bundle)
        return 0;
    const ctvk_manifest *m = &bundle->manifest;
    const ctvk_llmseg_desc desc = {m->in_channels,
                                   m->out_channels,
                                   m->feature_size,
                                   m->has_text,
                                   m->text_dim,
                                   m->prompts,
                                   {m->window[0], m->window[1], m->window[2]},
                                   0};
    CHECK(ctvk_llmseg_graph_build(gpu, &desc, &net, &error) == CTVK_OK);
    for (int32_t i = 0; i < ctvk_llmseg_convolutions(&net, conv); i++) {
        ctvk_conv3d_plan plan = ctvk_conv3d_choose(ctvk_gpu_get_caps(gpu), variant, &conv[i].conv, conv[i].x, conv[i].y, conv[i].z);
        if (strcmp(ctvk_conv3d_plan_name(&plan), variant) != 0)
            continue;
        ctvk_conv3d_key(&conv[i].conv, conv[i].x, conv[i].y, conv[i].z, lines[count].key);
        snprintf(lines[count++].value, sizeof lines[0].value, "%s", variant);
    }
    CHECK_MSG(ctvk_gpu_tuned_write(gpu, lines, count, &error) == CTVK_OK, "%s", error.message);
    ctvk_bundle_close(&bundle);
    return (int)count;
}

static ctvk_gpu *open_with(ctvk_gpu_instance *instance, const char *folder)
{
    ctvk_gpu_options options = {.cache_folder = folder};
    ctvk_error error = {0};
    ctvk_gpu *gpu = NULL;
    CHECK_MSG(ctvk_gpu_create(instance, 0, &options, &gpu, &error) == CTVK_OK, "%s", error.message);
    return gpu;
}

/* All convolutions that read blocked tensors. */
static void check_cooperative(const ctvk_gpu *gpu)
{
    int seen = 0;
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next) {
        seen += strncmp(p->shader, "conv3d_cooperative_", 19) == 0;
        CHECK_MSG(strncmp(p->shader, "conv3d_tiled", 12) != 0 && strncmp(p->shader, "conv3d_k", 8) != 0, "%s was taken", p->shader);
    }
    CHECK_MSG(seen >= 3, "%d cooperative pipelines", seen);
}

static void run_variant(ctvk_gpu_instance *instance, const golden_case *c, const char *variant, int32_t half)
{
    const int cooperative = strcmp(variant, "cooperative") == 0;
    const char *tmp = getenv("CTVK_TEST_TMP");
    char folder[512], table[1024] = "", pipelines[1024] = "";
    golden_outcome outcome = {0};
    snprintf(folder, sizeof folder, "%s/golden-XXXXXX", tmp ? tmp : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    ctvk_gpu *gpu = open_with(instance, folder);
    if (gpu && cooperative)
        gpu->caps.is_cpu = 0;
    int named = gpu ? write_table(gpu, c, variant) : 0;
    ctvk_gpu_destroy(&gpu);
    gpu = open_with(instance, folder);
    CHECK_MSG(named > 4 && gpu && ctvk_gpu_tuned_sha256(gpu), "%s: %d convolutions by %s", c->name, named, variant);
    if (gpu) {
        printf("%-8s %2d convolutions, ", variant, named);
        gpu->caps.is_cpu = gpu->caps.is_cpu && !cooperative;
        golden_run(gpu, c, half, &outcome);
        if (cooperative)
            check_cooperative(gpu);
        snprintf(table, sizeof table, "%s", gpu->tuned.path);
        snprintf(pipelines, sizeof pipelines, "%s", gpu->cache_path);
    }
    ctvk_gpu_destroy(&gpu);
    free(outcome.sums);
    unlink(table);
    unlink(pipelines);
    CHECK(rmdir(folder) == 0);
}

/* A GPU takes the tiled kernels for every convolution but those of the planar input, those that normalise for the second of a block, and
 * where they have a binding for that, always those that take their output's statistics. */
static void check_gpu_kernels(const ctvk_gpu *gpu, int32_t half)
{
    static const char *const tiled[2][5] = {
        {"conv3d_tiled_k3_norm", "conv3d_tiled_k3_stride2", "conv3d_tiled_k1", "conv3d_tiled_k3", "conv3d_tiled_k3_half"},
        {"conv3d_tiled_k3_norm_stats", "conv3d_tiled_k3_stride2_stats", "conv3d_tiled_k1_stats", "conv3d_tiled_k3_stats",
         "conv3d_tiled_k3_half_stats"}};
    int seen[5] = {0}, takes = gpu->caps.max_storage_buffers > CTVK_GPU_MIN_STORAGE_BUFFERS;
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next) {
        for (int i = 0; i < 5; i++)
            seen[i] |= strcmp(p->shader, tiled[takes][i]) == 0;
        CHECK_MSG(strncmp(p->shader, "conv3d_k", 8) != 0, "%s was taken", p->shader);
        CHECK_MSG(strncmp(p->shader, "conv3d_tiled", 12) != 0 || !strstr(p->shader, "_stats") == !takes, "%s was taken", p->shader);
    }
    CHECK_MSG(seen[0] && seen[1] && seen[2] && seen[3] && seen[4] == half, "tiled: %d %d %d %d %d", seen[0], seen[1], seen[2], seen[3],
              seen[4]);
}

static void run_cases(ctvk_gpu_instance *instance, int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu *gpu = NULL;
    golden_case cases[32];
    ctvk_gpu_options options = {0};
    int variants = argc > 1 && strcmp(argv[1], "variants") == 0, cooperative = argc > 1 && strcmp(argv[1], "cooperative") == 0;
    int count = golden_cases(cases, 32);
    CHECK(count >= 1);
    for (int i = 0; i < count && variants; i++) {
        run_variant(instance, &cases[i], "address", 0);
        run_variant(instance, &cases[i], "winograd", 0);
        run_variant(instance, &cases[i], "gemm", 0);
    }
    for (int i = 0; i < 2 * count && cooperative; i++)
        run_variant(instance, &cases[i / 2], "cooperative", i % 2);
    if (variants || cooperative)
        return;
    CHECK_MSG(ctvk_gpu_mask_parse(argc > 1 ? argv[1] : NULL, &options.disable, &error) == CTVK_OK, "%s", error.message);
    CHECK_MSG(ctvk_gpu_create(instance, 0, &options, &gpu, &error) == CTVK_OK, "%s", error.message);
    int32_t half = 0;
    for (int i = 2; i < argc && gpu; i++) {
        half |= strcmp(argv[i], "f16") == 0;
        if (strcmp(argv[i], "gpu") == 0)
            gpu->caps.is_cpu = 0;
    }
    for (int i = 0; i < count && gpu; i++)
        golden_run(gpu, &cases[i], half, NULL);
    if (gpu && !gpu->caps.is_cpu)
        check_gpu_kernels(gpu, half);
    ctvk_gpu_destroy(&gpu);
}

int main(int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    CHECK_MSG(ctvk_gpu_instance_create(NULL, 0, &instance, &error) == CTVK_OK, "%s", error.message);
    if (instance) {
        run_cases(instance, argc, argv);
        /* In the whole network one op follows another: one that does not name itself would be taken for the last. */
        CHECK(atomic_load(&instance->misnamed) == 0);
    }
    ctvk_gpu_instance_destroy(&instance);
    return check_done("golden");
}
