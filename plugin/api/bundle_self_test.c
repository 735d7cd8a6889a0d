#include "api/job.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* Voxels at a label's border may fall either way where devices round differently: this share of a label, or this many. */
#define VOXEL_SHARE 0.02
enum { VOXEL_SLACK = 8 };

typedef struct self_test {
    ctvk_bundle *bundle;
    const ctvk_selftest_def *def;
    ctvk_image_file *image;
    ctvk_safetensors *file;
    const ctvk_st_tensor *expected; /* [classes][x][y][z], every def->stride-th voxel of the logits */
    ctvk_job *job;
    ctvk_result *result;
    ctvk_bundle_test_info info;
} self_test;

/* An image that cannot be read is the bundle's fault here. */
static ctvk_status take_error(self_test *t, const ctvk_error *from)
{
    t->bundle->error = *from;
    if (t->bundle->error.status == CTVK_ERROR_INPUT)
        t->bundle->error.status = CTVK_ERROR_BUNDLE;
    return t->bundle->error.status;
}

static ctvk_status open_files(self_test *t)
{
    ctvk_bundle *bundle = t->bundle;
    char path[PATH_MAX];
    ctvk_status status = ctvk_bundle_path(bundle->files, t->def->image, path, sizeof path, &bundle->error);
    if (status != CTVK_OK)
        return status;
    if (ctvk_image_table.open(bundle->context, path, CTVK_STRLEN, &t->image) != CTVK_OK)
        return take_error(t, &bundle->context->error);
    status = ctvk_bundle_path(bundle->files, t->def->expected, path, sizeof path, &bundle->error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_open(&bundle->context->host, path, CTVK_ERROR_BUNDLE, &t->file, &bundle->error);
    if (status != CTVK_OK)
        return status;
    t->expected = ctvk_safetensors_find(t->file, "logits");
    if (!t->expected || t->expected->rank != 4 || t->expected->dtype == CTVK_DTYPE_OTHER)
        return ctvk_fail(&bundle->error, CTVK_ERROR_BUNDLE,
                         "self-test: %s: has no tensor \"logits\" of four axes in F32, F16 or BF16 (get the bundle anew)",
                         t->def->expected);
    return CTVK_OK;
}

static ctvk_status run_case(self_test *t, const ctvk_bundle_test_options *o)
{
    ctvk_volume volume = CTVK_VOLUME_INIT;
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    options.want = CTVK_WANT_LOGITS;
    options.device = o->device;
    options.memory_limit = o->memory_limit;
    options.progress = o->progress;
    options.progress_user = o->progress_user;
    options.prompt = ctvk_view(t->def->prompt);
    if (t->def->prompt[0] && !ctvk_bundle_cached_prompt(t->bundle->files, t->def->prompt, strlen(t->def->prompt), NULL))
        return ctvk_fail(&t->bundle->error, CTVK_ERROR_BUNDLE, "self-test: its prompt is not in the bundle's cache (get the bundle anew)");
    ctvk_image_table.volume(t->image, &volume);
    if (ctvk_job_table.create(t->bundle->context, t->bundle, &volume, &options, &t->job) != CTVK_OK)
        return take_error(t, &t->bundle->context->error);
    if (ctvk_job_table.run(t->job) != CTVK_OK || ctvk_job_table.take_result(t->job, &t->result) != CTVK_OK)
        return take_error(t, &t->job->error);
    return CTVK_OK;
}

/* Places of 0 .. n - 1 that a stride meets, the first at half of it. */
static uint64_t strided(int64_t n, int32_t stride)
{
    return n > stride / 2 ? (uint64_t)((n - 1 - stride / 2) / stride) + 1 : 0;
}

static ctvk_status check_shape(self_test *t)
{
    const int64_t *dim = t->result->logits_dim;
    const uint64_t *shape = t->expected->shape;
    int same = shape[0] == (uint64_t)t->result->classes;
    for (int i = 0; i < 3; i++)
        same = same && shape[i + 1] == strided(dim[i], t->def->stride);
    if (same && t->expected->count)
        return CTVK_OK;
    return ctvk_fail(&t->bundle->error, CTVK_ERROR_BUNDLE,
                     "self-test: %s: holds %llu x %llu x %llu x %llu logits, the case gives %d x %llu x %llu x %llu (get the bundle anew)",
                     t->def->expected, (unsigned long long)shape[0], (unsigned long long)shape[1], (unsigned long long)shape[2],
                     (unsigned long long)shape[3], t->result->classes, (unsigned long long)strided(dim[0], t->def->stride),
                     (unsigned long long)strided(dim[1], t->def->stride), (unsigned long long)strided(dim[2], t->def->stride));
}

/* Relative L2 error over all strided voxels. NaN stays NaN, which passes no test. *size: of what is expected. */
static double logits_error(const self_test *t, double *size)
{
    const int64_t *dim = t->result->logits_dim, stride = t->def->stride;
    double off = 0, all = 0;
    uint64_t at = 0;
    for (int64_t c = 0; c < t->result->classes; c++)
        for (int64_t x = stride / 2; x < dim[0]; x += stride)
            for (int64_t y = stride / 2; y < dim[1]; y += stride)
                for (int64_t z = stride / 2; z < dim[2]; z += stride) {
                    float want;
                    ctvk_st_to_f32(t->expected, at++, 1, &want);
                    double found = (double)t->result->logits[((c * dim[0] + x) * dim[1] + y) * dim[2] + z];
                    off += (found - (double)want) * (found - (double)want);
                    all += (double)want * (double)want;
                }
    *size = sqrt(all);
    return sqrt(off) / *size;
}

static ctvk_status judge(self_test *t)
{
    ctvk_error *error = &t->bundle->error;
    static const char remedy[] = "the bundle was changed, or this device computes wrongly: get the bundle anew, try another --device";
    ctvk_status status = check_shape(t);
    if (status != CTVK_OK)
        return status;
    double size, off = logits_error(t, &size);
    if (!(size > 0) || isinf(size))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "self-test: %s: its logits are all 0, or NaN or infinite (get the bundle anew)",
                         t->def->expected);
    t->info.present = 1;
    t->info.tolerance = t->def->tolerance;
    t->info.error = off;
    if (!(t->info.error <= t->info.tolerance))
        status = ctvk_fail(error, CTVK_ERROR_DEVICE, "self-test: the logits are off by %.2g of their size, at most %.2g is right (%s)",
                           t->info.error, t->info.tolerance, remedy);
    for (int32_t i = 0; i < t->result->label_count; i++) {
        const ctvk_result_label *label = &t->result->label[i];
        int64_t want = t->def->voxels[i], more = (int64_t)label->voxels - want;
        double allowed = fmax(VOXEL_SLACK, VOXEL_SHARE * (double)want);
        t->info.voxels += label->value ? label->voxels : 0;
        t->info.expected += label->value ? (uint64_t)want : 0;
        if (status == CTVK_OK && fabs((double)more) > allowed)
            status = ctvk_fail(error, CTVK_ERROR_DEVICE, "self-test: label %d has %llu voxels, %lld are right (%s)", label->value,
                               (unsigned long long)label->voxels, (long long)want, remedy);
    }
    return status;
}

static ctvk_status test(self_test *t, const ctvk_bundle_test_options *options)
{
    ctvk_status status = open_files(t);
    if (status == CTVK_OK)
        status = run_case(t, options);
    if (status == CTVK_OK)
        status = judge(t);
    ctvk_result_table.destroy(t->result);
    ctvk_job_table.destroy(t->job);
    ctvk_image_table.destroy(t->image);
    ctvk_safetensors_close(&t->file);
    return status;
}

ctvk_status ctvk_bundle_self_test(ctvk_bundle *bundle, const ctvk_bundle_test_options *options, ctvk_bundle_test_info *out)
{
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    ctvk_bundle_test_options o = CTVK_BUNDLE_TEST_OPTIONS_INIT;
    ctvk_status status =
        ctvk_take_struct(&o, sizeof o, options, CTVK_UP_TO(ctvk_bundle_test_options, progress_user), "self-test options", &bundle->error);
    if (status != CTVK_OK)
        return status;
    self_test t = {.bundle = bundle, .def = &bundle->files->manifest.selftest, .info = CTVK_BUNDLE_TEST_INFO_INIT};
    /* A place that cannot be filled is said before seconds of work. */
    status = ctvk_give_struct(out, &t.info, sizeof t.info, CTVK_UP_TO(ctvk_bundle_test_info, expected), "self-test info", &bundle->error);
    if (status != CTVK_OK || !t.def->present)
        return status;
    status = test(&t, &o);
    ctvk_error found = bundle->error;
    ctvk_give_struct(out, &t.info, sizeof t.info, CTVK_UP_TO(ctvk_bundle_test_info, expected), "self-test info", &bundle->error);
    bundle->error = found;
    return status;
}
