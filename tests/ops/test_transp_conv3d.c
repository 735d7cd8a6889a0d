/* The transposed convolution against plain C in double, and over its input. */
#include "support/transp_case.h"

/* plan NULL: the door. expected: the status of the record call. */
static void run_case(ctvk_gpu *gpu, const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv, int x, int y, int z,
                     ctvk_status expected)
{
    size_t in_count = (size_t)conv->in * x * y * z, out_count = (size_t)conv->out * x * y * z * 8;
    float *dense = conv_random_array(in_count, 3), *kernel = conv_random_array((size_t)conv->in * conv->out * 8, 5);
    float *got = conv_random_array(out_count, 1);
    double *want = malloc(out_count * sizeof(double));
    void *packed = malloc(ctvk_transp_conv3d_weight_bytes(gpu, conv));
    transp_case j = {.plan = plan, .conv = conv};
    ctvk_error error = {0};
    CHECK(dense && kernel && got && want && packed);
    ctvk_transp_conv3d_pack(gpu, conv, kernel, packed);
    int ok = ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, conv), packed) &&
             conv_tensor_create(gpu, &j.in, conv->in, x, y, z, 0) && conv_tensor_write(&j.in, dense) &&
             conv_tensor_create(gpu, &j.out, conv->out, 2 * x, 2 * y, 2 * z, conv->planar);
    CHECK(ok);
    ctvk_status status = ok ? ops_run(gpu, transp_record, &j, &error) : CTVK_ERROR_INTERNAL;
    CHECK_MSG(status == expected, "%s", error.message);
    if (!status && !expected && conv_tensor_read(&j.out, got)) {
        ref_transp_conv3d(dense, conv->in, x, y, z, kernel, conv->out, want);
        double worst = conv_worst(got, want, out_count);
        CHECK_MSG(worst <= TRANSP_TOLERANCE, "%d -> %d%s, %d x %d x %d: error %g", conv->in, conv->out, conv->planar ? " planar" : "", x, y,
                  z, worst);
        CHECK(conv_tensor_guards_hold(&j.in) && conv_tensor_guards_hold(&j.out) && ops_span_guards_hold(&j.weights));
    }
    conv_tensor_destroy(&j.in);
    conv_tensor_destroy(&j.out);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    free(dense);
    free(kernel);
    free(got);
    free(want);
    free(packed);
}

/* The input over the last planes of the output and a few behind: the same as apart, bit for bit, in blocks of so many; without any planes
 * behind it is refused, and so is an output of few channels. */
static void test_over(ctvk_gpu *gpu)
{
    static const ctvk_transp_conv3d up = {16, 24, 0}, few = {80, 8, 0};
    enum { X = 7, Y = 5, Z = 8, IN = 16 * X * Y * Z, OUT = 24 * X * Y * Z * 8 };
    float *dense = conv_random_array(IN, 3), *kernel = conv_random_array((size_t)16 * 24 * 8, 5), *apart = conv_random_array(OUT, 1),
          *got = conv_random_array(OUT, 1);
    void *packed = malloc(ctvk_transp_conv3d_weight_bytes(gpu, &up));
    ctvk_transp_conv3d_pack(gpu, &up, kernel, packed);
    for (int behind = -1; behind < 4; behind++) { /* -1: apart */
        transp_case j = {.conv = &up};
        conv_tensor all = {.planar = 0};
        ctvk_error error = {0};
        CHECK(ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, &up), packed) &&
              conv_tensor_create(gpu, &all, 24, 2 * X + 4, 2 * Y, 2 * Z, 0) && conv_tensor_create(gpu, &j.in, 16, X, Y, Z, 0));
        j.out = all;
        j.out.tensor.x = 2 * X;
        if (behind >= 0) {
            const uint64_t plane = ctvk_tensor_plane_bytes(&j.in.tensor);
            conv_tensor_destroy(&j.in);
            j.in.tensor.buffer = all.tensor.buffer;
            j.in.tensor.offset = all.tensor.offset + ctvk_tensor_bytes(&j.out.tensor) - (uint64_t)(X - behind) * plane;
        }
        CHECK(conv_tensor_write(&j.in, dense));
        ctvk_status status = ops_run(gpu, transp_record, &j, &error);
        CHECK_MSG(status == (behind ? CTVK_OK : CTVK_ERROR_INTERNAL), "%d planes: %d %s", behind, status, error.message);
        CHECK(conv_tensor_read(&j.out, behind < 0 ? apart : got) && conv_tensor_guards_hold(&all));
        CHECK_MSG(behind < 1 || memcmp(got, apart, OUT * sizeof *got) == 0, "%d planes: not the same as apart", behind);
        if (behind < 0)
            conv_tensor_destroy(&j.in);
        conv_tensor_destroy(&all);
        ctvk_gpu_buffer_destroy(&j.weights.buffer);
    }
    transp_case j = {.conv = &few};
    ctvk_error error = {0};
    CHECK(ops_span_create(gpu, &j.weights, ctvk_transp_conv3d_weight_bytes(gpu, &few), NULL) &&
          conv_tensor_create(gpu, &j.in, 80, 2, 8, 8, 0));
    j.out = j.in;
    j.out.tensor = (ctvk_tensor){j.in.tensor.buffer, j.in.tensor.offset, 8, 4, 16, 16, 0};
    CHECK(ops_run(gpu, transp_record, &j, &error) == CTVK_ERROR_INTERNAL);
    j.out.tensor.offset += 1 << 20; /* apart, but with 16 bits a number */
    j.in.tensor.half = 1;
    CHECK(ops_run(gpu, transp_record, &j, &error) == CTVK_ERROR_INTERNAL && strstr(error.message, "float32"));
    conv_tensor_destroy(&j.in);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
    free(dense);
    free(kernel);
    free(apart);
    free(got);
    free(packed);
}

static const ctvk_transp_conv3d convs[] = {{4, 4, 0},  {16, 16, 0}, {48, 24, 0}, {52, 52, 0}, {96, 12, 0},
                                           {16, 2, 1}, {48, 2, 1},  {52, 1, 1},  {4, 5, 1},   {8, 3, 1}};
static const int sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {7, 9, 33}};

static void test_device(uint32_t disable)
{
    ctvk_gpu *gpu = open_gpu(disable);
    test_over(gpu);
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            run_case(gpu, 0, &convs[i], sizes[j][0], sizes[j][1], sizes[j][2], CTVK_OK);
        }
        /* Bindings of two input planes and a bit, then of less than one. */
        ctvk_transp_conv3d_plan plan = ctvk_transp_conv3d_plan_for(ctvk_gpu_get_caps(gpu));
        plan.source_bytes = (uint64_t)convs[i].in * 6 * 5 * 4 * 2 + 300;
        run_case(gpu, &plan, &convs[i], 5, 6, 5, CTVK_OK);
        plan.target_bytes = (uint64_t)convs[i].out * 12 * 10 * 4 * 4 + 300; /* four output planes and a bit */
        run_case(gpu, &plan, &convs[i], 5, 6, 5, CTVK_OK);
        plan.source_bytes = (uint64_t)convs[i].in * 6 * 5 * 4 - 4;
        run_case(gpu, &plan, &convs[i], 5, 6, 5, CTVK_ERROR_DEVICE_MEMORY);
    }
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_device(0);
    test_device(CTVK_GPU_NO_BUFFER_ADDRESS);
    test_device(CTVK_GPU_NO_TEXEL);
    test_device(CTVK_GPU_MIN_LIMITS);
    return gpu_done("transp_conv3d");
}
