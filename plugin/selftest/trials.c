#include "selftest/bench.h"

static const struct {
    const char *name;
    void (*run)(ctvk_trials *b);
    int32_t half; /* the same with its tensors in half precision */
} trials[] = {
    {"conv3d", ctvk_trial_conv3d, 0}, /* the first: ctvk_trials_variants */
    {"transp_conv3d", ctvk_trial_transp_conv3d, 0},
    {"instance_norm", ctvk_trial_instance_norm, 0},
    {"linear", ctvk_trial_linear, 0},
    {"layer_norm", ctvk_trial_layer_norm, 0},
    {"attend", ctvk_trial_attend, 0},
    {"fold", ctvk_trial_fold, 0},
    {"token_to_image", ctvk_trial_token_to_image, 0},
    {"image_to_token", ctvk_trial_image_to_token, 0},
    {"blend", ctvk_trial_blend, 0},
    {"classify", ctvk_trial_classify, 0},
    {"quant_linear", ctvk_trial_quant_linear, 0},
    {"rms_norm", ctvk_trial_rms_norm, 0},
    {"rope", ctvk_trial_rope, 0},
    {"causal_attend", ctvk_trial_causal_attend, 0},
    {"swiglu", ctvk_trial_swiglu, 0},
    {"conv3d f16", ctvk_trial_conv3d, 1},
    {"transp_conv3d f16", ctvk_trial_transp_conv3d, 1},
    {"instance_norm f16", ctvk_trial_instance_norm, 1},
};
enum { TRIALS = sizeof trials / sizeof *trials };

int32_t ctvk_trials_count(void)
{
    return TRIALS;
}

int32_t ctvk_trials_half(int32_t index)
{
    return trials[index].half;
}

ctvk_status ctvk_trials_create(ctvk_gpu *gpu, int32_t full, ctvk_gpu_check_fn check, void *user, ctvk_trials **out, ctvk_error *error)
{
    const ctvk_host *host = ctvk_gpu_host(gpu);
    ctvk_trials *b = ctvk_calloc(host, 1, sizeof *b);
    *out = NULL;
    if (!b)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    b->gpu = gpu;
    b->full = full;
    b->check = check;
    b->user = user;
    b->room = full ? 12u << 20 : 2u << 20;
    b->host_room = full ? 24u << 20 : 4u << 20;
    b->mirror = ctvk_alloc(host, b->room);
    b->host = ctvk_alloc(host, b->host_room);
    ctvk_status status = CTVK_OK;
    if (!b->mirror || !b->host)
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    else
        status = ctvk_gpu_buffer_create(gpu, b->room, CTVK_GPU_MEMORY_DEVICE, "self-test", &b->device, error);
    if (status != CTVK_OK)
        ctvk_trials_destroy(&b);
    *out = b;
    return status;
}

void ctvk_trials_destroy(ctvk_trials **trials_of)
{
    ctvk_trials *b = *trials_of;
    if (!b)
        return;
    const ctvk_host *host = ctvk_gpu_host(b->gpu);
    ctvk_gpu_buffer_destroy(&b->device);
    ctvk_free(host, b->mirror);
    ctvk_free(host, b->host);
    ctvk_free(host, b);
    *trials_of = NULL;
}

ctvk_status ctvk_trials_run(ctvk_trials *b, int32_t index, ctvk_trial_result *out, ctvk_error *error)
{
    b->result = (ctvk_trial_result){.name = trials[index].name};
    b->seed = (uint32_t)index * 1000;
    b->half = trials[index].half;
    b->status = CTVK_OK;
    b->error = error;
    trials[index].run(b);
    *out = b->result;
    if (b->status)
        return b->status;
    if (out->error <= out->limit)
        return CTVK_OK;
    const ctvk_gpu_info *info = ctvk_gpu_get_info(b->gpu);
    return ctvk_fail(error, CTVK_ERROR_DEVICE,
                     "device %s: driver %s computes the operation %s wrongly: error %.3g where at most %.3g is right (update the driver or "
                     "take another device; ctvk selftest tells more)",
                     info->name, info->driver, out->name, out->error, out->limit);
}

ctvk_status ctvk_trials_small(ctvk_gpu *gpu, int32_t half, ctvk_gpu_check_fn check, void *user, const char **wrong, ctvk_error *error)
{
    ctvk_trials *b = NULL;
    ctvk_trial_result result;
    *wrong = NULL;
    ctvk_status status = ctvk_trials_create(gpu, 0, check, user, &b, error);
    for (int32_t i = 0; i < TRIALS && status == CTVK_OK; i++) {
        if (trials[i].half != half)
            continue;
        if (check && check(user, i)) {
            status = CTVK_CANCELLED;
            break;
        }
        status = ctvk_trials_run(b, i, &result, error);
        if (status == CTVK_ERROR_DEVICE && !(result.error <= result.limit))
            *wrong = trials[i].name;
    }
    ctvk_trials_destroy(&b);
    return status;
}

ctvk_status ctvk_trials_variants(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_error *error)
{
    ctvk_trials *b = NULL;
    ctvk_trial_result result;
    ctvk_status status = ctvk_trials_create(gpu, 0, check, user, &b, error);
    if (status == CTVK_OK) {
        b->variants = 1;
        status = ctvk_trials_run(b, 0, &result, error);
    }
    ctvk_trials_destroy(&b);
    return status;
}
