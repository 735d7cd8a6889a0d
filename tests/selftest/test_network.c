#include "selftest/network.h"
#include "support/ops_case.h"
int main(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_network_trial t;
    ctvk_error error = {0};
    ctvk_status status = ctvk_network_trial_run(gpu, NULL, NULL, &t, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    printf("%g %g\n", t.text.error, t.image.error);
    long ones = 0; for (long i = 0; t.labels && i < t.dim[0]*t.dim[1]*t.dim[2]; i++) ones += t.labels[i];
    printf("ones %ld of %ld\n", ones, (long)(t.dim[0]*t.dim[1]*t.dim[2]));
    ctvk_free(NULL, t.labels);
    ctvk_gpu_destroy(&gpu);
    return gpu_done("network");
}
