#include "api/self_test.h"

#include "core/clock.h"
#include "selftest/network.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MAX_OPERATIONS = 32, NETWORKS = 3 };

struct ctvk_selftest {
    ctvk_context *context;
    int32_t small;
    char *device; /* selector */
    uint64_t memory_limit;
    ctvk_progress_fn progress;
    void *progress_user;
    atomic_int cancelled;
    atomic_uint millionths;

    ctvk_status status; /* CTVK_PENDING until the end */
    ctvk_gpu *gpu;
    ctvk_trials *trials;
    int32_t opened;
    uint32_t count, wrong; /* of operation */
    uint32_t wrong_half;   /* of them those of f16 */
    ctvk_selftest_operation operation[MAX_OPERATIONS];
    uint32_t device_index;
    char capabilities[256];
    double seconds;
    uint64_t peak_bytes;
    ctvk_network_trial network;
    ctvk_error error; /* of the first operation that is wrong, or what ended the self-test */
};

static int32_t report(ctvk_selftest *s)
{
    double all = ctvk_trials_count() + (s->small ? 0 : NETWORKS), whole = s->count < all ? s->count / all : 1;
    const char *stage = s->count < (uint32_t)ctvk_trials_count() ? "operations" : "networks";
    atomic_store(&s->millionths, (unsigned)(whole * 1e6));
    if (s->progress && s->progress(s->progress_user, whole, stage))
        atomic_store(&s->cancelled, 1);
    return atomic_load(&s->cancelled);
}

static int32_t on_work(void *user, double work_done)
{
    (void)work_done;
    return report(user);
}

/* --- making --- */

static void release(ctvk_selftest *s)
{
    if (s->gpu)
        s->peak_bytes = ctvk_gpu_memory_peak(s->gpu);
    ctvk_trials_destroy(&s->trials);
    if (s->gpu)
        ctvk_context_close_device(s->context, &s->gpu);
}

static void selftest_destroy(ctvk_selftest *s)
{
    if (!s)
        return;
    const ctvk_host *host = &s->context->host;
    release(s);
    ctvk_free(host, s->network.labels);
    ctvk_free(host, s->device);
    ctvk_free(host, s);
}

static ctvk_status selftest_create(ctvk_context *context, const ctvk_selftest_options *options, ctvk_selftest **out)
{
    ctvk_selftest_options o = CTVK_SELFTEST_OPTIONS_INIT;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "self-test: no place for it (pass a pointer)");
    *out = NULL;
    ctvk_status status =
        ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_selftest_options, progress_user), "self-test options", &context->error);
    if (status != CTVK_OK)
        return status;
    ctvk_selftest *s = ctvk_calloc(&context->host, 1, sizeof *s);
    if (!s)
        return ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    s->context = context;
    s->small = o.small;
    s->memory_limit = o.memory_limit;
    s->progress = o.progress;
    s->progress_user = o.progress_user;
    s->status = CTVK_PENDING;
    status = ctvk_copy_text(&context->host, o.device.data, o.device.length, CTVK_MAX_PATH, "device selector", &s->device, &context->error);
    if (status != CTVK_OK) {
        selftest_destroy(s);
        return status;
    }
    *out = s;
    return CTVK_OK;
}

/* --- running --- */

static void add_capability(ctvk_selftest *s, int32_t there, const char *name)
{
    size_t length = strlen(s->capabilities);
    if (there)
        snprintf(s->capabilities + length, sizeof s->capabilities - length, ", %s", name);
}

/* What shaders and copies take where it is offered: the choices of plugin/ops and gpu/memory.c. */
static void list_capabilities(ctvk_selftest *s)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(s->gpu);
    snprintf(s->capabilities, sizeof s->capabilities, "subgroups of %u, bindings of %llu MiB", caps->subgroup_size,
             (unsigned long long)(caps->max_storage_range >> 20));
    add_capability(s, caps->is_cpu, "straight-line kernels for a CPU");
    add_capability(s, caps->is_cpu && caps->buffer_address, "buffer addresses");
    add_capability(s, caps->is_cpu && caps->texel_rgba32f, "texel buffers");
    add_capability(s, !caps->is_cpu && caps->cooperative && ctvk_gpu_tuned_sha256(s->gpu), "cooperative matrices, where tuned to");
    add_capability(s, caps->maps_device, "mapped memory");
}

static ctvk_status open_device(ctvk_selftest *s)
{
    if (report(s))
        return CTVK_CANCELLED;
    ctvk_status status = ctvk_context_open_selected(s->context, s->device, s->memory_limit, &s->gpu, &s->error);
    if (status != CTVK_OK)
        return status;
    s->opened = 1;
    s->device_index = ctvk_gpu_get_info(s->gpu)->index;
    list_capabilities(s);
    return ctvk_trials_create(s->gpu, !s->small, on_work, s, &s->trials, &s->error);
}

static int32_t is_half(const ctvk_selftest *s, const ctvk_trial_result *result)
{
    return s->count < (uint32_t)ctvk_trials_count() ? ctvk_trials_part((int32_t)s->count) == CTVK_TRIALS_HALF : result == &s->network.half;
}

/* Its message stays where it is the first wrong one. */
static void keep(ctvk_selftest *s, const ctvk_trial_result *result, double seconds, const ctvk_error *error)
{
    int32_t wrong = !(result->error <= result->limit);
    if (wrong && !s->wrong++)
        s->error = *error;
    s->wrong_half += (uint32_t)(wrong && is_half(s, result));
    s->operation[s->count++] = (ctvk_selftest_operation){.struct_size = sizeof(ctvk_selftest_operation),
                                                         .wrong = wrong,
                                                         .name = ctvk_view(result->name),
                                                         .cases = (uint64_t)result->cases,
                                                         .worst_error = result->error,
                                                         .limit = result->limit,
                                                         .seconds = seconds};
}

/* A failure that is no wrong answer ends the self-test. */
static ctvk_status end_with(ctvk_selftest *s, ctvk_status status, const ctvk_error *error)
{
    s->error = *error;
    return status;
}

static ctvk_status run_operation(ctvk_selftest *s)
{
    ctvk_trial_result result = {0};
    ctvk_error error = {0};
    double begin = ctvk_now();
    if (report(s))
        return CTVK_CANCELLED;
    ctvk_status status = ctvk_trials_run(s->trials, (int32_t)s->count, &result, &error);
    if (status != CTVK_OK && (status != CTVK_ERROR_DEVICE || result.error <= result.limit))
        return end_with(s, status, &error);
    keep(s, &result, ctvk_now() - begin, &error);
    return CTVK_OK;
}

static ctvk_status run_networks(ctvk_selftest *s)
{
    ctvk_error error = {0};
    double begin = ctvk_now();
    ctvk_trials_destroy(&s->trials); /* its memory is theirs now */
    ctvk_status status = ctvk_network_trial_run(s->gpu, on_work, s, &s->network, &error);
    double seconds = ctvk_now() - begin;
    if (s->network.text.name)
        keep(s, &s->network.text, s->network.image.name ? 0 : seconds, &error);
    if (s->network.image.name)
        keep(s, &s->network.image, s->network.half.name ? 0 : seconds, &error);
    if (s->network.half.name)
        keep(s, &s->network.half, seconds, &error);
    return status == CTVK_OK || (status == CTVK_ERROR_DEVICE && s->network.half.name) ? CTVK_OK : end_with(s, status, &error);
}

static ctvk_status step_once(ctvk_selftest *s)
{
    uint32_t operations = (uint32_t)ctvk_trials_count();
    ctvk_status status;
    if (atomic_load(&s->cancelled))
        return CTVK_CANCELLED;
    if (!s->opened)
        status = open_device(s);
    else if (s->count < operations)
        status = run_operation(s);
    else
        status = run_networks(s);
    if (status != CTVK_OK)
        return status;
    return s->count < operations + (s->small ? 0 : NETWORKS) ? CTVK_PENDING : s->wrong ? CTVK_ERROR_DEVICE : CTVK_OK;
}

static ctvk_status selftest_step(ctvk_selftest *s)
{
    if (!s)
        return CTVK_ERROR_ARGUMENT;
    if (s->status != CTVK_PENDING)
        return s->status;
    double begin = ctvk_now();
    s->status = step_once(s);
    s->seconds += ctvk_now() - begin;
    if (s->status == CTVK_CANCELLED)
        ctvk_fail(&s->error, CTVK_CANCELLED, "self-test: cancelled (run it again)");
    if (s->status == CTVK_OK || (s->status == CTVK_ERROR_DEVICE && s->wrong)) {
        ctvk_context_keep_answer(s->context, s->gpu, CTVK_TRIALS_NETWORK, s->wrong == s->wrong_half);
        ctvk_context_keep_answer(s->context, s->gpu, CTVK_TRIALS_LANGUAGE, s->wrong == s->wrong_half);
        ctvk_context_keep_answer(s->context, s->gpu, CTVK_TRIALS_HALF, !s->wrong_half);
    }
    if (s->status != CTVK_PENDING) {
        release(s);
        if (s->status == CTVK_OK)
            report(s);
    }
    return s->status;
}

static ctvk_status selftest_run(ctvk_selftest *s)
{
    ctvk_status status;
    do
        status = selftest_step(s);
    while (status == CTVK_PENDING);
    return status;
}

static void selftest_cancel(ctvk_selftest *s)
{
    if (s)
        atomic_store(&s->cancelled, 1);
}

static double selftest_progress(const ctvk_selftest *s)
{
    return s ? (double)atomic_load(&s->millionths) * 1e-6 : 0;
}

/* --- what was found --- */

static ctvk_status selftest_error(const ctvk_selftest *s, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "self-test: none was given (create one)"};
    return ctvk_give_error(s ? &s->error : &none, message);
}

static ctvk_status selftest_info(ctvk_selftest *s, ctvk_selftest_info *out)
{
    if (!s)
        return CTVK_ERROR_ARGUMENT;
    if (!s->opened)
        return ctvk_fail(&s->error, CTVK_ERROR_ARGUMENT, "self-test: no device is open yet (call step first)");
    ctvk_selftest_info info = {.struct_size = sizeof info,
                               .device_index = s->device_index,
                               .operation_count = s->count,
                               .wrong_count = s->wrong,
                               .capabilities = ctvk_view(s->capabilities),
                               .seconds = s->seconds,
                               .peak_bytes = s->gpu ? ctvk_gpu_memory_peak(s->gpu) : s->peak_bytes,
                               .labels = s->network.image.name ? s->network.labels : NULL};
    for (int i = 0; i < 3; i++)
        info.dim[i] = info.labels ? s->network.dim[i] : 0;
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_selftest_info, dim), "self-test info", &s->error);
}

static ctvk_status selftest_operation(ctvk_selftest *s, uint32_t index, ctvk_selftest_operation *out)
{
    if (!s)
        return CTVK_ERROR_ARGUMENT;
    if (index >= s->count)
        return ctvk_fail(&s->error, CTVK_ERROR_ARGUMENT, "operation %u: there are %u (ask info)", index, s->count);
    return ctvk_give_struct(out, &s->operation[index], sizeof *out, CTVK_UP_TO(ctvk_selftest_operation, seconds), "self-test operation",
                            &s->error);
}

const ctvk_selftest_api ctvk_selftest_table = {
    .struct_size = sizeof(ctvk_selftest_api),
    .create = selftest_create,
    .destroy = selftest_destroy,
    .last_error = selftest_error,
    .run = selftest_run,
    .step = selftest_step,
    .cancel = selftest_cancel,
    .progress = selftest_progress,
    .info = selftest_info,
    .operation = selftest_operation,
};
