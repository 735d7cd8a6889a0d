#include "api/job.h"
#include "api/self_test.h"

#include "core/checked.h"

#include <string.h>

static void fill_prep(const ctvk_manifest *m, ctvk_prep_desc *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->orientation, m->orientation, sizeof out->orientation);
    out->has_spacing = m->has_spacing;
    out->antialias = m->antialias;
    memcpy(out->spacing_mm, m->spacing_mm, sizeof out->spacing_mm);
    memcpy(out->window_hu, m->window_hu, sizeof out->window_hu);
    memcpy(out->range, m->range, sizeof out->range);
    out->clip = m->clip;
    out->crop_foreground = m->crop_foreground;
    out->pad_to_window = m->pad_to_window;
    out->rotate90 = m->rotate90;
    memcpy(out->window, m->window, sizeof out->window);
}

static int32_t on_prepare(void *user, double fraction, const char *stage)
{
    (void)stage;
    return ctvk_job_report_progress(user, fraction);
}

uint64_t ctvk_job_float_bytes(const int64_t dim[3], uint64_t volumes)
{
    uint64_t bytes = sizeof(float);
    if (ctvk_mul_u64(bytes, volumes, &bytes))
        return UINT64_MAX;
    for (int i = 0; i < 3; i++)
        if (ctvk_mul_u64(bytes, (uint64_t)dim[i], &bytes))
            return UINT64_MAX;
    return bytes;
}

static int32_t on_trial(void *user, double work_done)
{
    (void)work_done;
    return ctvk_job_report_progress(user, 0.5);
}

ctvk_status ctvk_job_open(ctvk_job *job)
{
    /* What this job computes with; a text job has tried the language model's. */
    const uint32_t parts = 1u << CTVK_TRIALS_NETWORK | (job->desc.half ? 1u << CTVK_TRIALS_HALF : 0);
    if (ctvk_job_report_progress(job, 0))
        return CTVK_CANCELLED;
    ctvk_status status = ctvk_context_open_selected(job->context, job->device, job->memory_limit, &job->gpu, &job->error);
    if (status == CTVK_OK)
        status = ctvk_plan_memory(job->gpu, &job->desc, job->memory_limit, &job->memory, &job->error);
    if (status == CTVK_OK)
        status = ctvk_require_memory(job->gpu, &job->desc, job->memory_limit, &job->memory, &job->error);
    if (status == CTVK_OK)
        status = ctvk_context_try_device(job->context, job->gpu, parts, job->desc.feature_size, on_trial, job, &job->error);
    return status;
}

int ctvk_job_needs_probability(const ctvk_job *job)
{
    return job->geometry.resample || (job->want & CTVK_WANT_PROBABILITY);
}

/* After the crop everything is known: accumulators, which probabilities replace, or the labels of one window; a window and, of several, its
 * weight; the outputs on the input's grid. */
static ctvk_status check_host_memory(ctvk_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    const int64_t *dim = job->geometry.dim;
    int64_t window[3] = {m->window[0], m->window[1], m->window[2]};
    uint64_t classes = (uint64_t)m->out_channels, several = job->window_count != 1;
    uint64_t need =
        several || ctvk_job_needs_probability(job) ? ctvk_job_float_bytes(dim, classes) : ctvk_job_float_bytes(dim, 1) / sizeof(float);
    int ok = !ctvk_add_u64(need, ctvk_job_float_bytes(window, (uint64_t)m->in_channels + several), &need) &&
             !ctvk_add_u64(need, ctvk_job_float_bytes(job->view.dim, 1) / sizeof(float), &need);
    if (job->want & CTVK_WANT_LOGITS)
        ok = ok && !ctvk_add_u64(need, ctvk_job_float_bytes(dim, classes), &need);
    if (job->want & CTVK_WANT_PROBABILITY)
        ok = ok && !ctvk_add_u64(need, ctvk_job_float_bytes(job->view.dim, classes), &need);
    return ctvk_require_host_memory(&job->context->host, ok ? need : UINT64_MAX, "the segmentation",
                                    job->want ? "do without probability and logits" : "crop the image", &job->error);
}

static ctvk_status plan_windows(ctvk_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    ctvk_windows *w = &job->windows;
    ctvk_status status = ctvk_windows_plan(&job->context->host, job->geometry.dim, m->window, m->overlap, w, &job->error);
    if (status == CTVK_OK)
        job->window_count = w->count[0] * w->count[1] * w->count[2];
    return status;
}

ctvk_status ctvk_job_prepare(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    ctvk_prep_desc desc;
    fill_prep(&job->bundle->files->manifest, &desc);
    ctvk_status status = ctvk_preparer_open(host, &job->view, &desc, on_prepare, job, &job->preparer, &job->error);
    if (status != CTVK_OK)
        return status;
    job->geometry = *ctvk_preparer_geometry(job->preparer);
    if (!job->geometry.empty)
        status = plan_windows(job);
    return status == CTVK_OK ? check_host_memory(job) : status;
}

ctvk_status ctvk_job_upload(ctvk_job *job)
{
    const ctvk_llmseg_wanted wanted = {job->window_count == 1, (job->want & CTVK_WANT_LOGITS) != 0, ctvk_job_needs_probability(job)};
    if (job->geometry.empty)
        return CTVK_OK;
    if (ctvk_job_report_progress(job, 0))
        return CTVK_CANCELLED;
    ctvk_status status = ctvk_llmseg_create(job->gpu, &job->desc, job->bundle->files->weights, &wanted, &job->net, &job->error);
    if (status == CTVK_OK && job->keep)
        status = ctvk_kept_windows_open(&job->context->host, job->net, job->gpu, job->memory.available_bytes - job->memory.planned_bytes,
                                        job->window_count, &job->kept, &job->error);
    return status;
}

static void free_room(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    ctvk_free(host, job->window_data);
    ctvk_sums_free(host, &job->sums);
    ctvk_free(host, job->probability);
    ctvk_free(host, job->classes);
    job->window_data = NULL;
    job->ahead = (ctvk_read_ahead){0};
    job->probability = NULL;
    job->classes = NULL;
}

void ctvk_job_release(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    if (job->gpu)
        job->peak_bytes = ctvk_gpu_memory_peak(job->gpu);
    ctvk_kept_windows_close(host, &job->kept);
    ctvk_llmseg_destroy(&job->net);
    if (job->gpu)
        ctvk_context_close_device(job->context, &job->gpu);
    ctvk_windows_free(host, &job->windows);
    ctvk_preparer_close(&job->preparer);
    free_room(job);
}

void ctvk_job_rest(ctvk_job *job)
{
    if (job->keep && (job->status == CTVK_OK || job->status == CTVK_CANCELLED) && job->stage >= CTVK_STAGE_NETWORK)
        free_room(job);
    else
        ctvk_job_release(job);
}
