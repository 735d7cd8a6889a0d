/* A host that keeps a language model open: the time of one prompt after another, each of them new to the bundle.
 *   bench_embed BUNDLE FILE.gguf RUNS
 * prints one line of JSON; the first time, which also opens the device and loads the weights, stands apart. */
#include <ctvk/ctvk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const ctvk_context_api *contexts;
static const ctvk_bundle_api *bundles;
static const ctvk_text_api *texts;

static int find_interfaces(void)
{
    contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    bundles = (const ctvk_bundle_api *)ctvk_interface(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    texts = (const ctvk_text_api *)ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    return contexts && bundles && texts;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(const char *what, const ctvk_text *message)
{
    fprintf(stderr, "bench_embed: %s: %.*s\n", what, (int)message->length, message->length ? message->data : "");
    return 1;
}

/* One prompt of 23 tokens in SmolLM2's vocabulary; `number` makes it another one, for an encoded prompt is kept by the bundle. */
static int encode(ctvk_context *context, ctvk_bundle *bundle, ctvk_text_model *model, int number, double *seconds, ctvk_text_info *info)
{
    char prompt[128];
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_text_job *job = NULL;
    snprintf(prompt, sizeof prompt, "N%d, cT%d, breast conserving surgery, left side; N0, cT1, right side", number % 10, number / 10 % 10);
    double begin = now();
    if (texts->create(context, bundle, model, prompt, strlen(prompt), NULL, &job) != CTVK_OK) {
        contexts->last_error(context, &message);
        return fail("create", &message);
    }
    int failed = texts->run(job) != CTVK_OK || texts->result(job, info) != CTVK_OK;
    *seconds = now() - begin;
    if (failed) {
        texts->job_error(job, &message);
        fail("run", &message);
    }
    texts->destroy(job);
    return failed;
}

static int measure(ctvk_context *context, ctvk_bundle *bundle, ctvk_text_model *model, int runs)
{
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    double seconds, first = 0;
    for (int i = 0; i <= runs; i++) {
        if (encode(context, bundle, model, i, &seconds, &info))
            return 1;
        if (i == 0) {
            first = seconds;
            printf("{\"prompts\": %u, \"tokens\": %u, \"streamed\": %d, \"planned_bytes\": %llu, \"seconds\": [", info.prompts, info.tokens,
                   info.streamed, (unsigned long long)info.planned_bytes);
        } else {
            printf("%s%.6f", i > 1 ? ", " : "", seconds);
        }
    }
    printf("], \"first_seconds\": %.6f}\n", first);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4 || !find_interfaces()) {
        fprintf(stderr, argc != 4 ? "usage: bench_embed BUNDLE FILE.gguf RUNS\n" : "bench_embed: this libctvk.so.1 is too old\n");
        return 2;
    }
    ctvk_context *context = NULL;
    ctvk_bundle *bundle = NULL;
    ctvk_text_model *model = NULL;
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_text_model_desc where = CTVK_TEXT_MODEL_DESC_INIT;
    where.path = (ctvk_text){argv[2], strlen(argv[2])};
    int code = 1;
    if (contexts->create(NULL, &context) != CTVK_OK)
        fail("context", &message);
    else if (bundles->open(context, argv[1], CTVK_STRLEN, &bundle) != CTVK_OK || texts->open(context, bundle, &where, &model) != CTVK_OK) {
        contexts->last_error(context, &message);
        fail("open", &message);
    } else
        code = measure(context, bundle, model, atoi(argv[3]));
    texts->close(model);
    bundles->destroy(bundle);
    contexts->destroy(context);
    return code;
}
