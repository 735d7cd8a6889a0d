/* The transposed convolution against plain C in double. */
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
    ctvk_span weights, scratch;
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

static const ctvk_transp_conv3d convs[] = {{4, 4, 0},  {16, 16, 0}, {48, 24, 0}, {52, 52, 0}, {96, 12, 0},
                                           {16, 2, 1}, {48, 2, 1},  {52, 1, 1},  {4, 5, 1},   {8, 3, 1}};
static const int sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {7, 9, 33}};

static void test_device(uint32_t disable, int half)
{
    ctvk_gpu *gpu = open_gpu(disable);
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
