#include "segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* About what a prompt takes of the whole. */
#define ENCODE_SHARE 0.1

static int cancelled(void)
{
    return cli_fail(CLI_CANCELLED, "segment: cancelled (nothing was written; run it again)");
}

/* Before the segmentation, so that both never share the device's memory. */
static int encode_prompt(cli_segmentation *s)
{
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    int32_t known = 0;
    s->library.bundles->info(s->bundle, &info);
    if (s->options.prompt.length)
        s->library.texts->known(s->bundle, s->options.prompt.data, s->options.prompt.length, &known);
    if (s->llm && (known || !info.has_text || !s->options.prompt.length))
        cli_warn("--llm: not needed: %s", !info.has_text ? "the bundle takes no text"
                                          : known        ? "the prompt is cached in the bundle"
                                                         : "an embedding was given");
    if (known || !info.has_text || !s->options.prompt.length)
        return CLI_OK;
    cli_encoding what = {s->options.prompt, s->options.device, s->llm, s->options.memory_limit, s->quiet};
    s->progress.to = ENCODE_SHARE;
    int code = cli_encode(&s->library, s->bundle, &what, &s->progress, &s->text_job, &s->text_model);
    s->progress.from = ENCODE_SHARE;
    s->progress.to = 1;
    return code;
}

static int open_inputs(cli_segmentation *s)
{
    cli_library *library = &s->library;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    int code = cli_open_bundle(library, s->model, &s->bundle);
    if (code == CLI_OK)
        code = cli_find_text(library, s->bundle, &s->text, &s->options, &s->prompt_buffer);
    if (code == CLI_OK)
        code = cli_open_image(library, s->image_path, &s->image);
    if (code != CLI_OK)
        return code;
    if (cli_interrupted())
        return cancelled();
    library->images->volume(s->image, &volume);
    cli_progress_begin(&s->progress, s->quiet);
    code = encode_prompt(s);
    if (code != CLI_OK)
        return code;
    s->options.progress = cli_progress_report;
    s->options.progress_user = &s->progress;
    if (library->jobs->create(library->context, s->bundle, &volume, &s->options, &s->job) != CTVK_OK)
        return cli_context_error(library);
    return CLI_OK;
}

static int compute(cli_segmentation *s)
{
    ctvk_text message;
    ctvk_status status = s->library.jobs->run(s->job);
    cli_progress_end(&s->progress);
    if (status == CTVK_OK)
        status = s->library.jobs->take_result(s->job, &s->result);
    if (status == CTVK_OK)
        return CLI_OK;
    s->library.jobs->last_error(s->job, &message);
    return cli_fail_status(status, &message);
}

static int write_report(const char *path, const ctvk_text *text)
{
    unlink(path); /* left by a process of the same number that was killed */
    FILE *file = fopen(path, "wxe");
    int failed = !file || fwrite(text->data, 1, text->length, file) != text->length || fputc('\n', file) == EOF || fflush(file) != 0 ||
                 fsync(fileno(file)) != 0;
    int reason = errno;
    if (file && fclose(file) != 0)
        failed = 1;
    if (failed)
        return cli_fail(CLI_INPUT, "report: %s (check the folder and the disk)", strerror(reason));
    return CLI_OK;
}

/* Staged name of an output, marked so that it is removed if anything fails later; NULL: not asked for. */
static const char *stage(cli_segmentation *s, int place)
{
    if (s->place[place] < 0)
        return NULL;
    cli_output *output = &s->outputs.output[s->place[place]];
    output->is_staged = 1;
    return output->staged;
}

static int image_error(const cli_segmentation *s, ctvk_status status)
{
    ctvk_text message;
    s->library.images->last_error(s->image, &message);
    return cli_fail_status(status, &message);
}

static int write_files(cli_segmentation *s)
{
    const ctvk_result_api *results = s->library.results;
    const ctvk_image_api *images = s->library.images;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text names = CTVK_TEXT_INIT, report = CTVK_TEXT_INIT;
    const char *path;
    results->info(s->result, &info);
    results->label_json(s->result, &names);
    results->report(s->result, &report);
    ctvk_status status = images->write_labels(s->image, stage(s, PLACE_LABEL), CTVK_STRLEN, results->labels(s->result), &names);
    if (status == CTVK_OK && !cli_interrupted() && (path = stage(s, PLACE_PROBABILITY)))
        status = images->write_probability(s->image, path, CTVK_STRLEN, info.classes, results->probability(s->result), &names);
    if (status != CTVK_OK)
        return image_error(s, status);
    if (!cli_interrupted() && (path = stage(s, PLACE_LOGITS))) {
        uint64_t shape[4] = {info.classes, (uint64_t)info.logits_dim[0], (uint64_t)info.logits_dim[1], (uint64_t)info.logits_dim[2]};
        if (images->write_tensor(s->library.context, path, CTVK_STRLEN, "logits", 4, shape, results->logits(s->result)) != CTVK_OK)
            return cli_context_error(&s->library);
    }
    if (!cli_interrupted() && (path = stage(s, PLACE_REPORT))) {
        int code = write_report(path, &report);
        if (code != CLI_OK)
            return code;
    }
    return cli_interrupted() ? cancelled() : cli_outputs_commit(&s->outputs);
}

static int write_all(cli_segmentation *s)
{
    double begin = cli_trace_now();
    int code = write_files(s);
    cli_trace_stage("write", begin);
    return code;
}

int cli_segment_run(cli_segmentation *s)
{
    cli_catch_interrupts();
    int code = cli_library_open(&s->library);
    if (code == CLI_OK)
        code = open_inputs(s);
    if (code == CLI_OK)
        code = compute(s);
    if (code == CLI_OK)
        code = write_all(s);
    if (code == CLI_OK)
        code = cli_segment_done(s);
    cli_outputs_discard(&s->outputs);
    if (s->library.context) {
        s->library.results->destroy(s->result);
        s->library.jobs->destroy(s->job);
        s->library.images->destroy(s->image);
        s->library.texts->destroy(s->text_job);
        s->library.texts->close(s->text_model);
        s->library.bundles->destroy(s->bundle);
    }
    cli_library_close(&s->library);
    free(s->prompt_buffer);
    return code;
}
