/* The trials of the self-test on a sound driver: every operation within its limit on every shape, under every mask that an operation sees,
 * with no message of the validation layer; what is asked in between may stop them. */
#include "selftest/trials.h"
#include "selftest/watch.h"
#include "support/ops_case.h"

/* By its name: those of the language model, those of f16, the others. */
static int32_t part_of(const char *name)
{
    static const char *const language[] = {"quant_linear", "rms_norm", "rope", "causal_attend", "swiglu"};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, language[i]) == 0)
            return CTVK_TRIALS_LANGUAGE;
    return strstr(name, " f16") ? CTVK_TRIALS_HALF : CTVK_TRIALS_NETWORK;
}

static void all_right(ctvk_gpu *gpu, int32_t full, uint32_t mask)
{
    ctvk_trials *trials = NULL;
    ctvk_error error = {0};
    uint64_t before = ctvk_gpu_memory_used(gpu);
    CHECK_MSG(ctvk_trials_create(gpu, full, NULL, NULL, &trials, &error) == CTVK_OK, "%s", error.message);
    CHECK(ctvk_trials_count() >= 16);
    for (int32_t i = 0; trials && i < ctvk_trials_count(); i++) {
        ctvk_trial_result result = {0};
        ctvk_status status = ctvk_trials_run(trials, i, &result, &error);
        CHECK_MSG(status == CTVK_OK, "mask %x: %s", (unsigned)mask, error.message);
        CHECK_MSG(ctvk_trials_part(i) == part_of(result.name), "%s is tried with part %d", result.name, ctvk_trials_part(i));
        CHECK_MSG(result.cases > 0 && result.error > 0 && result.error <= result.limit && result.limit < 1e-3,
                  "%s: %d cases, error %g of %g", result.name, result.cases, result.error, result.limit);
    }
    ctvk_trials_destroy(&trials);
    CHECK(trials == NULL && ctvk_gpu_memory_used(gpu) <= before + (16u << 20)); /* the gpu room keeps its staging buffer */
}

static void stopped(ctvk_gpu *gpu)
{
    static const int32_t least[CTVK_TRIALS_PARTS] = {11, 4, 5};
    int32_t calls = 0;
    for (int32_t part = 0; part < CTVK_TRIALS_PARTS; part++) {
        const char *wrong;
        ctvk_error error = {0};
        watch all = {0};
        /* Once before: a piece also ends where a pipeline has to be compiled. */
        CHECK(ctvk_trials_small(gpu, part, part ? 0 : 48, NULL, NULL, &wrong, &error) == CTVK_OK);
        CHECK_MSG(ctvk_trials_small(gpu, part, part ? 0 : 48, look, &all, &wrong, &error) == CTVK_OK && !wrong, "%s", error.message);
        CHECK_MSG(all.calls >= least[part], "part %d: asked %d times", part, all.calls);
        calls += all.calls;
        for (int at = 1; at <= all.calls; at += 7) {
            watch w = {.stop_at = at};
            CHECK(ctvk_trials_small(gpu, part, part ? 0 : 48, look, &w, &wrong, &error) == CTVK_CANCELLED && !wrong && w.calls == at);
        }
    }
    CHECK_MSG(calls >= ctvk_trials_count(), "asked %d times for %d operations", calls, ctvk_trials_count());
}

/* Whether a pipeline of a shader whose name begins so was made, with `constant` the first of its constants or, 0, with any. */
static int was_made(const ctvk_gpu *gpu, const char *shader, uint32_t constant)
{
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next)
        if (strncmp(p->shader, shader, strlen(shader)) == 0 && (!constant || (p->count && p->constants[0] == constant)))
            return 1;
    return 0;
}

/* The network's own channels reach what is specialised by them; others than a device is tried with are not taken. */
static void test_channels(void)
{
    static const int32_t given[][2] = {{48, 24}, {0, 8}, {32, 16}, {64, 32}, {80, 8}, {40, 8}};
    for (int i = 0; i < 6; i++) {
        ctvk_gpu *gpu = ops_open(0);
        const char *wrong;
        ctvk_error error = {0};
        CHECK_MSG(ctvk_trials_small(gpu, CTVK_TRIALS_NETWORK, given[i][0], NULL, NULL, &wrong, &error) == CTVK_OK, "%s", error.message);
        CHECK_MSG(was_made(gpu, "instance_norm_apply", (uint32_t)given[i][1]), "%d channels", given[i][0]);
        CHECK(was_made(gpu, "transp_conv3d_labels", 0) && was_made(gpu, "transp_conv3d_probabilities", 0));
        ctvk_gpu_destroy(&gpu);
    }
}

/* Before a tuning pass every variant is tried that it could choose, cooperative matrices among them where a GPU has them. */
static void test_variants(void)
{
    ctvk_gpu *gpu = ops_open(OPS_AS_GPU);
    ctvk_error error = {0};
    CHECK_MSG(ctvk_trials_variants(gpu, NULL, NULL, &error) == CTVK_OK, "%s", error.message);
    CHECK(was_made(gpu, "conv3d_tiled", 0) && was_made(gpu, "conv3d_cooperative", 0) == (ctvk_gpu_get_caps(gpu)->cooperative != 0));
    CHECK(ctvk_gpu_get_caps(gpu)->cooperative || !getenv("CTVK_NEEDS_COOPERATIVE"));
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_channels();
    test_variants();
    for (int i = 0; i < OPS_MASKS; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        all_right(gpu, i == 0, ops_masks[i]);
        if (i == 0)
            stopped(gpu);
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("trials");
}
