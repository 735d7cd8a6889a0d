/* What a run reads: bundle, texts, image, and the texts through the language model. */
#include "segment.h"

#include <pthread.h>

/* About what a prompt takes of the whole. */
#define ENCODE_SHARE 0.1

/* What the text under way is, once for all: its file may be a pipe. */
static int find_text(cli_segmentation *s)
{
    cli_target *target = &s->target[s->now];
    int code = cli_find_text(&s->library, s->bundle, &target->text, &s->options, &target->buffer);
    target->prompt = s->options.prompt;
    return code;
}

/* Why the text under way needs no language model; NULL: it does. */
static const char *without_model(const cli_segmentation *s)
{
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    const ctvk_text *prompt = &s->target[s->now].prompt;
    int32_t known = 0;
    s->library.bundles->info(s->bundle, &info);
    if (!info.has_text)
        return "the bundle takes no text";
    if (!prompt->length)
        return "an embedding was given";
    s->library.texts->known(s->bundle, prompt->data, prompt->length, &known);
    return known ? "the prompt is cached in the bundle" : NULL;
}

/* The job that encodes the text under way. */
static int begin_prompt(cli_segmentation *s)
{
    cli_encoding what = {s->target[s->now].prompt, s->options.device, s->llm, s->options.memory_limit, s->quiet};
    s->progress.from = ENCODE_SHARE * s->now / s->targets;
    s->progress.to = ENCODE_SHARE * (s->now + 1) / s->targets;
    s->encoded = ENCODE_SHARE;
    s->library.texts->destroy(s->text_job);
    s->text_job = NULL;
    return cli_encode_begin(&s->library, s->bundle, &what, &s->progress, &s->text_job, &s->text_model);
}

/* The next text from s->now on that needs the language model; s->targets: none does, and *why says for what reason the last one does not.
 */
static int32_t next_prompt(cli_segmentation *s, const char **why)
{
    const char *reason;
    for (; s->now < s->targets && (reason = without_model(s)); s->now++)
        *why = reason;
    return s->now;
}

/* A text job on a thread of its own. */
typedef struct encoder {
    cli_segmentation *s;
    ctvk_status status;
} encoder;

static void *encode(void *user)
{
    encoder *e = user;
    e->status = e->s->library.texts->run(e->s->text_job);
    return NULL;
}

/* Reads the image while the first prompt is encoded: the one waits for the disk and for zlib, the other for the device. An image that
 * cannot be read ends both, and is what is told. Where there is no thread, one comes after the other. */
static int open_image_and_encode(cli_segmentation *s)
{
    encoder first = {s, CTVK_OK};
    pthread_t thread;
    int code = begin_prompt(s);
    if (code != CLI_OK)
        return code;
    s->now++;
    int beside = pthread_create(&thread, NULL, encode, &first) == 0;
    ctvk_status status = cli_read_image(&s->library, s->image_path, &s->image);
    if (beside && status != CTVK_OK)
        s->library.texts->cancel(s->text_job);
    if (beside)
        pthread_join(thread, NULL);
    else if (status == CTVK_OK)
        encode(&first);
    cli_progress_end(&s->progress);
    return status == CTVK_OK ? cli_encode_end(&s->library, s->text_job, first.status, &s->progress) : cli_context_error(&s->library);
}

/* All prompts, before the segmentation, so that language model and network never share the device's memory. */
static int encode_prompts(cli_segmentation *s)
{
    const char *why = NULL;
    int code = CLI_OK;
    for (; code == CLI_OK && next_prompt(s, &why) < s->targets; s->now++)
        if ((code = begin_prompt(s)) == CLI_OK)
            code = cli_encode_run(&s->library, s->text_job, &s->progress);
    if (code == CLI_OK && s->llm && s->encoded == 0)
        cli_warn("--llm: not needed: %s", why);
    return code;
}

int cli_segment_open(cli_segmentation *s)
{
    const char *why = NULL;
    int code = cli_open_bundle(&s->library, s->model, &s->bundle);
    for (s->now = 0; s->now < s->targets && code == CLI_OK; s->now++)
        code = find_text(s);
    if (code != CLI_OK)
        return code;
    cli_progress_begin(&s->progress, s->quiet);
    s->now = 0;
    code = next_prompt(s, &why) < s->targets ? open_image_and_encode(s) : cli_open_image(&s->library, s->image_path, &s->image);
    if (code != CLI_OK)
        return code;
    if (cli_interrupted())
        return cli_segment_cancelled();
    s->now = s->encoded > 0 ? s->now : 0;
    return encode_prompts(s);
}
