/* RMS norm against plain C in double: widths around the workgroup's edge, rows picked with a stride, tiny and large numbers. */
#include "ops/rms_norm.h"
#include "ref/rms_norm.h"
#include "support/rows_case.h"

/* Squares summed in float32 by 64 lanes, a root, a division and two products: 1.7e-7 seen; Vulkan allows the division 2.5 ulp
 * and the root as much again. */
#define TOLERANCE 8e-7

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    ctvk_rms_norm_job *job = user;
    job->cmd = cmd;
    job->gpu = gpu;
    return ctvk_rms_norm_record(job, error);
}

static void run_case(ctvk_gpu *gpu, int rows, int width, int first, int in_stride, int out_stride, double scale)
{
    const float eps = 1e-5f;
    rows_case in = {0}, weights = {0}, out = {0};
    double *row = malloc((size_t)width * sizeof *row);
    ctvk_error error = {0};
    int ok = rows_create(gpu, &in, (size_t)(first + (rows - 1) * in_stride + width), 3, scale) &&
             rows_create(gpu, &weights, (size_t)width, 4, 2) && rows_create(gpu, &out, (size_t)((rows - 1) * out_stride + width), 5, 0);
    ctvk_rms_norm_job job = {NULL, NULL, &weights.span, &in.span, &out.span, rows, width, first, in_stride, out_stride, eps};
    if (ok) {
        ctvk_status status = ops_run(gpu, record, &job, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(rows_read(&out) && rows_read(&in));
        for (int r = 0; r < rows; r++) {
            ref_rms_norm(in.exact + first + r * in_stride, weights.host, width, eps, row);
            double worst = ops_worst(out.host + r * out_stride, row, (size_t)width);
            CHECK_MSG(worst <= TOLERANCE, "%d rows of %d, scale %g: error %g", rows, width, scale, worst);
            for (int i = width; i < out_stride && r + 1 < rows; i++)
                CHECK(isnan(out.host[r * out_stride + i]));
        }
    }
    rows_destroy(&in);
    rows_destroy(&weights);
    rows_destroy(&out);
    free(row);
}

static void test_refusals(ctvk_gpu *gpu)
{
    rows_case in = {0}, weights = {0}, out = {0};
    ctvk_error error = {0};
    if (rows_create(gpu, &in, 64, 1, 1) && rows_create(gpu, &weights, 32, 1, 1) && rows_create(gpu, &out, 64, 1, 0)) {
        const ctvk_rms_norm_job good = {NULL, NULL, &weights.span, &in.span, &out.span, 2, 32, 0, 32, 32, 1e-5f};
        ctvk_rms_norm_job bad[] = {good, good, good, good, good, good};
        bad[0].rows = 3;
        bad[1].width = 36;
        bad[2].in_first = 4;
        bad[3].out_stride = 34;
        bad[4].rows = 0;
        bad[5].in_stride = -32;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            CHECK_MSG(ops_run(gpu, record, &bad[i], &error) == CTVK_ERROR_INTERNAL, "case %zu was taken", i);
    }
    rows_destroy(&in);
    rows_destroy(&weights);
    rows_destroy(&out);
}

int main(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    static const int widths[] = {4, 60, 252, 256, 260, 576, 4096};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        int w = widths[i];
        run_case(gpu, 1, w, 0, w, w, 1);
        run_case(gpu, 5, w, 0, w, w, 300);
        run_case(gpu, 3, w, 2 * w, 3 * w, w + 8, 1e-3);
    }
    test_refusals(gpu);
    ctvk_gpu_destroy(&gpu);
    gpu = open_gpu(CTVK_GPU_MIN_LIMITS);
    run_case(gpu, 7, 132, 4, 140, 132, 2);
    ctvk_gpu_destroy(&gpu);
    return gpu_done("rms_norm");
}
