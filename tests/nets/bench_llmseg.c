/* Time of windows of the network, one after another; run by hand: nets_bench_llmseg BUNDLE X Y Z [text 0|1 [windows [f16 0|1]]]. The first
 * window stands apart: the driver compiles or loads its kernels then, and memory is touched for the first time. */
#include "formats/bundle.h"
#include "nets/llmseg.h"
#include "support/check.h"
#include "support/conv_case.h"

#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bench(ctvk_gpu *gpu, const ctvk_bundle_files *bundle, const int32_t window[3], int32_t text, int windows, int32_t half)
{
    const ctvk_manifest *m = &bundle->manifest;
    ctvk_error error = {0};
    ctvk_llmseg *net = NULL;
    ctvk_llmseg_desc desc = {
        m->in_channels, m->out_channels, m->feature_size, text, m->text_dim, m->prompts, {window[0], window[1], window[2]}, half};
    size_t voxels = (size_t)window[0] * (size_t)window[1] * (size_t)window[2] * (size_t)m->in_channels;
    float *in = conv_random_array(voxels, 1), *rows = conv_random_array((size_t)m->prompts * (size_t)m->text_dim + 1, 2);
    double wall = seconds(CLOCK_MONOTONIC);
    ctvk_status status = ctvk_llmseg_create(gpu, &desc, bundle->weights, &(ctvk_llmseg_wanted){0}, &net, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    printf("made in %.3f s\n", seconds(CLOCK_MONOTONIC) - wall);
    ctvk_llmseg_run run = {.window = in, .text = text ? rows : NULL, .sigma_scale = 0.125};
    for (int i = 0; i < windows && status == CTVK_OK; i++) {
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        wall = seconds(CLOCK_MONOTONIC);
        status = ctvk_llmseg_window(net, &run, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        printf("%s %.3f s, %.3f s of CPU\n", i ? "then " : "first", seconds(CLOCK_MONOTONIC) - wall,
               seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    ctvk_llmseg_destroy(&net);
    free(in);
    free(rows);
}

int main(int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    ctvk_bundle_files *bundle = NULL;
    const int32_t window[3] = {argc > 2 ? atoi(argv[2]) : 96, argc > 3 ? atoi(argv[3]) : 96, argc > 4 ? atoi(argv[4]) : 32};
    ctvk_status status = ctvk_gpu_instance_create(NULL, 0, &instance, &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_create(instance, 0, NULL, &gpu, &error);
    if (status == CTVK_OK)
        status = ctvk_bundle_open(NULL, argc > 1 ? argv[1] : "", NULL, NULL, &bundle, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status == CTVK_OK)
        bench(gpu, bundle, window, argc > 5 ? atoi(argv[5]) : 1, argc > 6 ? atoi(argv[6]) : 6, argc > 7 ? atoi(argv[7]) : 0);
    ctvk_bundle_close(&bundle);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("bench_llmseg");
}
