/* Logits and sums of weighted logits to labels, logits and probabilities against plain C in double; ties, far logits, logits that are no
 * numbers, planes out of a window, output guards. */
#include "ops/classify.h"
#include "ref/classify.h"
#include "support/ops_case.h"

/* Logits of sums: one division, 2.5 ulp by the specification. Probabilities: absolute; a difference of logits of size 40 is off by
 * 40 * 6e-8; where it is that large its probability is next to 0 or 1; around equal logits of size 20 by 20 * 6e-8. 5e-7 seen. */
#define LOGIT_TOLERANCE 3e-7
#define PROBABILITY_TOLERANCE 2e-6

typedef struct shape {
    int x, y, z;
} shape;

typedef struct job {
    ctvk_classify op;
    conv_tensor in, volumes;
    ctvk_span labels, not_finite;
    int first, count;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_classify_record(cmd, gpu, &j->op, &j->in.tensor, j->first, j->count, &j->labels, j->op.volumes ? &j->volumes.tensor : NULL,
                                j->op.weighted ? NULL : &j->not_finite, error);
}

/* Every fifth voxel: all classes equal, every seventh: the last two equal and above the rest, every eleventh: one class far above. Behind
 * the classes the weights, by which the logits are multiplied where they are weighted. */
static float *make_numbers(const ctvk_classify *op, size_t voxels)
{
    const int classes = op->classes;
    float *numbers = ops_random((size_t)(classes + 1) * voxels, 71, 20);
    for (size_t i = 0; i < voxels; i++) {
        float *last = &numbers[(size_t)classes * voxels + i], weight = *last = op->weighted ? fabsf(*last) * 0.2f + 1e-3f : 1;
        for (int k = 0; k < classes; k++) {
            float *number = &numbers[(size_t)k * voxels + i];
            if (i % 5 == 0)
                *number = numbers[i];
            else if (i % 7 == 0 && k >= classes - 2)
                *number = 30 * weight;
            else if (i % 11 == 0 && k == (int)(i / 11) % classes)
                *number = 1e4f * weight;
            else
                *number *= weight;
        }
    }
    return numbers;
}

static int job_create(ctvk_gpu *gpu, job *j, shape s, const float *numbers)
{
    const uint32_t none = 0;
    size_t area = (size_t)s.y * (size_t)s.z;
    return conv_tensor_create(gpu, &j->in, j->op.classes + j->op.weighted, s.x, s.y, s.z, 1) && conv_tensor_write(&j->in, numbers) &&
           conv_tensor_create(gpu, &j->volumes, j->op.classes, j->count + 1, s.y, s.z, 1) &&
           ops_span_create(gpu, &j->labels, (size_t)j->count * area, NULL) && ops_span_create(gpu, &j->not_finite, sizeof none, &none);
}

static void job_destroy(job *j)
{
    conv_tensor_destroy(&j->in);
    conv_tensor_destroy(&j->volumes);
    ctvk_gpu_buffer_destroy(&j->labels.buffer);
    ctvk_gpu_buffer_destroy(&j->not_finite.buffer);
}

static uint32_t word_of(const job *j)
{
    ctvk_error error = {0};
    uint32_t word = 2;
    CHECK(ctvk_gpu_download(j->not_finite.buffer, j->not_finite.offset, &word, sizeof word, &error) == CTVK_OK);
    return word;
}

/* What plain C gives for all voxels of the window. */
typedef struct answer {
    double *logits, *probabilities;
    unsigned *labels;
    size_t voxels, from; /* of the window; the first that was asked for */
} answer;

static void check_labels(const job *j, const answer *a, const uint8_t *got, size_t count)
{
    size_t wrong = 0, n = a->voxels;
    for (size_t i = a->from; i < a->from + count; i++) {
        /* Only quotients that are apart by less than their rounding may come out in another order; ties made above may not. */
        unsigned found = got[i - a->from];
        double gap = found < (unsigned)j->op.classes ? a->logits[a->labels[i] * n + i] - a->logits[found * n + i] : INFINITY;
        wrong += found != a->labels[i] &&
                 (!j->op.weighted || i % 5 == 0 || i % 7 == 0 || gap > 2 * LOGIT_TOLERANCE * fabs(a->logits[a->labels[i] * n + i]));
    }
    CHECK_MSG(wrong == 0, "%d classes, %zu voxels: %zu labels are wrong", j->op.classes, count, wrong);
}

/* The plane behind those that were asked for is still NaN; without volumes all planes are. */
static void check_volumes(const job *j, const answer *a, const float *got, size_t count)
{
    const size_t area = (size_t)j->in.tensor.y * (size_t)j->in.tensor.z;
    const int logits = j->op.volumes == CTVK_CLASSIFY_LOGITS;
    const double *want = logits ? a->logits : a->probabilities;
    double worst = 0;
    for (size_t k = 0; k < (size_t)j->op.classes; k++)
        for (size_t i = 0; i < count + area; i++) {
            float value = got[k * (count + area) + i];
            if (i >= count || !j->op.volumes) {
                worst = isnan(value) ? worst : 1e30;
                continue;
            }
            double right = want[k * a->voxels + a->from + i], off = fabs(value - right) / (logits ? fabs(right) + 1e-30 : 1);
            worst = isfinite(value) ? fmax(worst, off) : 1e30;
        }
    CHECK_MSG(worst <= (!logits          ? PROBABILITY_TOLERANCE
                        : j->op.weighted ? LOGIT_TOLERANCE
                                         : 0),
              "%d classes, %zu voxels, weighted %d, volumes %d: error %g", j->op.classes, count, j->op.weighted, j->op.volumes, worst);
}

/* labels: room for what is asked for. */
static void run_case(ctvk_gpu *gpu, const ctvk_classify *op, shape s, int first, int count, uint8_t *labels)
{
    size_t area = (size_t)s.y * (size_t)s.z, n = (size_t)s.x * area, all = (size_t)op->classes * n;
    float *numbers = make_numbers(op, n), *got = malloc((size_t)op->classes * (size_t)(count + 1) * area * sizeof *got);
    answer a = {malloc(all * sizeof(double)), malloc(all * sizeof(double)), malloc(n * sizeof(unsigned)), n, (size_t)first * area};
    job j = {.op = *op, .first = first, .count = count};
    ctvk_error error = {0};
    ref_classify(numbers, op->weighted ? numbers + all : NULL, op->classes, n, a.logits, a.probabilities, a.labels);
    CHECK(job_create(gpu, &j, s, numbers));
    ctvk_status status = ops_run(gpu, record, &j, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(ctvk_gpu_download(j.labels.buffer, j.labels.offset, labels, (size_t)count * area, &error) == CTVK_OK);
    CHECK(conv_tensor_read(&j.volumes, got));
    check_labels(&j, &a, labels, (size_t)count * area);
    check_volumes(&j, &a, got, (size_t)count * area);
    CHECK(word_of(&j) == 0 && conv_tensor_guards_hold(&j.in) && conv_tensor_guards_hold(&j.volumes) && ops_span_guards_hold(&j.labels) &&
          ops_span_guards_hold(&j.not_finite));
    job_destroy(&j);
    free(numbers);
    free(got);
    free(a.logits);
    free(a.probabilities);
    free(a.labels);
}

/* The labels are the same whatever else is wanted. */
static void run_volumes(ctvk_gpu *gpu, int classes, int weighted, shape s, int first, int count)
{
    size_t bytes = (size_t)count * (size_t)s.y * (size_t)s.z;
    uint8_t *labels[3];
    for (int volumes = 0; volumes < 3; volumes++) {
        const ctvk_classify op = {classes, weighted, volumes};
        labels[volumes] = malloc(bytes);
        run_case(gpu, &op, s, first, count, labels[volumes]);
        CHECK(memcmp(labels[0], labels[volumes], bytes) == 0);
    }
    for (int volumes = 0; volumes < 3; volumes++)
        free(labels[volumes]);
}

/* Whether the device finds it when voxel `at` of class k is `number`. */
static uint32_t finds(ctvk_gpu *gpu, const ctvk_classify *op, size_t at, int k, float number, uint32_t before)
{
    const shape s = {5, 3, 28}; /* 21 lanes a plane */
    const size_t voxels = 5 * 3 * 28;
    float *numbers = make_numbers(op, voxels);
    job j = {.op = *op, .first = 1, .count = 3};
    ctvk_error error = {0};
    numbers[(size_t)k * voxels + at] = number;
    CHECK(job_create(gpu, &j, s, numbers) && ctvk_gpu_upload(j.not_finite.buffer, j.not_finite.offset, &before, 4, &error) == CTVK_OK);
    ctvk_status status = ops_run(gpu, record, &j, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    uint32_t word = word_of(&j);
    CHECK(ops_span_guards_hold(&j.not_finite) && ops_span_guards_hold(&j.labels));
    job_destroy(&j);
    free(numbers);
    return word;
}

static void test_not_finite(ctvk_gpu *gpu)
{
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    const size_t area = 3 * 28, first = area, end = 4 * area;
    for (int classes = 1; classes <= 3; classes++)
        for (int volumes = 0; volumes < 3; volumes++) {
            const ctvk_classify op = {classes, 0, volumes};
            for (int i = 0; i < 4; i++) /* every place in a lane, every class, every kind */
                CHECK(finds(gpu, &op, first + 40 + (size_t)i, i % classes, bad[(i + classes + volumes) % 4], 0) == 1);
            CHECK(finds(gpu, &op, first, 0, bad[volumes], 0) == 1 && finds(gpu, &op, end - 1, classes - 1, bad[volumes + 1], 0) == 1);
            CHECK(finds(gpu, &op, first - 1, 0, NAN, 0) == 0 && finds(gpu, &op, end, classes - 1, INFINITY, 0) == 0);
            CHECK(finds(gpu, &op, first, 0, -3.4e38f, 0) == 0 && finds(gpu, &op, first, 0, 1e-40f, 0) == 0);
            CHECK(finds(gpu, &op, first, 0, 1, 1) == 1); /* what was found before stays */
        }
}

/* Lanes of four voxels around the 64 of a workgroup; several planes, and some out of them; more than one dispatch and binding. */
static void test_device(uint32_t mask, int squeezed)
{
    static const shape shapes[] = {{1, 1, 4}, {1, 7, 36}, {1, 16, 16}, {1, 13, 20}, {3, 2, 2}, {5, 6, 30}, {7, 33, 20}};
    ctvk_gpu *gpu = ops_open(mask);
    const ctvk_gpu_caps caps = gpu->caps;
    for (int classes = 1; classes <= 5; classes++)
        for (int i = 0; i < 7; i++) {
            shape s = shapes[i];
            gpu->caps = caps;
            if (squeezed) /* two planes and a bit of a binding, and little work of a submission */
                ops_squeeze(gpu, (uint64_t)(classes + 1) * (uint64_t)(s.y * s.z) * 8 + 3 * 256 + 60, 1e4);
            run_volumes(gpu, classes, (classes + i) % 2, s, 0, s.x);
            if (s.x > 1)
                run_volumes(gpu, classes, (classes + i + 1) % 2, s, 1, s.x - 1);
        }
    gpu->caps = caps;
    run_volumes(gpu, 256, 0, (shape){2, 5, 12}, 0, 2);
    run_volumes(gpu, 256, 1, (shape){1, 1, 72}, 0, 1);
    test_not_finite(gpu);
    ctvk_gpu_destroy(&gpu);
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_error error = {0};
    float *numbers = ops_random((size_t)3 * 4 * 16 * 16, 3, 1);
    job j = {.op = {2, 0, CTVK_CLASSIFY_PROBABILITIES}, .count = 4};
    CHECK(job_create(gpu, &j, (shape){4, 16, 16}, numbers) && ops_run(gpu, record, &j, &error) == CTVK_OK);
    const job right = j;
    j.first = 1; /* beyond the window */
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.count = 0;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.labels.bytes--;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.not_finite.bytes = 0;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.op.weighted = 1; /* no channel of weights */
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.op.classes = 3;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.volumes.tensor.c = 1;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.volumes.tensor.x = 3;
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right, j.in.tensor.z = 15, j.in.tensor.y = 15, j.volumes.tensor.z = 15, j.volumes.tensor.y = 15; /* no whole lanes */
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
    j = right;
    ops_squeeze(gpu, 2 * 16 * 16 * 4, 0); /* not a plane and its alignment */
    CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_DEVICE_MEMORY);
    job_destroy(&j);
    ctvk_gpu_destroy(&gpu);
    free(numbers);
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i], i % 2);
    test_refusals();
    return gpu_done("classify");
}
