/* The transposed convolution against plain C in double; of few classes their labels alone, which are those of the logits. */
#include "ops/transp_conv3d_plan.h"
#include "ref/transp_conv3d.h"
#include "support/ops_case.h"

/* Sums of at most 100 products in float32, over the largest output: about 1e-6 seen; rounded once more where the output is in half
 * precision. */
#define TOLERANCE 4e-6

typedef struct job {
    const ctvk_transp_conv3d_plan *plan; /* NULL: the door */
    const ctvk_transp_conv3d *conv;
    conv_tensor in, out;
    ctvk_span weights, scratch, words;
    int first, count; /* planes of in whose labels are wanted */
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return j->plan ? ctvk_transp_conv3d_plan_record(cmd, gpu, j->plan, j->conv, &j->in.tensor, NULL, &j->weights, &j->scratch,
                                                    &j->out.tensor, error)
                   : ctvk_transp_conv3d_record(cmd, gpu, j->conv, &j->in.tensor, NULL, &j->weights, &j->scratch, &j->out.tensor, error);
}

/* plan NULL: the door. expected: the status of the record call. */
/* half: a blocked output is in half precision, and the input of a planar one. */
static void run_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv, int half, int x, int y, int z,
                     ctvk_status expected)
{
    int half_in = half && conv->planar, half_out = half && !conv->planar;
    size_t in_count = (size_t)conv->in * x * y * z, out_count = (size_t)conv->out * x * y * z * 8;
    float *dense = conv_random_array(in_count, 3), *kernel = conv_random_array((size_t)conv->in * conv->out * 8, 5);
    float *got = conv_random_array(out_count, 1);
    double *want = malloc(out_count * sizeof(double));
    void *packed = malloc(ctvk_transp_conv3d_weight_bytes(gpu, conv));
    job j = {.plan = plan, .conv = conv};
    ctvk_error error = {0};
    CHECK(dense && kernel && got && want && packed);
    conv_narrow(dense, in_count, half_in);
    ctvk_transp_conv3d_pack(gpu, conv, kernel, packed);
    int ok = ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, conv), packed) &&
             ops_span_create(gpu, &j.scratch, ctvk_transp_conv3d_scratch_bytes(conv, half_out, 2 * x, 2 * y, 2 * z), NULL) &&
             conv_tensor_create_as(gpu, &j.in, half_in, conv->in, x, y, z, 0) && conv_tensor_write(&j.in, dense) &&
             conv_tensor_create_as(gpu, &j.out, half_out, conv->out, 2 * x, 2 * y, 2 * z, conv->planar);
    CHECK(ok);
    ctvk_status status = ok ? ops_run(gpu, record, &j, &error) : CTVK_ERROR_INTERNAL;
    CHECK_MSG(status == expected, "%s", error.message);
    if (!status && !expected && conv_tensor_read(&j.out, got)) {
        ref_transp_conv3d(dense, conv->in, x, y, z, kernel, conv->out, want);
        double worst = conv_worst(got, want, out_count);
        CHECK_MSG(worst <= TOLERANCE + (half_out ? CONV_HALF_ERROR : 0), "half %d, %d -> %d%s, %d x %d x %d: error %g", half, conv->in,
                  conv->out, conv->planar ? " planar" : "", x, y, z, worst);
        CHECK(conv_tensor_guards_hold(&j.in) && conv_tensor_guards_hold(&j.out) && ops_span_guards_hold(&j.weights) &&
              ops_span_guards_hold(&j.scratch));
    }
    conv_tensor_destroy(&j.in);
    conv_tensor_destroy(&j.out);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    ctvk_gpu_buffer_destroy(&j.scratch.buffer);
    free(dense);
    free(kernel);
    free(got);
    free(want);
    free(packed);
}

static ctvk_status record_labels(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return j->plan ? ctvk_transp_conv3d_plan_labels(cmd, gpu, j->plan, j->conv, &j->in.tensor, NULL, &j->weights, j->first, j->count,
                                                    &j->words, error)
                   : ctvk_transp_conv3d_labels_record(cmd, gpu, j->conv, &j->in.tensor, NULL, &j->weights, j->first, j->count, &j->words,
                                                      error);
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
static void check_words(const job *j, const uint32_t *words, const float *logits, const double *want, double size)
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
            far += want[(size_t)c * voxels + at] > want[label * voxels + at] + 2 * TOLERANCE * size;
    }
    CHECK_MSG(wrong == 0 && far == 0, "%d -> %d, %d x %d x %d, planes %d + %d: %zu labels are not the logits', %zu not plain C's",
              j->conv->in, classes, x, y, z, j->first, j->count, wrong, far);
}

/* The last two classes are equal at two corners of every voxel; bad: some inputs are no numbers. Refused where a block is too small. */
static void labels_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv, int half, const int size[3],
                        int first, int count, int bad)
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
    job j = {.plan = plan, .conv = conv, .first = first, .count = count};
    ctvk_error error = {0};
    for (int i = 0; i < conv->in && conv->out > 1; i++)
        for (int tap = 2; tap < 8; tap += 5)
            kernel[(i * conv->out + conv->out - 1) * 8 + tap] = kernel[(i * conv->out + conv->out - 2) * 8 + tap];
    conv_narrow(dense, in_count, half);
    ref_transp_conv3d(dense, conv->in, x, y, z, kernel, conv->out, want);
    for (size_t i = 0; i < out_count; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < 3 && bad; i++)
        dense[((size_t)i * 5 % (size_t)conv->in) * n + (size_t)i * n / 3] = no_number[i];
    ctvk_transp_conv3d_pack(gpu, conv, kernel, packed);
    CHECK(ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, conv), packed) &&
          ops_span_create(gpu, &j.words, word_count * sizeof *words, NULL) &&
          conv_tensor_create_as(gpu, &j.in, half, conv->in, x, y, z, 0) && conv_tensor_write(&j.in, dense) &&
          conv_tensor_create(gpu, &j.out, conv->out, 2 * x, 2 * y, 2 * z, 1));
    CHECK_MSG(ops_run(gpu, record, &j, &error) == CTVK_OK && ops_run(gpu, record_labels, &j, &error) == CTVK_OK, "%s", error.message);
    CHECK(conv_tensor_read(&j.out, logits) &&
          ctvk_gpu_download(j.words.buffer, j.words.offset, words, word_count * sizeof *words, &error) == CTVK_OK);
    check_words(&j, words, logits, want, largest);
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

static void test_labels(ctvk_gpu *gpu, int half)
{
    static const ctvk_transp_conv3d few[] = {{16, 1, 1}, {16, 2, 1}, {48, 2, 1}, {48, 3, 1}};
    static const int some[][3] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {7, 9, 33}};
    for (int i = 0; i < 4; i++) {
        CHECK(ctvk_transp_conv3d_labels(&few[i]));
        for (int k = 0; k < 4; k++) {
            labels_case(gpu, NULL, &few[i], half, some[k], 0, some[k][0], 0);
            labels_case(gpu, NULL, &few[i], half, some[k], some[k][0] / 3, some[k][0] - some[k][0] / 3, 1);
        }
        /* Bindings of two input planes and a bit, and of one plane of words. */
        ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
        plan.source_bytes = (uint64_t)few[i].in * 9 * 33 * 4 * 2 + 300;
        labels_case(gpu, &plan, &few[i], half, some[3], 1, 5, 1);
        plan.target_bytes = (uint64_t)few[i].out * 18 * 66 * 4 * 2 + 300;
        labels_case(gpu, &plan, &few[i], half, some[3], 0, 7, 0);
    }
}

/* More classes or channels than one dispatch holds; planes and places that are not there. */
static void test_labels_refused(ctvk_gpu *gpu)
{
    static const ctvk_transp_conv3d other[] = {{16, 4, 1}, {32, 2, 1}, {64, 2, 1}, {16, 16, 0}}, right = {16, 2, 1};
    ctvk_error error = {0};
    job j = {.conv = &right, .first = 0, .count = 3};
    for (int i = 0; i < 4; i++)
        CHECK(!ctvk_transp_conv3d_labels(&other[i]));
    CHECK(ops_span_create(gpu, &j.weights, 1 << 16, NULL) && ops_span_create(gpu, &j.words, 3 * 4 * 5 * 4, NULL) &&
          conv_tensor_create(gpu, &j.in, 16, 3, 4, 5, 0));
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_OK);
    j.count = 4;
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_ERROR_INTERNAL);
    j.count = 3, j.first = 1;
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_ERROR_INTERNAL);
    j.first = 0, j.words.bytes -= 4;
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_ERROR_INTERNAL);
    j.words.bytes += 4, j.conv = &(ctvk_transp_conv3d){16, 4, 1};
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_ERROR_INTERNAL);
    ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
    plan.target_bytes = 4 * 5 * 4 - 4;
    j.conv = &right, j.plan = &plan;
    CHECK(ops_run(gpu, record_labels, &j, &error) == CTVK_ERROR_DEVICE_MEMORY);
    conv_tensor_destroy(&j.in);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    ctvk_gpu_buffer_destroy(&j.words.buffer);
}

static const ctvk_transp_conv3d convs[] = {{4, 4, 0},  {16, 16, 0}, {48, 24, 0}, {52, 52, 0}, {96, 12, 0},
                                           {16, 2, 1}, {48, 2, 1},  {52, 1, 1},  {4, 5, 1},   {8, 3, 1}};
static const int sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {7, 9, 33}};

static void test_device(uint32_t disable, int half)
{
    ctvk_gpu *gpu = open_gpu(disable);
    test_labels(gpu, half);
    test_labels_refused(gpu);
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            run_case(gpu, 0, &convs[i], half, sizes[j][0], sizes[j][1], sizes[j][2], CTVK_OK);
        }
        /* Bindings of two input planes and a bit, then of less than one. */
        ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
        plan.source_bytes = (uint64_t)convs[i].in * 6 * 5 * 4 * 2 + 300;
        run_case(gpu, &plan, &convs[i], half, 5, 6, 5, CTVK_OK);
        plan.target_bytes = (uint64_t)convs[i].out * 12 * 10 * 4 * 4 + 300; /* four output planes and a bit */
        run_case(gpu, &plan, &convs[i], half, 5, 6, 5, CTVK_OK);
        /* Texels of half precision are counted, storage is measured. */
        plan.source_bytes = (uint64_t)convs[i].in * 6 * 5 * (half && convs[i].planar && !plan.address ? 2 : 4) - 4;
        run_case(gpu, &plan, &convs[i], half, 5, 6, 5, CTVK_ERROR_DEVICE_MEMORY);
    }
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    for (int half = 0; half < 2; half++) {
        test_device(0, half);
        test_device(CTVK_GPU_NO_BUFFER_ADDRESS, half);
        test_device(CTVK_GPU_NO_TEXEL, half);
        test_device(CTVK_GPU_MIN_LIMITS, half);
    }
    return gpu_done("transp_conv3d");
}
