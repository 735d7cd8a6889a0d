#include "selftest/bench.h"

static const struct {
    const char *name;
    void (*run)(ctvk_trials *b);
    int32_t part; /* HALF: where numbers have 16 bits */
} trials[] = {
    {"conv3d", ctvk_trial_conv3d, CTVK_TRIALS_NETWORK}, /* the first: ctvk_trials_variants */
    {"transp_conv3d", ctvk_trial_transp_conv3d, CTVK_TRIALS_NETWORK},
    {"instance_norm", ctvk_trial_instance_norm, CTVK_TRIALS_NETWORK},
    {"linear", ctvk_trial_linear, CTVK_TRIALS_NETWORK},
    {"layer_norm", ctvk_trial_layer_norm, CTVK_TRIALS_NETWORK},
    {"attend", ctvk_trial_attend, CTVK_TRIALS_NETWORK},
    {"fold", ctvk_trial_fold, CTVK_TRIALS_NETWORK},
    {"token_to_image", ctvk_trial_token_to_image, CTVK_TRIALS_NETWORK},
    {"image_to_token", ctvk_trial_image_to_token, CTVK_TRIALS_NETWORK},
    {"blend", ctvk_trial_blend, CTVK_TRIALS_NETWORK},
    {"classify", ctvk_trial_classify, CTVK_TRIALS_NETWORK},
    {"quant_linear", ctvk_trial_quant_linear, CTVK_TRIALS_LANGUAGE},
    {"rms_norm", ctvk_trial_rms_norm, CTVK_TRIALS_LANGUAGE},
    {"rope", ctvk_trial_rope, CTVK_TRIALS_LANGUAGE},
    {"causal_attend", ctvk_trial_causal_attend, CTVK_TRIALS_LANGUAGE},
    {"swiglu", ctvk_trial_swiglu, CTVK_TRIALS_LANGUAGE},
    {"conv3d f16", ctvk_trial_conv3d, CTVK_TRIALS_HALF},
    {"narrow f16", ctvk_trial_narrow, CTVK_TRIALS_HALF},
};
enum { TRIALS = sizeof trials / sizeof *trials };

int32_t ctvk_trials_count(void)
{
    return TRIALS;
}

int32_t ctvk_trials_part(int32_t index)
{
    return trials[index].part;
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
    b->channels = 16;
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
    b->half = trials[index].part == CTVK_TRIALS_HALF;
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

ctvk_status ctvk_trials_small(ctvk_gpu *gpu, int32_t part, int32_t channels, ctvk_gpu_check_fn check, void *user, const char **wrong,
                              ctvk_error *error)
{
    ctvk_trials *b = NULL;
    ctvk_trial_result result;
    *wrong = NULL;
    ctvk_status status = ctvk_trials_create(gpu, 0, check, user, &b, error);
    if (b && channels > 0 && channels % 16 == 0 && channels <= CTVK_BENCH_CHANNELS)
        b->channels = channels;
    for (int32_t i = 0; i < TRIALS && status == CTVK_OK; i++) {
        if (trials[i].part != part)
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
