#include "selftest.h"

#include <math.h>
#include <stdlib.h>

/* The given prompt, the first of the cache, or, where there is none, an embedding that is the same on every device and means nothing. */
static int choose_text(cli_selftest_run *run, ctvk_job_options *options)
{
    const ctvk_bundle_info *info = &run->bundle_info;
    uint64_t count = (uint64_t)info->text_prompts * (uint64_t)info->text_dim;
    run->text_source = info->has_text ? "prompt" : "none";
    options->prompt = cli_text(run->prompt);
    if (!info->has_text || run->prompt)
        return CLI_OK;
    run->text_source = "cached prompt";
    if (info->cached_prompt_count && run->library.bundles->cached_prompt(run->bundle, 0, &options->prompt) == CTVK_OK)
        return CLI_OK;
    run->text_source = "made up";
    run->embedding = malloc(count * sizeof *run->embedding);
    if (!run->embedding)
        return cli_fail(CLI_MEMORY, "self-test: no host memory (close other programs)");
    for (uint64_t i = 0; i < count; i++)
        run->embedding[i] = (float)sin((double)i);
    options->embedding = run->embedding;
    options->embedding_count = count;
    return CLI_OK;
}

static int fail_job(const cli_selftest_run *run, ctvk_job *job, ctvk_status status)
{
    ctvk_text message;
    run->library.jobs->last_error(job, &message);
    return cli_fail_status(status, &message);
}

static int segment(cli_selftest_run *run, cli_tried *tried, ctvk_job_options *options)
{
    const ctvk_job_api *jobs = run->library.jobs;
    ctvk_job *job = NULL;
    char index[16];
    double begin = cli_trace_now();
    snprintf(index, sizeof index, "%u", tried->device.index);
    options->device = cli_text(index);
    options->progress = cli_progress_report;
    options->progress_user = &run->progress;
    if (jobs->create(run->library.context, run->bundle, &run->volume, options, &job) != CTVK_OK)
        return cli_context_error(&run->library);
    ctvk_status status = jobs->run(job);
    tried->memory = (ctvk_memory_info)CTVK_MEMORY_INFO_INIT;
    if (status == CTVK_OK)
        status = jobs->memory(job, &tried->memory);
    if (status == CTVK_OK)
        status = jobs->take_result(job, &tried->result);
    int code = status == CTVK_OK ? CLI_OK : fail_job(run, job, status);
    jobs->destroy(job);
    tried->bundle_seconds = cli_trace_now() - begin;
    return code;
}

/* The image's grid with these labels in place of its voxels. */
static ctvk_volume labels_of(const cli_selftest_run *run, const cli_tried *tried)
{
    ctvk_volume volume = run->volume;
    volume.type = CTVK_SCALAR_UINT8;
    volume.data = run->library.results->labels(tried->result);
    volume.slope = volume.intercept = 0;
    for (int i = 0; i < 3; i++)
        volume.stride[i] = 0;
    return volume;
}

int cli_selftest_bundle(cli_selftest_run *run)
{
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    run->bundle_info = (ctvk_bundle_info)CTVK_BUNDLE_INFO_INIT;
    run->volume = (ctvk_volume)CTVK_VOLUME_INIT;
    int code = cli_open_bundle(&run->library, run->bundle_path, &run->bundle);
    if (code == CLI_OK)
        code = cli_open_image(&run->library, run->image_path, &run->image);
    if (code != CLI_OK)
        return code;
    run->library.bundles->info(run->bundle, &run->bundle_info);
    run->library.images->volume(run->image, &run->volume);
    code = choose_text(run, &options);
    for (int32_t i = 0; i < run->count && code == CLI_OK; i++) {
        run->progress.from = 0.5 + 0.5 * i / run->count;
        run->progress.to = 0.5 + 0.5 * (i + 1) / run->count;
        code = segment(run, &run->tried[i], &options);
    }
    for (int32_t i = 0; i < run->count && code == CLI_OK; i++)
        for (int32_t j = i + 1; j < run->count && code == CLI_OK; j++) {
            const ctvk_volume first = labels_of(run, &run->tried[i]), second = labels_of(run, &run->tried[j]);
            cli_agreement *pair = &run->segmentation[run->segmentation_pairs++];
            pair->first = i;
            pair->second = j;
            code = cli_selftest_compare(run, &first, &second, pair);
        }
    return code;
}
