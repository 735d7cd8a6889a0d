/* Every allocation of the library goes through the host's allocator, whatever is done with it: bundles, images, language models, prompts,
 * jobs, results, evaluations. Then the same without an allocator, where each way past it is seen. */
#include "abi/allocator.h"
#include "abi/text_model.h"

#include <unistd.h>

static const ctvk_text_api *texts;
static const ctvk_evaluation_api *evaluations;

static void encode(const abi_host *h)
{
    static const char prompt[] = "tumour of the left breast, N2";
    ctvk_text_job *job = NULL;
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    const int32_t *ids;
    uint64_t count;
    int32_t known = 1;
    ctvk_text_model *model = abi_text_model(h, texts);
    REQUIRE(texts->tokenize(model, prompt, CTVK_STRLEN, &ids, &count) == CTVK_OK && count > 4);
    REQUIRE(texts->known(h->bundle, prompt, CTVK_STRLEN, &known) == CTVK_OK && !known);
    REQUIRE(texts->create(h->context, h->bundle, model, prompt, CTVK_STRLEN, NULL, &job) == CTVK_OK);
    REQUIRE(texts->run(job) == CTVK_OK && texts->result(job, &info) == CTVK_OK && strcmp(info.source.data, "model") == 0);
    texts->destroy(job);
    texts->close(model);
}

static void evaluate(const abi_host *h, const ctvk_volume *labels)
{
    ctvk_evaluation *evaluation = NULL;
    ctvk_label_scores scores = CTVK_LABEL_SCORES_INIT;
    REQUIRE(evaluations->create(h->context, labels, labels, NULL, &evaluation) == CTVK_OK);
    REQUIRE(evaluations->run(evaluation) == CTVK_OK && evaluations->label(evaluation, 0, &scores) == CTVK_OK && scores.dice == 1);
    evaluations->destroy(evaluation);
}

/* A segmentation, its files, and the label map read and compared. */
static void segment(const abi_host *h)
{
    ctvk_job_options options = abi_options(h);
    ctvk_text names, report;
    ctvk_image_file *image = NULL;
    ctvk_volume labels = CTVK_VOLUME_INIT;
    const char *path = abi_path("allocator.nii.gz", NULL);
    options.want = CTVK_WANT_LOGITS | CTVK_WANT_PROBABILITY;
    ctvk_result *result = abi_run(h, NULL, &options);
    REQUIRE(h->results->label_json(result, &names) == CTVK_OK && h->results->report(result, &report) == CTVK_OK);
    REQUIRE(h->images->write_labels(h->image, path, CTVK_STRLEN, h->results->labels(result), &names) == CTVK_OK);
    REQUIRE(h->images->open(h->context, path, CTVK_STRLEN, &image) == CTVK_OK && h->images->volume(image, &labels) == CTVK_OK);
    REQUIRE(h->bundles->verify(h->bundle, NULL, NULL) == CTVK_OK);
    evaluate(h, &labels);
    h->images->destroy(image);
    h->results->destroy(result);
}

static void fill_template(const abi_host *h)
{
    ctvk_text prompt;
    ctvk_field_choice choices[16];
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    REQUIRE(h->bundles->info(h->bundle, &info) == CTVK_OK && info.field_count > 0 && info.field_count <= 16);
    for (uint32_t i = 0; i < info.field_count; i++) {
        ctvk_field_info field = CTVK_FIELD_INFO_INIT;
        REQUIRE(h->bundles->field(h->bundle, i, &field) == CTVK_OK);
        choices[i].name = field.name;
        REQUIRE(h->bundles->field_value(h->bundle, i, 0, &choices[i].value) == CTVK_OK);
    }
    REQUIRE(h->bundles->fill_template(h->bundle, choices, info.field_count, &prompt) == CTVK_OK && prompt.length > 0);
}

/* a NULL: without an allocator. */
static void whole(arena *a)
{
    abi_host h;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.log = abi_print_log;
    desc.cache_folder = abi_cache();
    if (a) {
        desc.alloc = host_alloc;
        desc.free = host_free;
        desc.alloc_user = a;
    }
    abi_open(&h, &desc, "spacing");
    segment(&h);
    h.bundles->destroy(h.bundle);
    REQUIRE(h.bundles->open(h.context, abi_demo(), CTVK_STRLEN, &h.bundle) == CTVK_OK);
    fill_template(&h);
    encode(&h);
    abi_close(&h);
}

int main(void)
{
    arena a = {0};
    texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    evaluations = ctvk_interface(CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION);
    REQUIRE(texts && evaluations);
    /* The record of hashes is read, and written where there is none. */
    char record[1100];
    snprintf(record, sizeof record, "%s/hashes", abi_path("cache", NULL));
    unlink(record);
    watch_malloc();
    for (int i = 0; i < 2; i++)
        whole(&a);
    CHECK_MSG(atomic_load(&a.count) > 1000, "only %ld allocations", atomic_load(&a.count));
    CHECK_MSG(atomic_load(&a.live) == 0 && atomic_load(&a.foreign) == 0, "%ld blocks are not given back", atomic_load(&a.live));
    CHECK_MSG(atomic_load(&own_calls) == 0, "%ld calls of malloc by the library itself", atomic_load(&own_calls));
    CHECK_MSG(atomic_load(&lent_calls) == 0, "%ld calls of malloc for the library", atomic_load(&lent_calls));
#if COUNTS_MALLOC
    CHECK_MSG(atomic_load(&json_calls) > 10, "cJSON was not seen");
    CHECK_MSG(atomic_load(&json_live) == 0, "%ld blocks of cJSON outlive the call", atomic_load(&json_live));
#endif
    /* Without one, both ways are seen: the library's own calls, and the stream of the C library by which it asks for free memory. */
    long count = atomic_load(&a.count);
    whole(NULL);
    CHECK(atomic_load(&a.count) == count);
    CHECK_MSG(!COUNTS_MALLOC || (atomic_load(&own_calls) > count / 4 && atomic_load(&lent_calls) > 0), "%ld calls, %ld lent are seen",
              atomic_load(&own_calls), atomic_load(&lent_calls));
    printf("%ld allocations\n", count);
    return check_done("allocator");
}
