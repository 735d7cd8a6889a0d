/* The language model: random small models against plain C in double, weights that stay and weights that stream bit for bit the same,
 * cancel, memory limits; and the golden texts where they are (CTVK_GOLDEN; SmolLM2's file by CTVK_SMOLLM2 or in the user's data folder). */
#include "nets/llama.h"
#include "support/llama_case.h"
#include "support/llama_golden.h"
#include "support/ops_case.h"

/* The project promises a relative L2 error of 1e-4. One product sums up to 512 terms one after another in float32: about 1e-6 a layer, and
 * the random models' large norms make it larger from layer to layer: 1e-5 seen at the mixed one, 2e-6 at the golden texts. */
#define TOLERANCE 3e-5

static double relative_l2(const float *got, const double *want, size_t count)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    return norm > 0 && isfinite(error) ? sqrt(error / norm) : 1e30;
}

typedef struct watch {
    int calls, stop_at, bad;
    double last;
} watch;

static int32_t look(void *user, double fraction)
{
    watch *w = user;
    w->bad += !(fraction >= w->last && fraction <= 1);
    w->last = fraction;
    return ++w->calls == w->stop_at;
}

typedef struct model {
    const char *name;
    llama_case made;
    ctvk_gguf *file;
    ctvk_llama_desc desc;
    int sequences, tokens;
    size_t width;
    float *in;
    double *want; /* [sequences][width] */
    ref_scratch scratch;
} model;

static int open_model(model *m, const char *name, const llama_case_spec *spec, int sequences, int tokens)
{
    ctvk_error error = {0};
    *m = (model){.name = name, .sequences = sequences, .tokens = tokens, .width = (size_t)spec->width};
    llama_case_create(spec, 1000, &m->made);
    ctvk_status status = ctvk_gguf_parse(NULL, m->made.bytes, m->made.size, name, CTVK_ERROR_INPUT, &m->file, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_describe(m->file, &m->desc, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", name, error.message);
    size_t one = (size_t)tokens * m->width;
    m->in = ops_random((size_t)sequences * one, 77, 0.3);
    m->want = malloc((size_t)sequences * m->width * sizeof *m->want);
    m->scratch.numbers = malloc(ref_llama_scratch(&m->made.ref, tokens) * sizeof(double));
    for (size_t i = 0; i < (size_t)sequences; i++)
        ref_llama_encode(&m->made.ref, m->in + i * one, tokens, &m->scratch, m->want + i * m->width);
    return status == CTVK_OK;
}

static void close_model(model *m)
{
    ctvk_gguf_close(&m->file);
    llama_case_destroy(&m->made);
    free(m->in);
    free(m->want);
    free(m->scratch.numbers);
}

/* limit: as in create. out: [sequences][width]. Encodes twice. */
static void run(ctvk_gpu *gpu, const model *m, uint64_t limit, int resident, float *out)
{
    size_t count = (size_t)m->sequences * m->width;
    float *again = malloc(count * sizeof *again);
    ctvk_error error = {0};
    ctvk_llama *llama = NULL;
    ctvk_llama_memory plan = {0};
    watch w = {0};
    uint64_t before = ctvk_gpu_memory_used(gpu);
    memset(out, 0xff, count * sizeof *out);
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, m->sequences, m->tokens, limit, &plan, &error) == CTVK_OK);
    CHECK_MSG(plan.resident == resident && plan.total == plan.weights + plan.activations + plan.staging, "%s: resident %d", m->name,
              plan.resident);
    ctvk_status status = ctvk_llama_create(gpu, m->file, &m->desc, m->sequences, m->tokens, limit, &llama, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", m->name, error.message);
    if (llama) {
        status = ctvk_llama_encode(llama, m->in, m->sequences, m->tokens, out, look, &w, &error);
        CHECK_MSG(status == CTVK_OK && w.calls > 0 && !w.bad && w.last == 1, "%s: %s, %d calls, at %g", m->name, error.message, w.calls,
                  w.last);
        status = ctvk_llama_encode(llama, m->in, m->sequences, m->tokens, again, NULL, NULL, &error);
        CHECK_MSG(status == CTVK_OK && !memcmp(out, again, count * sizeof *out), "%s: two runs differ", m->name);
        CHECK(ctvk_llama_encode(llama, m->in, m->sequences + 1, m->tokens, again, NULL, NULL, NULL) == CTVK_ERROR_INTERNAL);
        CHECK(ctvk_llama_encode(llama, m->in, m->sequences, m->tokens + 1, again, NULL, NULL, NULL) == CTVK_ERROR_INTERNAL);
    }
    /* The gpu room keeps its staging buffer. Drivers round sizes up. */
    uint64_t slack = 65536 * (uint64_t)(m->desc.layers + 8);
    CHECK_MSG(ctvk_gpu_memory_used(gpu) <= before + plan.total + slack && ctvk_gpu_memory_used(gpu) > before,
              "%s: more memory than planned", m->name);
    ctvk_llama_destroy(&llama);
    CHECK(llama == NULL && ctvk_gpu_memory_used(gpu) <= before + (16u << 20) + 65536);
    free(again);
}

static uint64_t total(ctvk_gpu *gpu, const model *m, uint64_t limit)
{
    ctvk_llama_memory plan = {0};
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, m->sequences, m->tokens, limit, &plan, NULL) == CTVK_OK);
    return plan.total;
}

static void check_model(ctvk_gpu *gpu, const model *m)
{
    size_t count = (size_t)m->sequences * m->width;
    float *resident = malloc(count * sizeof *resident), *streamed = malloc(count * sizeof *streamed);
    run(gpu, m, 0, 1, resident);
    double error = relative_l2(resident, m->want, count);
    printf("%-12s relative L2 error %.2e\n", m->name, error);
    CHECK_MSG(error <= TOLERANCE, "%s: relative L2 error %.2e", m->name, error);
    if (m->desc.layers > 4) { /* else three layers are no more than two and the staging for them */
        run(gpu, m, total(gpu, m, 0) - 1, 0, streamed);
        CHECK_MSG(!memcmp(resident, streamed, count * sizeof *resident), "%s: streamed weights give another result", m->name);
    }
    free(resident);
    free(streamed);
}

/* Fewer sequences and tokens than it was made for, then all of them: nothing is left over from the call before. */
static void check_shorter(ctvk_gpu *gpu, model *m)
{
    size_t count = (size_t)m->sequences * m->width;
    float *out = malloc(count * sizeof *out);
    double *want = malloc(m->width * sizeof *want);
    ctvk_llama *llama = NULL;
    CHECK(ctvk_llama_create(gpu, m->file, &m->desc, m->sequences, m->tokens, 0, &llama, NULL) == CTVK_OK);
    for (int tokens = 1; llama && tokens <= m->tokens; tokens += 5) {
        CHECK(ctvk_llama_encode(llama, m->in, 1, tokens, out, NULL, NULL, NULL) == CTVK_OK);
        ref_llama_encode(&m->made.ref, m->in, tokens, &m->scratch, want);
        double error = relative_l2(out, want, m->width);
        CHECK_MSG(error <= TOLERANCE, "%s, %d tokens: relative L2 error %.2e", m->name, tokens, error);
    }
    ctvk_llama_destroy(&llama);
    free(out);
    free(want);
}

static void check_cancel(ctvk_gpu *gpu, const model *m, uint64_t limit)
{
    size_t count = (size_t)m->sequences * m->width;
    float *out = malloc(count * sizeof *out);
    ctvk_llama *llama = NULL;
    ctvk_error error = {0};
    CHECK(ctvk_llama_create(gpu, m->file, &m->desc, m->sequences, m->tokens, limit, &llama, NULL) == CTVK_OK);
    for (int stop_at = 1; llama && stop_at <= 4; stop_at += 3) {
        watch w = {.stop_at = stop_at};
        ctvk_status status = ctvk_llama_encode(llama, m->in, m->sequences, m->tokens, out, look, &w, &error);
        CHECK(w.calls < stop_at ? status == CTVK_OK : status == CTVK_CANCELLED && w.calls == stop_at);
        CHECK(stop_at > 1 || w.calls == 1);
        CHECK(ctvk_llama_encode(llama, m->in, m->sequences, m->tokens, out, NULL, NULL, NULL) == CTVK_OK);
        CHECK(relative_l2(out, m->want, count) <= TOLERANCE);
    }
    ctvk_llama_destroy(&llama);
    free(out);
}

static void check_limits(ctvk_gpu *gpu, const model *m)
{
    ctvk_llama_memory plan = {0};
    ctvk_llama *llama = NULL;
    ctvk_error error = {0};
    uint64_t whole = total(gpu, m, 0), least = total(gpu, m, whole - 1);
    CHECK(least < whole && total(gpu, m, whole) == whole && total(gpu, m, least) == least);
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, m->sequences, m->tokens, least - 1, &plan, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK_MSG(strstr(error.message, "limit") && strstr(error.message, m->name), "%s", error.message);
    CHECK(ctvk_llama_create(gpu, m->file, &m->desc, m->sequences, m->tokens, least - 1, &llama, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK(llama == NULL);
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, 1, m->desc.context + 1, 0, &plan, &error) == CTVK_ERROR_INPUT);
    CHECK_MSG(strstr(error.message, m->name), "%s", error.message);
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, 0, 1, 0, &plan, &error) == CTVK_ERROR_INTERNAL);
    CHECK(ctvk_llama_plan(gpu, m->file, &m->desc, 65536, 1, 0, &plan, &error) == CTVK_ERROR_DEVICE_MEMORY);
}

/* The device has less than the plan may use: layers stream instead. */
static void check_less_free(const model *m, uint32_t disable)
{
    ctvk_gpu *gpu = open_gpu(disable);
    ctvk_llama *llama = NULL;
    size_t count = (size_t)m->sequences * m->width;
    float *out = malloc(count * sizeof *out);
    ctvk_error error = {0};
    gpu->memory_limit = total(gpu, m, total(gpu, m, 0) - 1) + (1 << 19);
    ctvk_status status = ctvk_llama_create(gpu, m->file, &m->desc, m->sequences, m->tokens, 0, &llama, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(llama && ctvk_llama_encode(llama, m->in, m->sequences, m->tokens, out, NULL, NULL, NULL) == CTVK_OK);
    CHECK(relative_l2(out, m->want, count) <= TOLERANCE && ctvk_gpu_memory_peak(gpu) <= gpu->memory_limit);
    ctvk_llama_destroy(&llama);
    free(out);
    ctvk_gpu_destroy(&gpu);
}

/* All tensor types, grouped heads wider than width / heads, divisors of the frequencies. */
static const llama_case_spec mixed = {.layers = 7,
                                      .width = 256,
                                      .feed_forward = 512,
                                      .heads = 6,
                                      .kv_heads = 2,
                                      .head_dim = 128,
                                      .vocabulary = 40,
                                      .context = 64,
                                      .base = 500000,
                                      .freqs = 1,
                                      .types = {2, 3, 0, 6, 7, 14, 8, 12, 1, 13, 30},
                                      .type_count = 11};
/* Every head its own keys, only half of it turned, linear scaling; more keys than a workgroup has lanes. */
static const llama_case_spec scaled = {.layers = 5,
                                       .width = 60,
                                       .feed_forward = 92,
                                       .heads = 5,
                                       .kv_heads = 5,
                                       .rope_dim = 6,
                                       .vocabulary = 7,
                                       .context = 70,
                                       .scaling = "linear",
                                       .factor = 4,
                                       .norm_type = 1,
                                       .types = {1, 0, 30},
                                       .type_count = 3};
static const llama_case_spec old = {.layers = 1,
                                    .width = 64,
                                    .feed_forward = 32,
                                    .heads = 4,
                                    .kv_heads = 1,
                                    .vocabulary = 5,
                                    .context = 9,
                                    .factor = 3,
                                    .old_factor = 1,
                                    .types = {8},
                                    .type_count = 1};
static const llama_case_spec unscaled = {.layers = 2,
                                         .width = 64,
                                         .feed_forward = 32,
                                         .heads = 4,
                                         .kv_heads = 2,
                                         .vocabulary = 5,
                                         .context = 9,
                                         .scaling = "none",
                                         .factor = 3,
                                         .types = {2, 0},
                                         .type_count = 2};

int main(void)
{
    static const uint32_t disables[] = {0, CTVK_GPU_NO_MAPPING, CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_NO_TEXEL};
    model models[4];
    int ok = open_model(&models[0], "mixed.gguf", &mixed, 2, 13) & open_model(&models[1], "scaled.gguf", &scaled, 2, 70) &
             open_model(&models[2], "old.gguf", &old, 2, 9) & open_model(&models[3], "unscaled.gguf", &unscaled, 1, 5);
    for (size_t i = 0; ok && i < sizeof disables / sizeof *disables; i++) {
        ctvk_gpu *gpu = open_gpu(disables[i]);
        for (int k = 0; k < 4; k++)
            check_model(gpu, &models[k]);
        check_limits(gpu, &models[0]);
        if (disables[i] == 0) {
            check_shorter(gpu, &models[0]);
            check_cancel(gpu, &models[0], 0);
        }
        check_cancel(gpu, &models[0], total(gpu, &models[0], 0) - 1);
        ctvk_gpu_destroy(&gpu);
        check_less_free(&models[0], disables[i]);
    }
    for (int k = 0; k < 4; k++)
        close_model(&models[k]);
    ctvk_gpu *gpu = open_gpu(0);
    llama_golden(gpu, TOLERANCE);
    ctvk_gpu_destroy(&gpu);
    return gpu_done("llama");
}
