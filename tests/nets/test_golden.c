/* The whole network against what the published code computed (golden_run.h). Cases: the repository's own (tests/data/golden) and, where it
 * is there, ../shared/golden.
 *     test_golden [MASK [gpu] [f16]]
 * MASK: what the device is used without, "all" for the smallest one that is promised to do, "" for nothing; gpu: with the variants that a
 * GPU would take; f16: with activations in half precision.
 */
#include "gpu/internal.h"
#include "nets/golden_run.h"

int main(int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    golden_case cases[32];
    CHECK_MSG(ctvk_gpu_instance_create(NULL, 0, &instance, &error) == CTVK_OK, "%s", error.message);
    ctvk_gpu_options options = {0};
    CHECK_MSG(ctvk_gpu_mask_parse(argc > 1 ? argv[1] : NULL, &options.disable, &error) == CTVK_OK, "%s", error.message);
    if (instance)
        CHECK_MSG(ctvk_gpu_create(instance, 0, &options, &gpu, &error) == CTVK_OK, "%s", error.message);
    int32_t half = 0;
    for (int i = 2; i < argc; i++) {
        half |= strcmp(argv[i], "f16") == 0;
        if (gpu && strcmp(argv[i], "gpu") == 0)
            gpu->caps.is_cpu = 0;
    }
    int count = gpu ? golden_cases(cases, 32) : 0;
    CHECK(count >= 1);
    for (int i = 0; i < count; i++)
        golden_run(gpu, &cases[i], half, NULL);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("golden");
}
