/* Without any driver the instance says so with the status for it, and leaves nothing behind. */
#include "gpu/gpu.h"
#include "support/check.h"

int main(void)
{
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    setenv("VK_DRIVER_FILES", "/nonexistent/driver.json", 1);
    setenv("VK_ICD_FILENAMES", "/nonexistent/driver.json", 1);
    for (int validation = 0; validation < 2; validation++) {
        CHECK(ctvk_gpu_instance_create(NULL, validation, &instance, &error) == CTVK_ERROR_NO_DEVICE);
        CHECK(instance == NULL && error.status == CTVK_ERROR_NO_DEVICE);
        CHECK_MSG(strstr(error.message, "driver") && strchr(error.message, '('), "%s", error.message);
        printf("%s\n", error.message);
    }
    ctvk_gpu_instance_destroy(&instance);
    return check_done("gpu_no_driver");
}
