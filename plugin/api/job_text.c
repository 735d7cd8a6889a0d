/* The text of a run: given when the job is made, and again for another text on the same volume. */
#include "api/job.h"

#include "core/sha256.h"

#include <string.h>

static ctvk_status take_prompt(const ctvk_job *job, const ctvk_text *given, ctvk_result *result, ctvk_job_text *out, ctvk_error *error)
{
    const ctvk_host *host = &job->context->host;
    char *prompt;
    uint64_t length;
    ctvk_status status = ctvk_take_prompt(host, given->data, given->length, &prompt, &length, error);
    if (status != CTVK_OK)
        return status;
    status = ctvk_bundle_find_prompt(job->bundle, prompt, length, out->embedding, &out->facts, &out->source, error);
    ctvk_sha256_of(prompt, length, out->prompt_sha256);
    ctvk_free(host, prompt);
    if (status == CTVK_OK && out->facts.truncated)
        ctvk_result_warn(result, "the prompt is longer than the model reads: only its first %u tokens were read (shorten it)",
                         out->facts.tokens);
    return status;
}

static ctvk_status take_text(const ctvk_job *job, const ctvk_text *prompt, const float *embedding, uint64_t embedding_count,
                             ctvk_result *result, ctvk_job_text *out, ctvk_error *error)
{
    uint64_t count = ctvk_bundle_embedding_count(job->bundle);
    int32_t has_prompt = prompt->data && prompt->length;
    out->source = "none";
    if (has_prompt && embedding)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "text: both a prompt and an embedding were given (give one)");
    if (!count) {
        if (has_prompt || embedding)
            ctvk_result_warn(result, "the bundle is a vision-only model: the %s changes nothing", has_prompt ? "prompt" : "embedding");
        return CTVK_OK;
    }
    if (!has_prompt && !embedding)
        return ctvk_fail(error, CTVK_ERROR_PROMPT, "prompt: the bundle \"%s\" needs one (give --prompt, --field or --text-embedding)",
                         job->bundle->files->manifest.name);
    out->embedding = ctvk_alloc(&job->context->host, count * sizeof *out->embedding);
    if (!out->embedding)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "text: no host memory (close other programs)");
    if (has_prompt)
        return take_prompt(job, prompt, result, out, error);
    if (embedding_count != count)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "text embedding: %llu values, the bundle takes %llu (use its own text model)",
                         (unsigned long long)embedding_count, (unsigned long long)count);
    memcpy(out->embedding, embedding, count * sizeof *out->embedding);
    out->source = "embedding";
    if (ctvk_first_not_finite(out->embedding, count) < count)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "text embedding: holds NaN or infinity (make it anew)");
    return CTVK_OK;
}

static void warn_image(const ctvk_job *job, ctvk_result *result)
{
    double range[2], spacing[3];
    ctvk_view_sample_range(&job->view, range);
    ctvk_view_spacing(&job->view, spacing);
    if (range[0] > -200 || range[1] < -200)
        ctvk_result_warn(result, "values from %.6g to %.6g do not look like Hounsfield units of a CT (check slope and intercept)", range[0],
                         range[1]);
    for (int i = 0; i < 3; i++)
        if (spacing[i] < 0.1 || spacing[i] > 20)
            ctvk_result_warn(result, "a voxel spacing of %.4g mm is implausible (check the image's geometry)", spacing[i]);
}

/* Text and result of a run to come. */
static ctvk_status fill(const ctvk_job *job, const ctvk_text *prompt, const float *embedding, uint64_t embedding_count, ctvk_result *result,
                        ctvk_job_text *text, ctvk_error *error)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    result->host = job->context->host;
    for (int32_t i = 0; i < m->warning_count; i++)
        ctvk_result_warn(result, "%s", m->warnings[i]);
    ctvk_status status = take_text(job, prompt, embedding, embedding_count, result, text, error);
    if (status == CTVK_OK)
        warn_image(job, result);
    return status;
}

ctvk_status ctvk_job_set_text(ctvk_job *job, const ctvk_text *prompt, const float *embedding, uint64_t embedding_count, ctvk_error *error)
{
    const ctvk_host *host = &job->context->host;
    ctvk_job_text text = {.source = "none"};
    ctvk_result *result = ctvk_calloc(host, 1, sizeof *result);
    if (!result)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "job: no host memory (close other programs)");
    ctvk_status status = fill(job, prompt, embedding, embedding_count, result, &text, error);
    if (status != CTVK_OK) {
        ctvk_free(host, text.embedding);
        ctvk_result_free(result);
        return status;
    }
    ctvk_free(host, job->text.embedding);
    ctvk_result_free(job->result);
    job->text = text;
    job->result = result;
    return CTVK_OK;
}

ctvk_status ctvk_job_again(ctvk_job *job, const char *prompt, uint64_t length, const float *embedding, uint64_t embedding_count)
{
    if (!job)
        return CTVK_ERROR_ARGUMENT;
    if (!job->keep)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "again: the job keeps nothing (create it with CTVK_KEEP_ENCODER)");
    if (job->status != CTVK_OK && job->status != CTVK_CANCELLED)
        return ctvk_fail(&job->error, CTVK_ERROR_ARGUMENT, "again: the job %s",
                         job->status == CTVK_PENDING ? "has not ended (run it first)" : "has failed (create another)");
    const ctvk_text text = {prompt, length};
    ctvk_status status = ctvk_job_set_text(job, &text, embedding, embedding_count, &job->error);
    if (status != CTVK_OK)
        return status;
    job->error = (ctvk_error){0};
    memset(job->seconds, 0, sizeof job->seconds);
    atomic_store(&job->cancelled, 0);
    atomic_store(&job->millionths, 0);
    job->window = job->kept.reused = 0;
    job->stage = job->gpu ? CTVK_STAGE_NETWORK : CTVK_STAGE_OPEN; /* a run that was cancelled early has kept nothing */
    job->status = CTVK_PENDING;
    return CTVK_OK;
}
