/* The windows of a volume. While the device computes one, the host reads the next: the window's memory is free as soon as it is uploaded,
 * and a call that tells progress comes while another piece of work is still under way. So no thread is needed, and no memory. */
#include "api/job.h"

#include "core/trace.h"

/* Parts in which a window is read ahead: each is resampled by itself, which costs some planes at its border. */
#define PARTS 8

/* Accumulators, where several windows meet, and one window, for this run. */
static ctvk_status make_room(ctvk_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    const ctvk_host *host = &job->context->host;
    int64_t window[3] = {m->window[0], m->window[1], m->window[2]};
    ctvk_status status = CTVK_OK;
    if (job->window_count > 1)
        status = ctvk_sums_make(host, &job->windows, m->out_channels, &job->sums, &job->error);
    if (status != CTVK_OK)
        return status;
    job->window_data = ctvk_alloc(host, ctvk_job_float_bytes(window, (uint64_t)m->in_channels));
    return job->window_data
               ? CTVK_OK
               : ctvk_fail(&job->error, CTVK_ERROR_HOST_MEMORY, "host memory: none is left for a window (close other programs)");
}

/* Reads planes of `window` up to plane `end` into the job's window; those before are there. */
static ctvk_status read_planes(ctvk_job *job, int64_t window, int32_t end, ctvk_error *error)
{
    ctvk_read_ahead *ahead = &job->ahead;
    double begin = ctvk_now();
    int32_t first = ahead->window == window ? ahead->planes : 0;
    ctvk_status status = ctvk_window_read(&job->windows, window, job->preparer, first, end - first, job->window_data, error);
    *ahead = status == CTVK_OK ? (ctvk_read_ahead){window, end} : (ctvk_read_ahead){0};
    ctvk_trace_stage(&job->context->host, "read window", window, begin);
    return status;
}

/* A fault is no matter here: the window is read again in its turn, and then it is told. */
static void read_ahead(ctvk_job *job, double fraction)
{
    int64_t next = job->window + 1;
    int32_t planes = job->windows.window[0], part = (planes + PARTS - 1) / PARTS,
            wanted = (int32_t)((double)planes * fraction) / part * part;
    int32_t there = job->ahead.window == next ? job->ahead.planes : 0;
    ctvk_error error;
    if (next < job->window_count && wanted > there && !ctvk_kept_window_is_there(&job->kept, next))
        read_planes(job, next, wanted, &error);
}

static int32_t on_window(void *user, double fraction)
{
    ctvk_job *job = user;
    read_ahead(job, fraction);
    return ctvk_job_report_progress(job, ((double)job->window + fraction) / (double)job->window_count);
}

static void on_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    ctvk_job *job = user;
    double begin = ctvk_now();
    ctvk_sums_add(&job->sums, job->window, first, count, tile);
    ctvk_trace_stage(&job->context->host, "blend", job->window, begin);
}

ctvk_status ctvk_job_window(ctvk_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    if (job->geometry.empty)
        return CTVK_OK;
    ctvk_status status = job->window_data ? CTVK_OK : make_room(job);
    if (status != CTVK_OK)
        return status;
    const int logits = (job->want & CTVK_WANT_LOGITS) != 0, probability = ctvk_job_needs_probability(job);
    ctvk_llmseg_run run = {.window = job->window_data,
                           .text = job->text.embedding,
                           .sigma_scale = m->sigma_scale,
                           .constant_blend = !m->gaussian,
                           .progress = on_window,
                           .tile = job->window_count > 1 ? on_tile : NULL,
                           .labels = !logits && !probability,
                           .probabilities = !logits && probability,
                           .user = job};
    ctvk_kept_window_find(&job->kept, job->window, &run.load, &run.save);
    if (!run.load)
        status = read_planes(job, job->window, m->window[0], &job->error);
    if (status == CTVK_OK)
        status = ctvk_llmseg_window(job->net, &run, &job->error);
    ctvk_kept_window_done(&job->kept, job->window, run.load != NULL);
    if (status != CTVK_OK)
        return status;
    return ++job->window < job->window_count ? CTVK_PENDING : CTVK_OK;
}
