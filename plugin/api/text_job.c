#include "api/self_test.h"
#include "api/text.h"

#include "core/sha256.h"
#include "core/trace.h"

#include <stdio.h>
#include <string.h>

typedef enum text_stage { STAGE_CHECK, STAGE_OPEN, STAGE_LOAD, STAGE_ENCODE, STAGE_DONE } text_stage;

struct ctvk_text_job {
    ctvk_context *context;
    ctvk_bundle *bundle;
    ctvk_text_model *model; /* NULL: the prompt was known */
    ctvk_soft_prompt soft;
    char *device;
    uint64_t memory_limit;
    ctvk_progress_fn progress;
    void *progress_user;
    atomic_int cancelled;
    atomic_uint millionths;

    text_stage stage;
    ctvk_status status; /* CTVK_PENDING until the end */
    int32_t *ids;       /* of the prompt, as read */
    int32_t rows;       /* of one sequence */
    ctvk_gpu *gpu;
    ctvk_llama *network;
    ctvk_llama_memory memory;
    float *values;
    const char *source;
    ctvk_prompt_facts facts;
    char prompt_sha256[65], device_name[256];
    uint64_t peak_bytes;
    double seconds;
    ctvk_error error;
};

static const char *const stage_names[STAGE_DONE] = {"check", "open", "load", "encode"};
static const double stage_begin[STAGE_DONE + 1] = {0, 0.1, 0.12, 0.3, 1};

static int32_t report(ctvk_text_job *job, double fraction)
{
    int stage = job->stage < STAGE_DONE ? (int)job->stage : STAGE_DONE - 1;
    double whole = stage_begin[stage] + (stage_begin[stage + 1] - stage_begin[stage]) * fraction;
    atomic_store(&job->millionths, (unsigned)(whole * 1e6));
    if (job->progress && job->progress(job->progress_user, whole, stage_names[stage]))
        atomic_store(&job->cancelled, 1);
    return atomic_load(&job->cancelled);
}

static int32_t on_fraction(void *user, double fraction)
{
    return report(user, fraction);
}

/* --- making --- */

static void release(ctvk_text_job *job)
{
    if (job->gpu)
        job->peak_bytes = ctvk_gpu_memory_peak(job->gpu);
    ctvk_llama_destroy(&job->network);
    if (job->gpu)
        ctvk_context_close_device(job->context, &job->gpu);
    ctvk_free(&job->context->host, job->ids);
    job->ids = NULL;
}

static void text_job_destroy(ctvk_text_job *job)
{
    if (!job)
        return;
    const ctvk_host *host = &job->context->host;
    release(job);
    ctvk_free(host, job->values);
    ctvk_free(host, job->device);
    ctvk_free(host, job);
}

/* Tokens of the prompt, cut so that BOS, they and <SEG> are at most max_tokens. */
static ctvk_status take_tokens(ctvk_text_job *job, const char *prompt, uint64_t length, ctvk_error *error)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    uint64_t count, most = (uint64_t)m->max_tokens - 2;
    ctvk_status status =
        ctvk_soft_prompt_find(job->bundle->files->weights, m->soft_prompt, m->segment_token, m->prompts, m->text_dim, &job->soft, error);
    if (status == CTVK_OK && ctvk_tokenizer_bos(job->model->tokenizer) < 0)
        status =
            ctvk_fail(error, CTVK_ERROR_BUNDLE, "language model %s: it has no BOS token, with which every prompt begins (take another)",
                      ctvk_gguf_label(job->model->file));
    if (status == CTVK_OK)
        status = ctvk_tokenizer_encode(job->model->tokenizer, prompt, length, &job->ids, &count, error);
    if (status != CTVK_OK)
        return status;
    job->facts.truncated = count > most;
    job->facts.tokens = (uint32_t)(count < most ? count : most);
    job->rows = ctvk_soft_prompt_rows(&job->soft, (int32_t)job->facts.tokens);
    if (job->rows > job->model->desc.context)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "language model %s: it reads %d tokens, prompt and soft prompt are %d (shorten the prompt)",
                         ctvk_gguf_label(job->model->file), job->model->desc.context, job->rows);
    return CTVK_OK;
}

static ctvk_status take_prompt(ctvk_text_job *job, const char *data, uint64_t size, ctvk_error *error)
{
    const ctvk_host *host = &job->context->host;
    uint64_t length, count = ctvk_bundle_embedding_count(job->bundle);
    char *prompt;
    ctvk_status status = ctvk_take_prompt(host, data, size, &prompt, &length, error);
    if (status != CTVK_OK)
        return status;
    ctvk_sha256_of(prompt, length, job->prompt_sha256);
    job->values = ctvk_alloc(host, count * sizeof *job->values);
    if (!job->values) {
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "text: no host memory (close other programs)");
    } else if (!job->model || ctvk_bundle_has_cached(job->bundle, prompt, length, NULL) ||
               ctvk_bundle_kept_prompt(job->bundle, job->prompt_sha256, NULL, NULL)) {
        job->model = NULL;
        job->stage = STAGE_DONE;
        status = ctvk_bundle_find_prompt(job->bundle, prompt, length, job->values, &job->facts, &job->source, error);
    } else {
        job->source = "model";
        status = take_tokens(job, prompt, length, error);
    }
    ctvk_free(host, prompt);
    return status;
}

static ctvk_status fill(ctvk_text_job *job, const char *prompt, uint64_t length, const ctvk_text_options *options, ctvk_error *error)
{
    ctvk_text_options o = CTVK_TEXT_OPTIONS_INIT;
    ctvk_status status = ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_text_options, progress_user), "text options", error);
    if (status == CTVK_OK && !job->bundle->desc.has_text)
        status = ctvk_fail(error, CTVK_ERROR_ARGUMENT, "text: the bundle is a vision-only model (leave the prompt out)");
    if (status == CTVK_OK && job->model && !job->model->has_network)
        status = ctvk_fail(error, CTVK_ERROR_BUNDLE, "language model %s: it is a vocabulary without weights (take the whole model)",
                           ctvk_gguf_label(job->model->file));
    if (status == CTVK_OK)
        status = ctvk_copy_text(&job->context->host, o.device.data, o.device.length, CTVK_MAX_PATH, "device selector", &job->device, error);
    if (status != CTVK_OK)
        return status;
    job->memory_limit = o.memory_limit;
    job->progress = o.progress;
    job->progress_user = o.progress_user;
    return take_prompt(job, prompt, length, error);
}

static ctvk_status text_job_create(ctvk_context *context, ctvk_bundle *bundle, ctvk_text_model *model, const char *prompt, uint64_t length,
                                   const ctvk_text_options *options, ctvk_text_job **out)
{
    if (!context || !out)
        return CTVK_ERROR_ARGUMENT;
    *out = NULL;
    if (!bundle)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "text: the bundle was not given (pass it)");
    ctvk_text_job *job = ctvk_calloc(&context->host, 1, sizeof *job);
    if (!job)
        return ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "text: no host memory (close other programs)");
    job->context = context;
    job->bundle = bundle;
    job->model = model;
    job->status = CTVK_PENDING;
    ctvk_status status = fill(job, prompt, length, options, &context->error);
    if (status != CTVK_OK) {
        text_job_destroy(job);
        return status;
    }
    *out = job;
    return CTVK_OK;
}

/* --- running --- */

static ctvk_status check_hash(ctvk_text_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    ctvk_status status = ctvk_text_model_hash(job->model, on_fraction, job, job->facts.encoder_sha256, &job->error);
    if (status == CTVK_OK && strcmp(job->facts.encoder_sha256, m->encoder_sha256) != 0)
        return ctvk_fail(&job->error, CTVK_ERROR_HASH,
                         "language model %s: its SHA-256 is %s, the bundle \"%s\" was made with %s of %s (get that very file)",
                         ctvk_gguf_label(job->model->file), job->facts.encoder_sha256, m->name, m->encoder_file, m->encoder_sha256);
    return status;
}

static int32_t on_trial(void *user, double work_done)
{
    (void)work_done;
    return report(user, 0.5);
}

static ctvk_status open_device(ctvk_text_job *job)
{
    if (report(job, 0))
        return CTVK_CANCELLED;
    ctvk_status status = ctvk_context_open_selected(job->context, job->device, job->memory_limit, &job->gpu, &job->error);
    if (status != CTVK_OK)
        return status;
    snprintf(job->device_name, sizeof job->device_name, "%s", ctvk_gpu_get_info(job->gpu)->name);
    status = ctvk_llama_plan(job->gpu, job->model->file, &job->model->desc, job->soft.prompts, job->rows, job->memory_limit, &job->memory,
                             &job->error);
    return status == CTVK_OK ? ctvk_context_try_device(job->context, job->gpu, 1u << CTVK_TRIALS_LANGUAGE, 0, on_trial, job, &job->error)
                             : status;
}

static ctvk_status load_network(ctvk_text_job *job)
{
    if (report(job, 0))
        return CTVK_CANCELLED;
    return ctvk_llama_create(job->gpu, job->model->file, &job->model->desc, job->soft.prompts, job->rows, job->memory_limit, &job->network,
                             &job->error);
}

static ctvk_status encode(ctvk_text_job *job)
{
    const ctvk_host *host = &job->context->host;
    const ctvk_text_model *model = job->model;
    uint64_t rows = (uint64_t)job->soft.prompts * (uint64_t)job->rows, count = ctvk_bundle_embedding_count(job->bundle);
    float *in = ctvk_alloc(host, rows * (uint64_t)job->soft.width * sizeof *in);
    if (!in)
        return ctvk_fail(&job->error, CTVK_ERROR_HOST_MEMORY, "text: no host memory (close other programs)");
    ctvk_status status = ctvk_soft_prompt_fill(&job->soft, model->file, &model->desc, ctvk_tokenizer_bos(model->tokenizer), job->ids,
                                               (int32_t)job->facts.tokens, in, &job->error);
    if (status == CTVK_OK)
        status = ctvk_llama_encode(job->network, in, job->soft.prompts, job->rows, job->values, on_fraction, job, &job->error);
    ctvk_free(host, in);
    if (status != CTVK_OK)
        return status;
    if (ctvk_first_not_finite(job->values, count) < count)
        return ctvk_fail(&job->error, CTVK_ERROR_DEVICE,
                         "language model %s: the embedding holds NaN or infinity (the device computes wrongly: try another one)",
                         ctvk_gguf_label(model->file));
    return ctvk_bundle_keep_prompt(job->bundle, job->prompt_sha256, job->values, &job->facts, &job->error);
}

static ctvk_status text_job_step(ctvk_text_job *job)
{
    static ctvk_status (*const stages[STAGE_DONE])(ctvk_text_job *) = {check_hash, open_device, load_network, encode};
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (job->status != CTVK_PENDING)
        return job->status;
    double begin = ctvk_now();
    ctvk_status status = CTVK_OK;
    if (atomic_load(&job->cancelled))
        status = CTVK_CANCELLED;
    else if (job->stage < STAGE_DONE)
        status = stages[job->stage](job);
    job->seconds += ctvk_now() - begin;
    ctvk_trace_stage(&job->context->host, "text", (int64_t)job->stage, begin);
    if (status == CTVK_OK && job->stage < STAGE_DONE && ++job->stage < STAGE_DONE)
        status = CTVK_PENDING;
    if (status == CTVK_CANCELLED)
        ctvk_fail(&job->error, CTVK_CANCELLED, "text: cancelled (run it again)");
    if (status == CTVK_OK)
        report(job, 1);
    job->status = status;
    if (status != CTVK_PENDING)
        release(job);
    return status;
}

static ctvk_status text_job_run(ctvk_text_job *job)
{
    ctvk_status status;
    do
        status = text_job_step(job);
    while (status == CTVK_PENDING);
    return status;
}

static void text_job_cancel(ctvk_text_job *job)
{
    if (job)
        atomic_store(&job->cancelled, 1);
}

static double text_job_progress(const ctvk_text_job *job)
{
    return job ? (double)atomic_load(&job->millionths) * 1e-6 : 0;
}

static ctvk_status text_job_error(const ctvk_text_job *job, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "text job: none was given (create one)"};
    return ctvk_give_error(job ? &job->error : &none, message);
}

static ctvk_status text_job_result(ctvk_text_job *job, ctvk_text_info *out)
{
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (job->status != CTVK_OK)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "text: there is no result (call run first)");
    ctvk_text_info info = {.struct_size = sizeof info,
                           .truncated = job->facts.truncated,
                           .values = job->values,
                           .prompts = (uint32_t)job->bundle->desc.prompts,
                           .dim = (uint32_t)job->bundle->desc.text_dim,
                           .tokens = job->facts.tokens,
                           .streamed = job->model && !job->memory.resident,
                           .source = ctvk_view(job->source),
                           .prompt_sha256 = ctvk_view(job->prompt_sha256),
                           .device = ctvk_view(job->device_name),
                           .planned_bytes = job->memory.total,
                           .peak_bytes = job->peak_bytes,
                           .seconds = job->seconds};
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_text_info, seconds), "text info", &job->error);
}

static ctvk_status text_known(ctvk_bundle *bundle, const char *prompt, uint64_t length, int32_t *out)
{
    if (!bundle || !out)
        return CTVK_ERROR_ARGUMENT;
    char *text, sha256[65];
    ctvk_error error;
    *out = 0;
    if (!bundle->desc.has_text || ctvk_take_prompt(&bundle->context->host, prompt, length, &text, &length, &error) != CTVK_OK)
        return CTVK_ERROR_ARGUMENT;
    ctvk_sha256_of(text, length, sha256);
    *out = ctvk_bundle_has_cached(bundle, text, length, NULL) || ctvk_bundle_kept_prompt(bundle, sha256, NULL, NULL);
    ctvk_free(&bundle->context->host, text);
    return CTVK_OK;
}

const ctvk_text_api ctvk_text_table = {
    .struct_size = sizeof(ctvk_text_api),
    .open = ctvk_text_model_open,
    .close = ctvk_text_model_close,
    .last_error = ctvk_text_model_last_error,
    .info = ctvk_text_model_get_info,
    .tokenize = ctvk_text_model_tokenize,
    .known = text_known,
    .create = text_job_create,
    .destroy = text_job_destroy,
    .job_error = text_job_error,
    .run = text_job_run,
    .step = text_job_step,
    .cancel = text_job_cancel,
    .progress = text_job_progress,
    .result = text_job_result,
};
