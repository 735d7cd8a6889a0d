#include "api/bundle.h"

enum { PIECE = 1 << 16 };

typedef struct scan {
    ctvk_bundle *bundle;
    const ctvk_safetensors *file;
    const char *label;
    ctvk_progress_fn progress;
    void *user;
    double from, to; /* fractions that this file covers */
} scan;

static ctvk_status scan_tensor(const scan *s, const ctvk_st_tensor *tensor, float *piece, double fraction)
{
    ctvk_error *error = &s->bundle->error;
    if (tensor->dtype == CTVK_DTYPE_OTHER)
        return CTVK_OK; /* not used: a needed one was refused at open */
    for (uint64_t first = 0; first < tensor->count; first += PIECE) {
        uint64_t count = tensor->count - first < PIECE ? tensor->count - first : PIECE;
        ctvk_st_to_f32(tensor, first, count, piece);
        uint64_t bad = ctvk_first_not_finite(piece, count);
        if (bad < count)
            return ctvk_fail(error, CTVK_ERROR_BUNDLE, "%s: %s: element %llu is NaN or infinite (get the bundle anew)", s->label,
                             tensor->name, (unsigned long long)(first + bad));
        if (s->progress && s->progress(s->user, s->from + (s->to - s->from) * fraction, "tensors"))
            return ctvk_fail(error, CTVK_CANCELLED, "verify: cancelled (run it again)");
    }
    return CTVK_OK;
}

static ctvk_status scan_file(const scan *s)
{
    const ctvk_host *host = &s->bundle->context->host;
    uint64_t count = s->file ? ctvk_safetensors_count(s->file) : 0;
    float *piece = ctvk_alloc(host, PIECE * sizeof *piece);
    if (!piece)
        return ctvk_fail(&s->bundle->error, CTVK_ERROR_HOST_MEMORY, "verify: no host memory (close other programs)");
    ctvk_status status = CTVK_OK;
    for (uint64_t i = 0; i < count && status == CTVK_OK; i++)
        status = scan_tensor(s, ctvk_safetensors_at(s->file, i), piece, (double)i / (double)count);
    ctvk_free(host, piece);
    return status;
}

/* The hashes are the first part of the whole. */
static int32_t hashes_progress(void *user, double fraction, const char *stage)
{
    const scan *s = user;
    return s->progress ? s->progress(s->user, s->to * fraction, stage) : 0;
}

ctvk_status ctvk_bundle_verify(ctvk_bundle *bundle, ctvk_progress_fn progress, void *user)
{
    ctvk_bundle_files *files = NULL;
    scan hashes = {.progress = progress, .user = user, .to = 0.3};
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    ctvk_error *error = &bundle->error;
    if (progress && progress(user, 0, "hashes"))
        return ctvk_fail(error, CTVK_CANCELLED, "verify: cancelled (run it again)");
    ctvk_status status = ctvk_bundle_open(&bundle->context->host, bundle->folder, hashes_progress, &hashes, &files, error);
    if (status == CTVK_CANCELLED)
        return ctvk_fail(error, CTVK_CANCELLED, "verify: cancelled (run it again)");
    if (status == CTVK_OK)
        status = ctvk_llmseg_check(&bundle->desc, files->weights, NULL, error);
    if (status == CTVK_OK)
        status = scan_file(&(scan){bundle, files->weights, files->manifest.weights, progress, user, 0.3, 0.9});
    if (status == CTVK_OK)
        status = scan_file(&(scan){bundle, files->cache, files->manifest.cache, progress, user, 0.9, 1});
    ctvk_bundle_close(&files);
    if (status == CTVK_OK && progress)
        progress(user, 1, "done");
    return status;
}
