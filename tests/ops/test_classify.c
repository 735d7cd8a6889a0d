/* Sums to logits, probabilities and labels against plain C in double; ties, far logits, output guards. */
#include "ops/classify.h"
#include "ref/classify.h"
#include "support/ops_case.h"

/* Logits: one division, 2.5 ulp by the specification. Probabilities: absolute; a difference of logits of size 40 is off by 40 * 6e-8; where
 * it is that large its probability is next to 0 or 1; around equal logits of size 20 by 20 * 6e-8. 5e-7 seen. */
#define LOGIT_TOLERANCE 3e-7
#define PROBABILITY_TOLERANCE 2e-6

typedef struct job {
    ctvk_span sums, out;
    int classes, logits;
    uint32_t voxels;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_classify_record(cmd, gpu, &j->sums, &j->out, j->classes, j->voxels, j->logits, error);
}

/* Every fifth voxel: all classes equal, every seventh: the last two equal and above the rest, every eleventh: one class far above. */
static float *make_sums(int classes, uint32_t voxels)
{
    float *sums = ops_random((size_t)(classes + 1) * voxels, 71, 20);
    for (uint32_t i = 0; i < voxels; i++) {
        float weight = sums[(size_t)classes * voxels + i] = fabsf(sums[(size_t)classes * voxels + i]) * 0.2f + 1e-3f;
        for (int k = 0; k < classes; k++) {
            float *sum = &sums[(size_t)k * voxels + i];
            if (i % 5 == 0)
                *sum = sums[i];
            else if (i % 7 == 0 && k >= classes - 2)
                *sum = 30 * weight;
            else if (i % 11 == 0 && k == (int)(i / 11) % classes)
                *sum = 1e4f * weight;
            else
                *sum *= weight;
        }
    }
    return sums;
}

static void check_labels(const job *j, const unsigned *got, const unsigned *want, const double *logits)
{
    size_t wrong = 0, n = j->voxels;
    for (size_t i = 0; i < n; i++) {
        /* Only logits that are apart by less than their rounding may come out in another order; ties made above may not. */
        double gap = got[i] < (unsigned)j->classes ? logits[want[i] * n + i] - logits[got[i] * n + i] : INFINITY;
        wrong += got[i] != want[i] && (i % 5 == 0 || i % 7 == 0 || gap > 2 * LOGIT_TOLERANCE * fabs(logits[want[i] * n + i]));
    }
    CHECK_MSG(wrong == 0, "%d classes, %zu voxels: %zu labels are wrong", j->classes, n, wrong);
}

static void run_case(ctvk_gpu *gpu, int classes, uint32_t voxels, int logits)
{
    size_t all = (size_t)classes * voxels, bytes = (all + voxels) * sizeof(float);
    float *sums = make_sums(classes, voxels), *got = malloc(bytes);
    double *want_logits = malloc(all * sizeof *want_logits), *want = malloc(all * sizeof *want);
    unsigned *labels = malloc(voxels * sizeof *labels);
    job j = {.classes = classes, .logits = logits, .voxels = voxels};
    ctvk_error error = {0};
    ref_classify(sums, classes, voxels, want_logits, want, labels);
    CHECK(ops_span_create(gpu, &j.sums, bytes, sums) && ops_span_create(gpu, &j.out, bytes, NULL));
    ctvk_status status = ops_run(gpu, record, &j, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(ctvk_gpu_download(j.out.buffer, j.out.offset, got, bytes, &error) == CTVK_OK);
    double worst = 0;
    for (size_t i = 0; i < all; i++) {
        double off = logits ? fabs(got[i] - want_logits[i]) / (fabs(want_logits[i]) + 1e-30) : fabs(got[i] - want[i]);
        worst = isfinite(got[i]) ? fmax(worst, off) : 1e30;
    }
    CHECK_MSG(worst <= (logits ? LOGIT_TOLERANCE : PROBABILITY_TOLERANCE), "%d classes, %u voxels, logits %d: error %g", classes, voxels,
              logits, worst);
    check_labels(&j, (const unsigned *)(const void *)(got + all), labels, want_logits);
    CHECK(ops_span_guards_hold(&j.sums) && ops_span_guards_hold(&j.out));
    ctvk_gpu_buffer_destroy(&j.sums.buffer);
    ctvk_gpu_buffer_destroy(&j.out.buffer);
    free(sums);
    free(got);
    free(want_logits);
    free(want);
    free(labels);
}

/* Around the 64 voxels of a workgroup; more than one dispatch. */
static void test_device(uint32_t mask, double work)
{
    static const uint32_t voxels[] = {1, 63, 64, 65, 127, 1000, 4099};
    ctvk_gpu *gpu = ops_open(mask);
    ops_squeeze(gpu, 0, work);
    for (int classes = 1; classes <= 5; classes++)
        for (int i = 0; i < 7; i++)
            run_case(gpu, classes, voxels[i], (classes + i) % 2);
    run_case(gpu, 2, 1000, 0);
    run_case(gpu, 2, 1000, 1);
    run_case(gpu, 256, 65, 0);
    ctvk_gpu_destroy(&gpu);
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_error error = {0};
    job j = {.classes = 2, .voxels = 100};
    CHECK(ops_span_create(gpu, &j.sums, 1200, NULL) && ops_span_create(gpu, &j.out, 1200, NULL));
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_OK);
    j.out.bytes = 1196;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.out.bytes = 1200, j.voxels = 0;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.voxels = 100, j.classes = 0;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.classes = 2;
    ops_squeeze(gpu, 1184, 0);
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_buffer_destroy(&j.sums.buffer);
    ctvk_gpu_buffer_destroy(&j.out.buffer);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i], i % 2 ? 1e5 : 0);
    test_refusals();
    return gpu_done("classify");
}
