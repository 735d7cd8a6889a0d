/* The gated activation against plain C in double, from numbers whose exponential is nothing to numbers where it would overflow. */
#include "ops/swiglu.h"
#include "ref/swiglu.h"
#include "support/rows_case.h"

/* An exponential to 1 ulp, a sum, a division, two products: 1.3e-7 of the result seen; Vulkan allows the
 * division 2.5 ulp. */
#define TOLERANCE 6e-7

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    ctvk_swiglu_job *job = user;
    job->cmd = cmd;
    job->gpu = gpu;
    return ctvk_swiglu_record(job, error);
}

static void run_case(ctvk_gpu *gpu, int rows, int width, double scale)
{
    rows_case gate = {0}, up = {0};
    ctvk_error error = {0};
    size_t count = (size_t)(rows * width);
    if (rows_create(gpu, &gate, count, 31, scale) && rows_create(gpu, &up, count, 32, 1)) {
        ctvk_swiglu_job job = {NULL, NULL, &gate.span, &up.span, rows, width};
        ctvk_status status = ops_run(gpu, record, &job, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        ref_swiglu(gate.exact, up.exact, count);
        CHECK(rows_read(&gate) && rows_read(&up));
        double worst = ops_worst(gate.host, gate.exact, count);
        CHECK_MSG(worst <= TOLERANCE, "%d x %d, scale %g: error %g", rows, width, scale, worst);
        job.rows++;
        CHECK(ops_run(gpu, record, &job, &error) == CTVK_ERROR_INTERNAL);
        job.rows--;
        job.width -= 2;
        CHECK(ops_run(gpu, record, &job, &error) == CTVK_ERROR_INTERNAL);
    }
    rows_destroy(&gate);
    rows_destroy(&up);
}

int main(void)
{
    static const int widths[] = {4, 252, 256, 260, 1536};
    for (int limited = 0; limited < 2; limited++) {
        ctvk_gpu *gpu = open_gpu(limited ? CTVK_GPU_MIN_LIMITS : 0);
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            run_case(gpu, 1, widths[i], 3);
            run_case(gpu, 7, widths[i], 200);
        }
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("swiglu");
}
