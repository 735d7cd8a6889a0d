/* Time and device memory of a language model; run by hand: nets_bench_llama FILE.gguf [sequences] [tokens] [limit in MiB]. */
#include "nets/llama.h"
#include "support/check.h"

#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *embed(const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t rows)
{
    float *in = malloc((size_t)rows * (size_t)desc->width * sizeof *in);
    ctvk_error error = {0};
    for (int32_t i = 0; in && i < rows; i++) {
        int32_t id = (int32_t)((int64_t)i * 7741 % desc->vocabulary);
        CHECK(ctvk_llama_embed(file, desc, &id, 1, in + (int64_t)i * desc->width, &error) == CTVK_OK);
    }
    return in;
}

static void bench(ctvk_gpu *gpu, const ctvk_gguf *file, int32_t sequences, int32_t tokens, uint64_t limit)
{
    ctvk_llama_desc desc;
    ctvk_llama_memory plan = {0};
    ctvk_llama *model = NULL;
    ctvk_error error = {0};
    double begun = seconds(CLOCK_MONOTONIC);
    ctvk_status status = ctvk_llama_describe(file, &desc, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_plan(gpu, file, &desc, sequences, tokens, limit, &plan, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_create(gpu, file, &desc, sequences, tokens, limit, &model, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status != CTVK_OK)
        return;
    printf("%d layers of %d, feed-forward %d, %d heads of %d, %d of keys; weights %s, planned %.1f MiB, made in %.3f s\n", desc.layers,
           desc.width, desc.feed_forward, desc.heads, desc.head_dim, desc.kv_heads, plan.resident ? "resident" : "streamed",
           (double)plan.total / 1048576, seconds(CLOCK_MONOTONIC) - begun);
    float *in = embed(file, &desc, sequences * tokens), *out = malloc((size_t)sequences * (size_t)desc.width * sizeof *out);
    for (int i = 0; i < 6; i++) {
        double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        status = ctvk_llama_encode(model, in, sequences, tokens, out, NULL, NULL, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        printf("%d x %d tokens: %.3f s, %.3f s of CPU\n", sequences, tokens, seconds(CLOCK_MONOTONIC) - wall,
               seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    printf("device memory at most %.1f MiB\n", (double)ctvk_gpu_memory_peak(gpu) / 1048576);
    ctvk_llama_destroy(&model);
    free(in);
    free(out);
}

int main(int argc, char **argv)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gpu *gpu = NULL;
    ctvk_gguf *file = NULL;
    ctvk_status status = ctvk_gpu_instance_create(NULL, 0, &instance, &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_create(instance, 0, NULL, &gpu, &error);
    if (status == CTVK_OK)
        status = ctvk_gguf_open(NULL, argc > 1 ? argv[1] : "", CTVK_ERROR_INPUT, &file, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status == CTVK_OK)
        bench(gpu, file, argc > 2 ? atoi(argv[2]) : 2, argc > 3 ? atoi(argv[3]) : 33, argc > 4 ? (uint64_t)atoi(argv[4]) << 20 : 0);
    ctvk_gguf_close(&file);
    ctvk_gpu_destroy(&gpu);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("bench_llama");
}
