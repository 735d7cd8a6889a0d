#include "api/self_test.h"

#include "core/clock.h"
#include "nets/llmseg_graph.h"
#include "ops/conv3d_plan.h"
#include "selftest/trials.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* How much less time than the model's choice another variant must take: less may be noise of a machine that does something else. */
static const double FASTER = 0.95;

/* One shape, as measured. */
typedef struct tuned {
    ctvk_conv3d_plan plan[CTVK_CONV3D_CANDIDATES];
    double milliseconds[CTVK_CONV3D_CANDIDATES];
    int32_t count, untuned, chosen;
    char shape[96];
} tuned;

struct ctvk_tune {
    ctvk_context *context;
    ctvk_llmseg_desc desc;
    char *device; /* selector */
    uint64_t memory_limit;
    ctvk_progress_fn progress;
    void *progress_user;
    atomic_int cancelled;
    atomic_uint millionths;

    ctvk_status status; /* CTVK_PENDING until the end */
    ctvk_gpu *gpu;
    int32_t opened, kept;
    uint32_t device_index;
    double seconds;
    uint64_t peak_bytes;
    ctvk_llmseg_convolution conv[CTVK_LLMSEG_CONVOLUTIONS];
    tuned found[CTVK_LLMSEG_CONVOLUTIONS];
    int32_t count, measured;
    ctvk_error error;
};

static int32_t report(ctvk_tune *t)
{
    double whole = t->count ? (double)t->measured / t->count : 0;
    atomic_store(&t->millionths, (unsigned)(whole * 1e6));
    if (t->progress && t->progress(t->progress_user, whole, "tune"))
        atomic_store(&t->cancelled, 1);
    return atomic_load(&t->cancelled);
}

static int32_t on_work(void *user, double work_done)
{
    (void)work_done;
    return report(user);
}

/* --- making --- */

static void release(ctvk_tune *t)
{
    if (!t->gpu)
        return;
    t->peak_bytes = ctvk_gpu_memory_peak(t->gpu);
    ctvk_context_close_device(t->context, &t->gpu);
}

static void tune_destroy(ctvk_tune *t)
{
    if (!t)
        return;
    const ctvk_host *host = &t->context->host;
    release(t);
    ctvk_free(host, t->device);
    ctvk_free(host, t);
}

/* The published network's shape; text changes no convolution. */
static const ctvk_llmseg_desc published = {.in_channels = 1, .out_channels = 2, .feature_size = 48, .window = {384, 384, 128}};

static ctvk_status tune_create(ctvk_context *context, ctvk_bundle *bundle, const ctvk_tune_options *options, ctvk_tune **out)
{
    ctvk_tune_options o = CTVK_TUNE_OPTIONS_INIT;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "tuning: no place for it (pass a pointer)");
    *out = NULL;
    ctvk_status status =
        ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_tune_options, progress_user), "tuning options", &context->error);
    if (status != CTVK_OK)
        return status;
    ctvk_tune *t = ctvk_calloc(&context->host, 1, sizeof *t);
    if (!t)
        return ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "tuning: no host memory (close other programs)");
    t->context = context;
    t->desc = bundle ? bundle->desc : published;
    t->memory_limit = o.memory_limit;
    t->progress = o.progress;
    t->progress_user = o.progress_user;
    t->status = CTVK_PENDING;
    status = ctvk_copy_text(&context->host, o.device.data, o.device.length, CTVK_MAX_PATH, "device selector", &t->device, &context->error);
    if (status != CTVK_OK) {
        tune_destroy(t);
        return status;
    }
    *out = t;
    return CTVK_OK;
}

/* --- running --- */

static ctvk_status list_convolutions(ctvk_tune *t)
{
    const ctvk_host *host = &t->context->host;
    ctvk_llmseg_graph *net = ctvk_alloc(host, sizeof *net);
    if (!net)
        return ctvk_fail(&t->error, CTVK_ERROR_HOST_MEMORY, "tuning: no host memory (close other programs)");
    ctvk_status status = ctvk_llmseg_graph_build(t->gpu, &t->desc, net, &t->error);
    if (status == CTVK_OK)
        t->count = ctvk_llmseg_convolutions(net, t->conv);
    ctvk_free(host, net);
    return status;
}

/* A variant that is computed wrongly must not be chosen, however fast it is. */
static ctvk_status open_device(ctvk_tune *t)
{
    if (report(t))
        return CTVK_CANCELLED;
    if (!t->context->cache_folder[0])
        return ctvk_fail(&t->error, CTVK_ERROR_OUTPUT, "tuning: there is no cache folder to keep it in (give the context one)");
    ctvk_status status = ctvk_context_open_selected(t->context, t->device, t->memory_limit, &t->gpu, &t->error);
    if (status != CTVK_OK)
        return status;
    t->opened = 1;
    t->device_index = ctvk_gpu_get_info(t->gpu)->index;
    status = ctvk_context_try_device(t->context, t->gpu, 1u << CTVK_TRIALS_NETWORK, 0, on_work, t, &t->error);
    if (status == CTVK_OK)
        status = ctvk_trials_variants(t->gpu, on_work, t, &t->error);
    return status == CTVK_OK ? list_convolutions(t) : status;
}

static void describe(const ctvk_llmseg_convolution *c, char *text, size_t size)
{
    char second[24] = "";
    if (c->conv.in_b)
        snprintf(second, sizeof second, " + %d", c->conv.in_b);
    snprintf(text, size, "%dx%dx%d / %d, %d%s -> %d, %d x %d x %d", c->conv.kernel, c->conv.kernel, c->conv.kernel, c->conv.stride,
             c->conv.in_a, second, c->conv.out, c->x, c->y, c->z);
}

static ctvk_status measure(ctvk_tune *t)
{
    const ctvk_llmseg_convolution *c = &t->conv[t->measured];
    tuned *f = &t->found[t->measured];
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(t->gpu);
    ctvk_conv3d_plan untuned = ctvk_conv3d_choose(caps, NULL, &c->conv, c->x, c->y, c->z);
    describe(c, f->shape, sizeof f->shape);
    f->count = ctvk_conv3d_candidates(caps, &c->conv, f->plan);
    for (int32_t i = 0; i < f->count; i++) {
        ctvk_status status =
            ctvk_conv3d_measure(t->gpu, &f->plan[i], &c->conv, c->x, c->y, c->z, on_work, t, &f->milliseconds[i], &t->error);
        if (status == CTVK_ERROR_DEVICE_MEMORY)
            f->milliseconds[i] = INFINITY;
        else if (status != CTVK_OK)
            return status;
        if (f->plan[i].family == untuned.family)
            f->untuned = i;
    }
    f->chosen = f->untuned;
    for (int32_t i = 0; i < f->count; i++)
        if (f->milliseconds[i] < f->milliseconds[f->chosen] && f->milliseconds[i] < FASTER * f->milliseconds[f->untuned])
            f->chosen = i;
    t->measured++;
    return CTVK_OK;
}

static ctvk_status keep(ctvk_tune *t)
{
    const ctvk_host *host = &t->context->host;
    ctvk_gpu_tuned *lines = ctvk_calloc(host, (size_t)t->count, sizeof *lines);
    if (!lines)
        return ctvk_fail(&t->error, CTVK_ERROR_HOST_MEMORY, "tuning: no host memory (close other programs)");
    for (int32_t i = 0; i < t->count; i++) {
        const tuned *f = &t->found[i];
        ctvk_conv3d_key(&t->conv[i].conv, t->conv[i].x, t->conv[i].y, t->conv[i].z, lines[i].key);
        snprintf(lines[i].value, sizeof lines[i].value, "%s %.4g ms", ctvk_conv3d_plan_name(&f->plan[f->chosen]),
                 f->milliseconds[f->chosen]);
    }
    ctvk_status status = ctvk_gpu_tuned_write(t->gpu, lines, (uint32_t)t->count, &t->error);
    t->kept = status == CTVK_OK;
    ctvk_free(host, lines);
    return status;
}

static ctvk_status step_once(ctvk_tune *t)
{
    if (atomic_load(&t->cancelled))
        return CTVK_CANCELLED;
    ctvk_status status = t->opened ? report(t) ? CTVK_CANCELLED : measure(t) : open_device(t);
    if (status != CTVK_OK)
        return status;
    return t->measured < t->count ? CTVK_PENDING : keep(t);
}

static ctvk_status tune_step(ctvk_tune *t)
{
    if (!t)
        return CTVK_ERROR_ARGUMENT;
    if (t->status != CTVK_PENDING)
        return t->status;
    double begin = ctvk_now();
    t->status = step_once(t);
    t->seconds += ctvk_now() - begin;
    if (t->status == CTVK_CANCELLED)
        ctvk_fail(&t->error, CTVK_CANCELLED, "tuning: cancelled, what was kept before stays (run it again)");
    if (t->status != CTVK_PENDING) {
        release(t);
        if (t->status == CTVK_OK)
            report(t);
    }
    return t->status;
}

static ctvk_status tune_run(ctvk_tune *t)
{
    ctvk_status status;
    do
        status = tune_step(t);
    while (status == CTVK_PENDING);
    return status;
}

static void tune_cancel(ctvk_tune *t)
{
    if (t)
        atomic_store(&t->cancelled, 1);
}

static double tune_progress(const ctvk_tune *t)
{
    return t ? (double)atomic_load(&t->millionths) * 1e-6 : 0;
}

/* --- what was found --- */

static ctvk_status tune_error(const ctvk_tune *t, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "tuning: none was given (create one)"};
    return ctvk_give_error(t ? &t->error : &none, message);
}

static ctvk_status tune_info(ctvk_tune *t, ctvk_tune_info *out)
{
    if (!t)
        return CTVK_ERROR_ARGUMENT;
    if (!t->opened)
        return ctvk_fail(&t->error, CTVK_ERROR_ARGUMENT, "tuning: no device is open yet (call step first)");
    ctvk_tune_info info = {.struct_size = sizeof info,
                           .device_index = t->device_index,
                           .convolution_count = (uint32_t)t->count,
                           .measured_count = (uint32_t)t->measured,
                           .kept = t->kept,
                           .window = {t->desc.window[0], t->desc.window[1], t->desc.window[2], 0},
                           .seconds = t->seconds,
                           .peak_bytes = t->gpu ? ctvk_gpu_memory_peak(t->gpu) : t->peak_bytes};
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_tune_info, peak_bytes), "tuning info", &t->error);
}

static ctvk_status refuse_index(ctvk_tune *t, const char *what, uint32_t index, int32_t count)
{
    return ctvk_fail(&t->error, CTVK_ERROR_ARGUMENT, "%s %u: there are %d (ask info)", what, index, count);
}

static ctvk_status tune_convolution(ctvk_tune *t, uint32_t index, ctvk_tune_convolution *out)
{
    if (!t)
        return CTVK_ERROR_ARGUMENT;
    if (index >= (uint32_t)t->measured)
        return refuse_index(t, "convolution", index, t->measured);
    const ctvk_llmseg_convolution *c = &t->conv[index];
    const tuned *f = &t->found[index];
    double taps = (double)c->conv.kernel * c->conv.kernel * c->conv.kernel;
    ctvk_tune_convolution found = {.struct_size = sizeof found,
                                   .candidate_count = (uint32_t)f->count,
                                   .chosen = (uint32_t)f->chosen,
                                   .untuned = (uint32_t)f->untuned,
                                   .times = (uint32_t)c->times,
                                   .flop = 2 * taps * (c->conv.in_a + c->conv.in_b) * c->conv.out * c->x * c->y * c->z,
                                   .shape = ctvk_view(f->shape)};
    return ctvk_give_struct(out, &found, sizeof found, CTVK_UP_TO(ctvk_tune_convolution, shape), "tuned convolution", &t->error);
}

static ctvk_status tune_candidate(ctvk_tune *t, uint32_t convolution, uint32_t index, ctvk_tune_candidate *out)
{
    if (!t)
        return CTVK_ERROR_ARGUMENT;
    if (convolution >= (uint32_t)t->measured)
        return refuse_index(t, "convolution", convolution, t->measured);
    const tuned *f = &t->found[convolution];
    if (index >= (uint32_t)f->count)
        return refuse_index(t, "candidate", index, f->count);
    ctvk_tune_candidate found = {
        .struct_size = sizeof found, .name = ctvk_view(ctvk_conv3d_plan_name(&f->plan[index])), .milliseconds = f->milliseconds[index]};
    return ctvk_give_struct(out, &found, sizeof found, CTVK_UP_TO(ctvk_tune_candidate, milliseconds), "candidate", &t->error);
}

const ctvk_tune_api ctvk_tune_table = {
    .struct_size = sizeof(ctvk_tune_api),
    .create = tune_create,
    .destroy = tune_destroy,
    .last_error = tune_error,
    .run = tune_run,
    .step = tune_step,
    .cancel = tune_cancel,
    .progress = tune_progress,
    .info = tune_info,
    .convolution = tune_convolution,
    .candidate = tune_candidate,
};
