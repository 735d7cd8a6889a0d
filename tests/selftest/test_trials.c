/* The trials of the self-test on a sound driver: every operation within its limit on every shape, under every mask that an operation sees. */
#include "selftest/trials.h"
#include "support/ops_case.h"

#include <time.h>
static double now(void){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return (double)t.tv_sec+t.tv_nsec*1e-9;}
int main(void)
{
    for (int i = 0; i < 1; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        for (int full = 0; full < 2; full++) {
        ctvk_trials *trials = NULL;
        ctvk_error error = {0};
        double begin = now();
        CHECK(ctvk_trials_create(gpu, full, NULL, NULL, &trials, &error) == CTVK_OK);
        for (int32_t k = 0; k < ctvk_trials_count(); k++) {
            ctvk_trial_result result;
            double t = now();
            ctvk_status status = ctvk_trials_run(trials, k, &result, &error);
            printf("%-16s %3d %10.2e %10.2e %6.3f\n", result.name, result.cases, result.error, result.limit, now() - t);
            CHECK_MSG(status == CTVK_OK, "%s", error.message);
        }
        ctvk_trials_destroy(&trials);
        printf("all %.3f\n", now() - begin);
        }
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("trials");
}
