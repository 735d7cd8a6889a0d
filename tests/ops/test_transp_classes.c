/* The transposed convolution to few classes: their labels alone, which are those of the logits, and with them their probabilities, which
 * are those of ops/classify.h. */
#include "ops/classify.h"
#include "support/transp_case.h"

static ctvk_status record_labels(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const transp_case *j = user;
    ctvk_transp_conv3d_job labels = transp_job_of(cmd, gpu, j);
    labels.words = &j->words;
    return ctvk_transp_conv3d_record(&labels, error);
}

static ctvk_status record_probabilities(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const transp_case *j = user;
    ctvk_transp_conv3d_job soft = transp_job_of(cmd, gpu, j);
    soft.out = &j->soft.tensor, soft.words = &j->soft_words;
    return ctvk_transp_conv3d_record(&soft, error);
}

static ctvk_status record_nothing(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const ctvk_transp_conv3d_job nothing = transp_job_of(cmd, gpu, user);
    return ctvk_transp_conv3d_record(&nothing, error);
}

static ctvk_status record_classified(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const transp_case *j = user;
    const ctvk_classify op = {j->conv->out, 0, CTVK_CLASSIFY_PROBABILITIES};
    return ctvk_classify_record(cmd, gpu, &op, &j->out.tensor, 2 * j->first, 2 * j->count, &j->classes, &j->classified.tensor,
                                &j->not_finite, error);
}

/* Which of the logits of a voxel is the largest, the lowest of equal ones. */
static uint32_t label_of(const float *logits, int classes, size_t voxels, size_t at)
{
    uint32_t label = 0;
    for (int k = 0; k < classes; k++) {
        if (!isfinite(logits[(size_t)k * voxels + at]))
            return CTVK_LABEL_NOT_FINITE;
        if (logits[(size_t)k * voxels + at] > logits[label * voxels + at])
            label = (uint32_t)k;
    }
    return label;
}

/* Labels of planes [first, first + count) against the logits that the device gives, and these against plain C (want) where they are no tie.
 */
static void check_words(const transp_case *j, const uint32_t *words, const float *logits, const double *want, double size)
{
    const int x = j->in.tensor.x, y = j->in.tensor.y, z = j->in.tensor.z, classes = j->conv->out;
    const size_t voxels = (size_t)x * y * z * 8;
    size_t wrong = 0, far = 0;
    for (int n = 0; n < j->count * y * z * 8; n++) {
        int px = n / 8 / (y * z), py = n / 8 / z % y, pz = n / 8 % z, i = n / 4 % 2, k = n / 2 % 2, l = n % 2;
        size_t at = ((size_t)(2 * (px + j->first) + i) * 2 * (size_t)y + (size_t)(2 * py + k)) * 2 * (size_t)z + (size_t)(2 * pz + l);
        uint32_t label = words[n / 8] >> CTVK_LABEL_BIT(i, k, l) & 15;
        wrong += label != label_of(logits, classes, voxels, at);
        for (int c = 0; c < classes && label < (uint32_t)classes; c++)
            far += want[(size_t)c * voxels + at] > want[label * voxels + at] + 2 * TRANSP_TOLERANCE * size;
    }
    CHECK_MSG(wrong == 0 && far == 0, "%d -> %d, %d x %d x %d, planes %d + %d: %zu labels are not the logits', %zu not plain C's",
              j->conv->in, classes, x, y, z, j->first, j->count, wrong, far);
}

/* Probability of class c in double of a voxel's logits. */
static double probability_of(const double *logits, int classes, size_t voxels, size_t at, int c)
{
    double total = 0;
    for (int k = 0; k < classes; k++)
        total += exp(logits[(size_t)k * voxels + at] - logits[(size_t)c * voxels + at]);
    return 1 / total;
}

/* Bit for bit those of classify where all logits are numbers, and near those of plain C's logits. */
static void check_probabilities(const transp_case *j, const uint32_t *words, const double *want, double size)
{
    const int y = j->in.tensor.y, z = j->in.tensor.z, classes = j->conv->out;
    const size_t voxels = (size_t)j->in.tensor.x * y * z * 8, some = (size_t)j->count * y * z * 8, before = (size_t)j->first * y * z * 8;
    float *got = malloc((size_t)classes * some * sizeof *got), *classified = malloc((size_t)classes * some * sizeof *got);
    size_t other = 0, far = 0, judged = 0;
    CHECK(conv_tensor_read(&j->soft, got) && conv_tensor_read(&j->classified, classified));
    for (size_t i = 0; i < some; i++) {
        size_t pz = i % (2 * (size_t)z), py = i / (2 * (size_t)z) % (2 * (size_t)y), px = i / (4 * (size_t)(y * z));
        uint32_t word = words[(px / 2 * (size_t)y + py / 2) * (size_t)z + pz / 2];
        if ((word >> CTVK_LABEL_BIT(px % 2, py % 2, pz % 2) & 15) == CTVK_LABEL_NOT_FINITE)
            continue;
        judged++;
        for (int c = 0; c < classes; c++) {
            const size_t at = (size_t)c * some + i;
            other += memcmp(&got[at], &classified[at], sizeof *got) != 0;
            far += !(fabs(got[at] - probability_of(want, classes, voxels, before + i, c)) <= TRANSP_TOLERANCE * size + 1e-6);
        }
    }
    CHECK_MSG(other == 0 && far == 0, "%d -> %d, %d x %d x %d, planes %d + %d: %zu probabilities are not classify's, %zu not plain C's",
              j->conv->in, classes, j->in.tensor.x, y, z, j->first, j->count, other, far);
    CHECK(judged > 0 || some <= 8 * 3); /* all voxels of the smallest volumes may see a number that is none */
    free(got);
    free(classified);
}

/* The same planes with their probabilities: the same words, and classify's numbers. */
static void probabilities_case(ctvk_gpu *gpu, transp_case *j, const uint32_t *words, const double *want, double size)
{
    const int y = 2 * j->in.tensor.y, z = 2 * j->in.tensor.z, x = 2 * j->count, classes = j->conv->out;
    const uint64_t bytes = j->words.bytes;
    uint32_t *found = malloc(bytes);
    ctvk_error error = {0};
    CHECK(conv_tensor_create(gpu, &j->soft, classes, x, y, z, 1) && conv_tensor_create(gpu, &j->classified, classes, x, y, z, 1) &&
          ops_span_create(gpu, &j->soft_words, bytes, NULL) && ops_span_create(gpu, &j->classes, (uint64_t)x * y * z, NULL) &&
          ops_span_create(gpu, &j->not_finite, sizeof(uint32_t), NULL));
    CHECK_MSG(ops_run(gpu, record_probabilities, j, &error) == CTVK_OK && ops_run(gpu, record_classified, j, &error) == CTVK_OK, "%s",
              error.message);
    CHECK(ctvk_gpu_download(j->soft_words.buffer, j->soft_words.offset, found, bytes, &error) == CTVK_OK);
    CHECK_MSG(memcmp(found, words, bytes) == 0, "%d -> %d: the labels beside the probabilities are others", j->conv->in, classes);
    check_probabilities(j, words, want, size);
    CHECK(conv_tensor_guards_hold(&j->in) && conv_tensor_guards_hold(&j->soft) && ops_span_guards_hold(&j->soft_words) &&
          ops_span_guards_hold(&j->weights));
    conv_tensor_destroy(&j->soft);
    conv_tensor_destroy(&j->classified);
    ctvk_gpu_buffer_destroy(&j->soft_words.buffer);
    ctvk_gpu_buffer_destroy(&j->classes.buffer);
    ctvk_gpu_buffer_destroy(&j->not_finite.buffer);
    free(found);
}

/* The last two classes are equal at two corners of every voxel; bad: some inputs are no numbers. Refused where a block is too small. */
static void labels_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv, const int size[3], int first,
                        int count, int bad)
{
    static const float no_number[] = {NAN, INFINITY, -INFINITY};
    const int x = size[0], y = size[1], z = size[2];
    size_t n = (size_t)x * y * z, in_count = (size_t)conv->in * n, out_count = (size_t)conv->out * n * 8,
           word_count = (size_t)count * y * z;
    float *dense = conv_random_array(in_count, 3), *kernel = conv_random_array((size_t)conv->in * conv->out * 8, 5);
    float *logits = conv_random_array(out_count, 1);
    double *want = malloc(out_count * sizeof *want), largest = 0;
    uint32_t *words = malloc(word_count * sizeof *words);
    void *packed = malloc(ctvk_transp_conv3d_weight_bytes(gpu, conv));
    transp_case j = {.plan = plan, .conv = conv, .first = first, .count = count};
    ctvk_error error = {0};
    for (int i = 0; i < conv->in && conv->out > 1; i++)
        for (int tap = 2; tap < 8; tap += 5)
            kernel[(i * conv->out + conv->out - 1) * 8 + tap] = kernel[(i * conv->out + conv->out - 2) * 8 + tap];
    ref_transp_conv3d(dense, conv->in, x, y, z, kernel, conv->out, want);
    for (size_t i = 0; i < out_count; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < 3 && bad; i++)
        dense[((size_t)i * 5 % (size_t)conv->in) * n + (size_t)i * n / 3] = no_number[i];
    ctvk_transp_conv3d_pack(gpu, conv, kernel, packed);
    CHECK(ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, conv), packed) &&
          ops_span_create(gpu, &j.words, word_count * sizeof *words, NULL) && conv_tensor_create(gpu, &j.in, conv->in, x, y, z, 0) &&
          conv_tensor_write(&j.in, dense) && conv_tensor_create(gpu, &j.out, conv->out, 2 * x, 2 * y, 2 * z, 1));
    CHECK_MSG(ops_run(gpu, transp_record, &j, &error) == CTVK_OK && ops_run(gpu, record_labels, &j, &error) == CTVK_OK, "%s",
              error.message);
    CHECK(conv_tensor_read(&j.out, logits) &&
          ctvk_gpu_download(j.words.buffer, j.words.offset, words, word_count * sizeof *words, &error) == CTVK_OK);
    check_words(&j, words, logits, want, largest);
    probabilities_case(gpu, &j, words, want, largest);
    CHECK(conv_tensor_guards_hold(&j.in) && ops_span_guards_hold(&j.words) && ops_span_guards_hold(&j.weights));
    conv_tensor_destroy(&j.in);
    conv_tensor_destroy(&j.out);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    ctvk_gpu_buffer_destroy(&j.words.buffer);
    free(dense);
    free(kernel);
    free(logits);
    free(want);
    free(words);
    free(packed);
}

static void test_labels(ctvk_gpu *gpu)
{
    static const ctvk_transp_conv3d few[] = {{16, 1, 1}, {16, 2, 1}, {48, 2, 1}, {48, 3, 1}};
    static const int some[][3] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {7, 9, 33}};
    for (int i = 0; i < 4; i++) {
        CHECK(ctvk_transp_conv3d_labels(&few[i]));
        for (int k = 0; k < 4; k++) {
            labels_case(gpu, NULL, &few[i], some[k], 0, some[k][0], 0);
            labels_case(gpu, NULL, &few[i], some[k], some[k][0] / 3, some[k][0] - some[k][0] / 3, 1);
        }
        /* Bindings of two input planes and a bit, and of one plane of words. */
        ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
        plan.source_bytes = (uint64_t)few[i].in * 9 * 33 * 4 * 2 + 300;
        labels_case(gpu, &plan, &few[i], some[3], 1, 5, 1);
        plan.target_bytes = (uint64_t)few[i].out * 18 * 66 * 4 * 2 + 300;
        labels_case(gpu, &plan, &few[i], some[3], 0, 7, 0);
    }
}

/* Labels, and labels with probabilities. */
static void check_both(ctvk_gpu *gpu, transp_case *j, ctvk_status expected)
{
    ctvk_error error = {0};
    CHECK(ops_run(gpu, record_labels, j, &error) == expected);
    j->soft_words = j->words;
    CHECK(ops_run(gpu, record_probabilities, j, &error) == expected);
}

/* Probabilities that have no place. */
static void test_probabilities_refused(ctvk_gpu *gpu, transp_case *j)
{
    const ctvk_tensor right = j->soft.tensor;
    ctvk_error error = {0};
    for (int i = 0; i < 5; i++) {
        ctvk_tensor *t = &j->soft.tensor;
        *t = right;
        *(i == 0 ? &t->c : i == 1 ? &t->x : i == 2 ? &t->y : i == 3 ? &t->z : &t->half) += 1;
        CHECK(ops_run(gpu, record_probabilities, j, &error) == CTVK_ERROR_INTERNAL);
    }
    j->soft.tensor = right;
    /* One plane of words, but not two of probabilities. */
    ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
    plan.target_bytes = 2 * 2 * 8 * 10 * 4 - 4;
    j->plan = &plan;
    CHECK(ops_run(gpu, record_labels, j, &error) == CTVK_OK);
    CHECK(ops_run(gpu, record_probabilities, j, &error) == CTVK_ERROR_DEVICE_MEMORY);
    j->plan = NULL;
}

/* More classes or channels than one dispatch holds; planes and places that are not there. */
static void test_labels_refused(ctvk_gpu *gpu)
{
    static const ctvk_transp_conv3d other[] = {{16, 4, 1}, {32, 2, 1}, {64, 2, 1}, {16, 16, 0}}, right = {16, 2, 1};
    transp_case j = {.conv = &right, .first = 0, .count = 3};
    for (int i = 0; i < 4; i++)
        CHECK(!ctvk_transp_conv3d_labels(&other[i]));
    CHECK(ops_span_create(gpu, &j.weights, 1 << 16, NULL) && ops_span_create(gpu, &j.words, 3 * 4 * 5 * 4, NULL) &&
          conv_tensor_create(gpu, &j.in, 16, 3, 4, 5, 0) && conv_tensor_create(gpu, &j.soft, 2, 6, 8, 10, 1));
    check_both(gpu, &j, CTVK_OK);
    ctvk_error error = {0};
    CHECK(ops_run(gpu, record_nothing, &j, &error) == CTVK_ERROR_INTERNAL && strstr(error.message, "no place"));
    test_probabilities_refused(gpu, &j);
    j.count = 4;
    check_both(gpu, &j, CTVK_ERROR_INTERNAL);
    j.count = 3, j.first = 1;
    check_both(gpu, &j, CTVK_ERROR_INTERNAL);
    j.first = 0, j.words.bytes -= 4;
    check_both(gpu, &j, CTVK_ERROR_INTERNAL);
    j.words.bytes += 4, j.conv = &(ctvk_transp_conv3d){16, 4, 1};
    check_both(gpu, &j, CTVK_ERROR_INTERNAL);
    ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
    plan.target_bytes = 4 * 5 * 4 - 4;
    j.conv = &right, j.plan = &plan;
    check_both(gpu, &j, CTVK_ERROR_DEVICE_MEMORY);
    conv_tensor_destroy(&j.in);
    conv_tensor_destroy(&j.soft);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    ctvk_gpu_buffer_destroy(&j.words.buffer);
}

static void test_device(uint32_t disable)
{
    ctvk_gpu *gpu = open_gpu(disable);
    test_labels(gpu);
    test_labels_refused(gpu);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_device(0);
    test_device(CTVK_GPU_NO_BUFFER_ADDRESS);
    test_device(CTVK_GPU_NO_TEXEL);
    test_device(CTVK_GPU_MIN_LIMITS);
    return gpu_done("transp_classes");
}
