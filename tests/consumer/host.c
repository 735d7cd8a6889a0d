/* A complete host of ctvk: a CT that lies in memory becomes a label map in memory.
 *   host BUNDLE PROMPT
 * It is built against the installed tree only: cc host.c $(pkg-config --cflags --libs ctvk) -lm */
#include <ctvk/ctvk.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NX = 84, NY = 56, NZ = 36 }; /* voxels of 5 x 5 x 6 mm */

/* The interfaces that this host uses; any of them may be missing in a library that is too old. */
static const ctvk_context_api *contexts;
static const ctvk_bundle_api *bundles;
static const ctvk_job_api *jobs;
static const ctvk_result_api *results;

static int find_interfaces(void)
{
    contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    bundles = (const ctvk_bundle_api *)ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    jobs = (const ctvk_job_api *)ctvk_interface(CTVK_JOB_NAME, CTVK_JOB_VERSION);
    results = (const ctvk_result_api *)ctvk_interface(CTVK_RESULT_NAME, CTVK_RESULT_VERSION);
    return contexts && bundles && jobs && results;
}

static void on_log(void *user, ctvk_log_level level, const char *message)
{
    (void)user;
    if (level <= CTVK_LOG_WARNING)
        fprintf(stderr, "log: %s\n", message);
}

/* A treatment planning system would move a bar here; a non-zero answer cancels. */
static int32_t on_progress(void *user, double fraction, const char *stage)
{
    double *last = user;
    if (fraction >= *last + 0.1) {
        fprintf(stderr, "%3.0f %% %s\n", 100 * fraction, stage);
        *last = fraction;
    }
    return 0;
}

static double inside(double x, double y, double width, double depth)
{
    return hypot(x / width, y / depth) < 1;
}

/* A chest of ovals, as a CT scanner stores it: HU + 1024, patient axes LPS (x to the left, y to the back), i fastest. */
static void make_chest(int16_t *voxels)
{
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < NY; j++)
            for (int i = 0; i < NX; i++) {
                double x = (i - NX / 2) * 5.0, y = (j - NY / 2) * 5.0, hu = -1000;
                if (inside(x, y, 175, 115))
                    hu = -100; /* fat */
                if (inside(x, y - 15, 145, 85))
                    hu = 40; /* muscle */
                if (inside(fabs(x) - 65, y - 12, 50, 65))
                    hu = -800; /* lungs */
                if (inside(x, y - 75, 22, 22))
                    hu = 300; /* spine */
                *voxels++ = (int16_t)(hu + 1024);
            }
}

static ctvk_volume describe(const int16_t *voxels)
{
    static const double affine[12] = {5, 0, 0, -5.0 * NX / 2, 0, 5, 0, -5.0 * NY / 2, 0, 0, 6, -6.0 * NZ / 2};
    ctvk_volume volume = CTVK_VOLUME_INIT;
    volume.type = CTVK_SCALAR_INT16;
    volume.data = voxels;
    volume.dim[0] = NX, volume.dim[1] = NY, volume.dim[2] = NZ;
    volume.convention = CTVK_LPS;
    volume.slope = 1, volume.intercept = -1024;
    for (int i = 0; i < 12; i++)
        volume.affine[i] = affine[i];
    return volume;
}

static void show(const ctvk_result *result)
{
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text text;
    results->info(result, &info);
    for (uint32_t i = 0; i < info.label_count; i++) {
        ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
        results->label_volume(result, i, &label);
        printf("label %d, %s: %llu voxels, %.2f ml\n", label.value, label.name.data, (unsigned long long)label.voxels, label.volume_ml);
    }
    for (uint32_t i = 0; i < info.warning_count; i++)
        if (results->warning(result, i, &text) == CTVK_OK)
            printf("warning: %s\n", text.data);
    const uint8_t *labels = results->labels(result); /* on the grid of the volume, i fastest */
    unsigned long long marked[2] = {0, 0};           /* the patient's right and left: in LPS, x grows to the left */
    for (size_t v = 0; v < (size_t)NX * NY * NZ; v++)
        marked[v % NX >= NX / 2] += labels[v] != 0;
    printf("marked voxels: right %llu, left %llu\n", marked[0], marked[1]);
    if (results->report(result, &text) == CTVK_OK)
        printf("report: %s\n", text.data);
}

int main(int argc, char **argv)
{
    if (argc != 3 || !find_interfaces()) {
        fprintf(stderr, argc != 3 ? "usage: host BUNDLE PROMPT\n" : "host: this libctvk.so.1 is too old\n");
        return 2;
    }
    ctvk_context *context = NULL;
    ctvk_bundle *bundle = NULL;
    ctvk_job *job = NULL;
    ctvk_result *result = NULL;
    ctvk_text message = CTVK_TEXT_INIT;
    double last = -1;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    int16_t *voxels = malloc(sizeof *voxels * NX * NY * NZ);
    if (!voxels)
        return 1;
    make_chest(voxels);
    ctvk_volume volume = describe(voxels);
    desc.log = on_log;
    options.prompt.data = argv[2], options.prompt.length = CTVK_STRLEN;
    options.progress = on_progress, options.progress_user = &last;

    /* Every call answers with a status; the message of a failure lies on the handle that the call was made on. */
    ctvk_status status = contexts->create(&desc, &context);
    if (status == CTVK_OK && (status = bundles->open(context, argv[1], CTVK_STRLEN, &bundle)) != CTVK_OK)
        contexts->last_error(context, &message);
    if (status == CTVK_OK && (status = jobs->create(context, bundle, &volume, &options, &job)) != CTVK_OK)
        contexts->last_error(context, &message);
    if (status == CTVK_OK && ((status = jobs->run(job)) != CTVK_OK || (status = jobs->take_result(job, &result)) != CTVK_OK))
        jobs->last_error(job, &message);
    if (status == CTVK_OK)
        show(result);
    else
        fprintf(stderr, "host: status %d: %s\n", status, message.data ? message.data : "no context");

    results->destroy(result); /* all of them accept NULL */
    jobs->destroy(job);
    bundles->destroy(bundle);
    contexts->destroy(context);
    free(voxels);
    return status == CTVK_OK ? 0 : 1;
}
