#include "api/job.h"

#include "core/trace.h"

#include <string.h>

static uint64_t voxels_of(const int64_t dim[3])
{
    return (uint64_t)dim[0] * (uint64_t)dim[1] * (uint64_t)dim[2];
}

static int32_t on_check(void *user)
{
    return ctvk_job_report_progress(user, 0);
}

static void on_weights(void *user, uint64_t first, uint32_t count, float *out)
{
    const ctvk_job *job = user;
    ctvk_sums_weights(&job->sums, first, count, out);
}

static ctvk_status no_memory(ctvk_job *job, const char *what)
{
    return ctvk_fail(&job->error, CTVK_ERROR_HOST_MEMORY, "host memory: none is left for %s (do without probability and logits, or crop)",
                     what);
}

/* Nothing to segment: all background, and logits that say nothing. */
static ctvk_status classify_empty(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    ctvk_result_warn(job->result, "the image has no voxel above %.6g HU: there is nothing to segment (check the image)",
                     job->bundle->files->manifest.window_hu[0]);
    if (!(job->want & CTVK_WANT_LOGITS))
        return CTVK_OK;
    uint64_t count = voxels_of(job->geometry.dim) * (uint64_t)job->bundle->desc.out_channels;
    job->result->logits = ctvk_calloc(host, count, sizeof(float));
    return job->result->logits ? CTVK_OK : no_memory(job, "the logits");
}

/* Probabilities replace the sums that they come from. */
static ctvk_status classify_sums(ctvk_job *job)
{
    const int probability = ctvk_job_needs_probability(job);
    ctvk_llmseg_classes wanted = {.sums = job->sums.logits,
                                  .voxels = voxels_of(job->geometry.dim),
                                  .weights = on_weights,
                                  .probability = probability ? job->sums.logits : NULL,
                                  .logits = job->result->logits,
                                  .labels = job->classes,
                                  .check = on_check,
                                  .user = job};
    ctvk_status status = ctvk_llmseg_classify(job->net, &wanted, &job->error);
    if (status == CTVK_OK && probability) {
        job->probability = job->sums.logits;
        job->sums.logits = NULL;
    }
    return status;
}

static void on_classes(void *user, int32_t first, int32_t count, const uint8_t *labels, const float *logits, const float *probability)
{
    ctvk_job *job = user;
    const int32_t classes = job->bundle->desc.out_channels;
    double begin = ctvk_now();
    if (job->classes)
        ctvk_window_place(&job->windows, first, count, 1, 1, labels, job->classes);
    if (logits)
        ctvk_window_place(&job->windows, first, count, classes, sizeof *logits, logits, job->result->logits);
    if (probability)
        ctvk_window_place(&job->windows, first, count, classes, sizeof *probability, probability, job->probability);
    ctvk_trace_stage(&job->context->host, "place", 0, begin);
}

/* One window's weights cancel: its logits are taken from where they lie on the device. */
static ctvk_status classify_window(ctvk_job *job)
{
    const ctvk_llmseg_window_classes wanted = {.logits = job->result->logits != NULL,
                                               .probability = ctvk_job_needs_probability(job),
                                               .take = on_classes,
                                               .check = on_check,
                                               .user = job};
    if (wanted.probability) {
        uint64_t volumes = voxels_of(job->geometry.dim) * (uint64_t)job->bundle->desc.out_channels;
        job->probability = ctvk_alloc(&job->context->host, volumes * sizeof *job->probability);
        if (!job->probability)
            return no_memory(job, "the probabilities");
    }
    return ctvk_llmseg_classify_window(job->net, &wanted, &job->error);
}

ctvk_status ctvk_job_classify(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    const ctvk_geometry *geometry = &job->geometry;
    uint64_t voxels = voxels_of(geometry->dim), classes = (uint64_t)job->bundle->desc.out_channels;
    if (geometry->empty)
        return classify_empty(job);
    ctvk_free(host, job->window_data);
    job->window_data = NULL;
    job->ahead = (ctvk_read_ahead){0};
    if (job->want & CTVK_WANT_LOGITS) {
        job->result->logits = ctvk_alloc(host, voxels * classes * sizeof(float));
        if (!job->result->logits)
            return no_memory(job, "the logits");
    }
    if (!geometry->resample) {
        job->classes = ctvk_alloc(host, voxels);
        if (!job->classes)
            return no_memory(job, "the labels");
    }
    return job->window_count == 1 ? classify_window(job) : classify_sums(job);
}

static ctvk_status restore_probability(ctvk_job *job, const int64_t stride[3])
{
    const ctvk_host *host = &job->context->host;
    ctvk_result *result = job->result;
    const ctvk_geometry *geometry = &job->geometry;
    uint64_t grid = voxels_of(result->dim), voxels = voxels_of(geometry->dim);
    result->probability = ctvk_calloc(host, grid * (uint64_t)result->classes, sizeof(float));
    if (!result->probability)
        return no_memory(job, "the probabilities");
    for (int32_t c = 0; c < result->classes; c++) {
        float *out = result->probability + (uint64_t)c * grid;
        if (ctvk_job_report_progress(job, 0.5 * c / result->classes))
            return CTVK_CANCELLED;
        if (geometry->empty) {
            for (uint64_t i = 0; i < grid && c == 0; i++)
                out[i] = 1;
            continue;
        }
        ctvk_status status = ctvk_restore_probability(host, geometry, job->probability + (uint64_t)c * voxels, c, out, stride, &job->error);
        if (status != CTVK_OK)
            return status;
    }
    return CTVK_OK;
}

static ctvk_status restore_labels(ctvk_job *job)
{
    const ctvk_host *host = &job->context->host;
    ctvk_result *result = job->result;
    const ctvk_geometry *geometry = &job->geometry;
    const int64_t stride[3] = {1, result->dim[0], result->dim[0] * result->dim[1]};
    result->labels = ctvk_calloc(host, voxels_of(result->dim), 1);
    if (!result->labels)
        return no_memory(job, "the label map");
    if (geometry->empty)
        return CTVK_OK;
    if (geometry->resample)
        return ctvk_restore_argmax(host, geometry, job->probability, result->classes, result->labels, stride, &job->error);
    ctvk_restore_label(geometry, job->classes, result->labels, stride);
    return CTVK_OK;
}

/* The result keeps the embedding that was used. */
static void give_embedding(ctvk_job *job)
{
    if (!job->text.embedding)
        return;
    job->result->embedding = job->text.embedding;
    job->text.embedding = NULL;
    job->result->prompts = job->bundle->desc.prompts;
    job->result->text_dim = job->bundle->desc.text_dim;
}

ctvk_status ctvk_job_restore(ctvk_job *job)
{
    ctvk_result *result = job->result;
    ctvk_status status = CTVK_OK;
    result->classes = job->bundle->desc.out_channels;
    result->windows = job->window_count;
    memcpy(result->dim, job->view.dim, sizeof result->dim);
    memcpy(result->logits_dim, job->geometry.dim, sizeof result->logits_dim);
    job->peak_bytes = ctvk_gpu_memory_peak(job->gpu);
    if (!job->keep) /* the label map then takes its place, where the device's memory is the host's */
        ctvk_llmseg_destroy(&job->net);
    const int64_t stride[3] = {(int64_t)sizeof(float), (int64_t)sizeof(float) * result->dim[0],
                               (int64_t)sizeof(float) * result->dim[0] * result->dim[1]};
    if (job->want & CTVK_WANT_PROBABILITY)
        status = restore_probability(job, stride);
    if (status == CTVK_OK && ctvk_job_report_progress(job, 0.5))
        status = CTVK_CANCELLED;
    if (status == CTVK_OK)
        status = restore_labels(job);
    if (status == CTVK_OK)
        status = ctvk_result_measure(result, &job->bundle->files->manifest, ctvk_view_voxel_mm3(&job->view), &job->error);
    if (status == CTVK_OK)
        give_embedding(job);
    return status;
}
