/* The C side of hosts.py: one segmentation for each line on standard input, answered with its seconds, from the volume's description to the
 * label map in the host's own memory.
 *   bench_host BUNDLE CT.nii.gz PROMPT */
#include <ctvk/ctvk.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const ctvk_context_api *contexts;
static const ctvk_image_api *images;
static const ctvk_bundle_api *bundles;
static const ctvk_job_api *jobs;
static const ctvk_result_api *results;

static int find_interfaces(void)
{
    contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    images = (const ctvk_image_api *)ctvk_interface(CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION);
    bundles = (const ctvk_bundle_api *)ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    jobs = (const ctvk_job_api *)ctvk_interface(CTVK_JOB_NAME, CTVK_JOB_VERSION);
    results = (const ctvk_result_api *)ctvk_interface(CTVK_RESULT_NAME, CTVK_RESULT_VERSION);
    return contexts && images && bundles && jobs && results;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    (void)stage;
    *(double *)user = fraction;
    return 0;
}

/* labels: as many bytes as the volume has voxels. Marked voxels; -1: failed. */
static long long segment(ctvk_context *context, ctvk_bundle *bundle, const ctvk_volume *volume, const char *prompt, uint8_t *labels)
{
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    ctvk_job *job = NULL;
    ctvk_result *result = NULL;
    ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
    const int64_t stride[3] = {1, volume->dim[0], volume->dim[0] * volume->dim[1]};
    double fraction = 0;
    options.prompt.data = prompt, options.prompt.length = CTVK_STRLEN;
    options.progress = on_progress, options.progress_user = &fraction;
    int done = jobs->create(context, bundle, volume, &options, &job) == CTVK_OK && jobs->run(job) == CTVK_OK &&
               jobs->take_result(job, &result) == CTVK_OK && results->copy_labels(result, labels, stride) == CTVK_OK &&
               results->label_volume(result, 1, &label) == CTVK_OK && fraction == 1;
    results->destroy(result);
    jobs->destroy(job);
    return done ? (long long)label.voxels : -1;
}

static int answer(ctvk_context *context, ctvk_bundle *bundle, const ctvk_volume *volume, const char *prompt)
{
    char line[16];
    uint8_t *labels = malloc((size_t)(volume->dim[0] * volume->dim[1] * volume->dim[2]));
    int failed = !labels;
    while (!failed && fgets(line, sizeof line, stdin)) {
        double begin = now();
        long long marked = segment(context, bundle, volume, prompt, labels);
        failed = marked < 0;
        printf("%.6f %lld\n", now() - begin, marked);
        fflush(stdout);
    }
    free(labels);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 4 || !find_interfaces()) {
        fprintf(stderr, argc != 4 ? "usage: bench_host BUNDLE CT.nii.gz PROMPT\n" : "bench_host: this libctvk.so.1 is too old\n");
        return 2;
    }
    ctvk_context *context = NULL;
    ctvk_bundle *bundle = NULL;
    ctvk_image_file *image = NULL;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    int code = 1;
    if (contexts->create(NULL, &context) == CTVK_OK && bundles->open(context, argv[1], CTVK_STRLEN, &bundle) == CTVK_OK &&
        images->open(context, argv[2], CTVK_STRLEN, &image) == CTVK_OK && images->volume(image, &volume) == CTVK_OK)
        code = answer(context, bundle, &volume, argv[3]);
    if (code)
        fprintf(stderr, "bench_host: the segmentation failed\n");
    images->destroy(image);
    bundles->destroy(bundle);
    contexts->destroy(context);
    return code;
}
