#include "segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_segment_cancelled(void)
{
    return cli_fail(CLI_CANCELLED, "segment: cancelled (nothing was written; run it again)");
}

/* It is the options' text. Embeddings are held by the bundle, one at a time. */
static int take_text(cli_segmentation *s)
{
    cli_target *target = &s->target[s->now];
    s->options.prompt = target->prompt;
    if (s->targets == 1 || target->text.kind != CLI_TEXT_EMBEDDING)
        return CLI_OK;
    return cli_find_text(&s->library, s->bundle, &target->text, &s->options, &target->buffer);
}

static int job_error(const cli_segmentation *s, ctvk_status status)
{
    ctvk_text message;
    s->library.jobs->last_error(s->job, &message);
    return cli_fail_status(status, &message);
}

/* The job for the first text; the same one again for those that follow. */
static int make_job(cli_segmentation *s)
{
    const cli_library *library = &s->library;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    if (s->job) {
        const ctvk_job_options *o = &s->options;
        ctvk_status status = library->jobs->again(s->job, o->prompt.data, o->prompt.length, o->embedding, o->embedding_count);
        return status == CTVK_OK ? CLI_OK : job_error(s, status);
    }
    library->images->volume(s->image, &volume);
    s->options.progress = cli_progress_report;
    s->options.progress_user = &s->progress;
    if (library->jobs->create(library->context, s->bundle, &volume, &s->options, &s->job) != CTVK_OK)
        return cli_context_error(library);
    return CLI_OK;
}

static int compute(cli_segmentation *s)
{
    int code = take_text(s);
    if (code == CLI_OK)
        code = make_job(s);
    if (code != CLI_OK)
        return code;
    s->progress.from = s->encoded + (1 - s->encoded) * s->now / s->targets;
    s->progress.to = s->encoded + (1 - s->encoded) * (s->now + 1) / s->targets;
    ctvk_status status = s->library.jobs->run(s->job);
    cli_progress_end(&s->progress);
    if (status == CTVK_OK)
        status = s->library.jobs->take_result(s->job, &s->result);
    return status == CTVK_OK ? CLI_OK : job_error(s, status);
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
    int32_t number = s->target[s->now].place[place];
    if (number < 0)
        return NULL;
    cli_output *output = &s->outputs.output[number];
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
        return status == CTVK_CANCELLED ? cli_segment_cancelled() : image_error(s, status);
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
    return cli_interrupted() ? cli_segment_cancelled() : CLI_OK;
}

static int write_all(cli_segmentation *s)
{
    double begin = cli_trace_now();
    int code = write_files(s);
    cli_trace_stage("write", begin);
    return code;
}

/* Text after text; all files are put into their places at the end. */
static int run_texts(cli_segmentation *s)
{
    int code = CLI_OK;
    for (s->now = 0; code == CLI_OK; s->now++) {
        int last = s->now + 1 == s->targets;
        code = compute(s);
        if (code == CLI_OK)
            code = write_all(s);
        if (code == CLI_OK && last)
            code = cli_outputs_commit(&s->outputs);
        if (code == CLI_OK)
            code = cli_segment_done(s);
        if (last)
            break;
        s->library.results->destroy(s->result);
        s->result = NULL;
    }
    return code;
}

int cli_segment_run(cli_segmentation *s)
{
    cli_catch_interrupts();
    int code = cli_library_open(&s->library);
    if (code == CLI_OK)
        code = cli_segment_open(s);
    if (code == CLI_OK)
        code = run_texts(s);
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
    for (int32_t i = 0; i < s->targets; i++)
        free(s->target[i].buffer);
    return code;
}
