#include "api/job.h"

#include "core/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const ctvk_stage_names[CTVK_STAGE_DONE] = {"open", "prepare", "upload", "network", "classify", "restore"};

/* Where each stage begins in the progress of the whole: the network takes nearly all of the time on every device. */
static const double stage_begin[CTVK_STAGE_DONE + 1] = {0, 0.01, 0.04, 0.05, 0.94, 0.97, 1};

int32_t ctvk_job_report_progress(ctvk_job *job, double fraction)
{
    int stage = job->stage < CTVK_STAGE_DONE ? (int)job->stage : CTVK_STAGE_DONE - 1;
    double whole = stage_begin[stage] + (stage_begin[stage + 1] - stage_begin[stage]) * fraction;
    atomic_store(&job->millionths, (unsigned)(whole * 1e6));
    if (job->progress && job->progress(job->progress_user, whole, ctvk_stage_names[stage]))
        atomic_store(&job->cancelled, 1);
    return atomic_load(&job->cancelled);
}

/* --- making --- */

static ctvk_status take_options(ctvk_job *job, const ctvk_job_options *options, ctvk_error *error)
{
    if (options->precision < CTVK_PRECISION_AUTO || options->precision > CTVK_PRECISION_F16)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "precision: %d is none (take auto, f32 or f16)", options->precision);
    if (options->keep & ~(uint32_t)CTVK_KEEP_ENCODER)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "keep: unknown bits 0x%x (use CTVK_KEEP_*)", options->keep);
    if (options->want & ~(uint32_t)(CTVK_WANT_PROBABILITY | CTVK_WANT_LOGITS))
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "want: unknown bits 0x%x (use CTVK_WANT_*)", options->want);
    job->want = options->want;
    job->desc = job->bundle->desc;
    job->desc.half = options->precision == CTVK_PRECISION_F16;
    job->keep = options->keep;
    job->memory_limit = options->memory_limit;
    job->progress = options->progress;
    job->progress_user = options->progress_user;
    return ctvk_copy_text(&job->context->host, options->device.data, options->device.length, CTVK_MAX_PATH, "device selector", &job->device,
                          error);
}

/* A hash is 64 digits; anything else is left out of the record. */
static void take_hash(ctvk_job *job, const ctvk_text *sha256)
{
    uint64_t length = !sha256->data ? 0 : sha256->length == CTVK_STRLEN ? strnlen(sha256->data, 65) : sha256->length, digits = 0;
    while (length == 64 && digits < 64 && isxdigit((unsigned char)sha256->data[digits]))
        digits++;
    if (digits == 64)
        memcpy(job->image_sha256, sha256->data, 64);
}

static void job_destroy(ctvk_job *job)
{
    if (!job)
        return;
    const ctvk_host *host = &job->context->host;
    ctvk_job_release(job);
    ctvk_result_free(job->result);
    ctvk_free(host, job->text.embedding);
    ctvk_free(host, job->device);
    ctvk_free(host, job);
}

static ctvk_status fill(ctvk_job *job, const ctvk_volume *volume, const ctvk_job_options *options, ctvk_error *error)
{
    ctvk_volume v = CTVK_VOLUME_INIT;
    ctvk_job_options o = CTVK_JOB_OPTIONS_INIT;
    ctvk_status status = ctvk_take_struct(&v, sizeof v, volume, CTVK_UP_TO(ctvk_volume, sha256), "volume", error);
    if (status == CTVK_OK)
        status = ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_job_options, progress_user), "job options", error);
    if (status == CTVK_OK)
        status = ctvk_view_volume(&v, &job->view, error);
    if (status == CTVK_OK)
        status = take_options(job, &o, error);
    if (status != CTVK_OK)
        return status;
    take_hash(job, &v.sha256);
    return ctvk_job_set_text(job, &o.prompt, o.embedding, o.embedding_count, error);
}

static ctvk_status job_create(ctvk_context *context, ctvk_bundle *bundle, const ctvk_volume *volume, const ctvk_job_options *options,
                              ctvk_job **out)
{
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "job: no place for it (pass a pointer)");
    *out = NULL;
    if (!bundle || !volume)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "job: %s was not given (pass it)", bundle ? "the volume" : "the bundle");
    ctvk_job *job = ctvk_calloc(&context->host, 1, sizeof *job);
    if (!job)
        return ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "job: no host memory (close other programs)");
    job->context = context;
    job->bundle = bundle;
    job->status = CTVK_PENDING;
    ctvk_status status = fill(job, volume, options, &context->error);
    if (status != CTVK_OK) {
        job_destroy(job);
        return status;
    }
    *out = job;
    return CTVK_OK;
}

/* --- running --- */

static ctvk_status run_stage(ctvk_job *job)
{
    static ctvk_status (*const stages[CTVK_STAGE_DONE])(ctvk_job *) = {ctvk_job_open,   ctvk_job_prepare,  ctvk_job_upload,
                                                                       ctvk_job_window, ctvk_job_classify, ctvk_job_restore};
    static const char *const traced[CTVK_STAGE_DONE] = {"open", "preprocess", "upload", "windows", "classify", "restore"};
    int64_t number = job->stage == CTVK_STAGE_NETWORK ? job->window : -1;
    double begin = ctvk_now();
    ctvk_status status = atomic_load(&job->cancelled) ? CTVK_CANCELLED : stages[job->stage](job);
    job->seconds[job->stage] += ctvk_now() - begin;
    ctvk_trace_stage(&job->context->host, traced[job->stage], number, begin);
    return status;
}

static ctvk_status job_step(ctvk_job *job)
{
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (job->status != CTVK_PENDING)
        return job->status;
    ctvk_status status = run_stage(job);
    if (status == CTVK_OK && ++job->stage < CTVK_STAGE_DONE)
        status = CTVK_PENDING;
    if (status == CTVK_OK)
        status = ctvk_job_write_report(job);
    if (status == CTVK_CANCELLED)
        ctvk_fail(&job->error, CTVK_CANCELLED, "segment: cancelled (nothing was written; run it again)");
    if (status == CTVK_OK)
        ctvk_job_report_progress(job, 1);
    job->status = status;
    if (status != CTVK_PENDING)
        ctvk_job_rest(job);
    return status;
}

static ctvk_status job_run(ctvk_job *job)
{
    ctvk_status status;
    do
        status = job_step(job);
    while (status == CTVK_PENDING);
    return status;
}

static void job_cancel(ctvk_job *job)
{
    if (job)
        atomic_store(&job->cancelled, 1);
}

static double job_progress(const ctvk_job *job)
{
    return job ? (double)atomic_load(&job->millionths) * 1e-6 : 0;
}

static ctvk_status job_last_error(const ctvk_job *job, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "job: none was given (create one)"};
    return ctvk_give_error(job ? &job->error : &none, message);
}

static ctvk_status job_memory(ctvk_job *job, ctvk_memory_info *out)
{
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (!job->memory.struct_size)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "memory: no device is open yet (call step first)");
    return ctvk_give_struct(out, &job->memory, sizeof job->memory, CTVK_UP_TO(ctvk_memory_info, available_bytes), "memory info",
                            &job->error);
}

static ctvk_status job_take_result(ctvk_job *job, ctvk_result **out)
{
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "result: no place for it (pass a pointer)");
    *out = NULL;
    if (job->status != CTVK_OK || !job->result)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "result: %s (call run, and take the result once)",
                         job->status == CTVK_OK ? "it was taken already" : "there is none");
    *out = job->result;
    job->result = NULL;
    return CTVK_OK;
}

const ctvk_job_api ctvk_job_table = {
    .struct_size = sizeof(ctvk_job_api),
    .create = job_create,
    .destroy = job_destroy,
    .last_error = job_last_error,
    .run = job_run,
    .step = job_step,
    .cancel = job_cancel,
    .progress = job_progress,
    .memory = job_memory,
    .take_result = job_take_result,
    .again = ctvk_job_again,
};
