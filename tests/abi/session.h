/* abi/session.h - whatever a host may do, from the context to its end, for the tests that count allocations. */
#ifndef CTVK_TESTS_ABI_SESSION_H
#define CTVK_TESTS_ABI_SESSION_H

#include "abi/arena.h"
#include "abi/text_model.h"

static const char session_prompt[] = "tumour of the left breast, N2"; /* which no cache holds */

static inline void session_encode(const abi_host *h)
{
    const ctvk_text_api *texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    ctvk_text_job *job = NULL;
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    const int32_t *ids;
    uint64_t count;
    int32_t known = 1;
    REQUIRE(texts != NULL);
    ctvk_text_model *model = abi_text_model(h, texts);
    REQUIRE(texts->tokenize(model, session_prompt, CTVK_STRLEN, &ids, &count) == CTVK_OK && count > 4);
    REQUIRE(texts->known(h->bundle, session_prompt, CTVK_STRLEN, &known) == CTVK_OK && !known);
    REQUIRE(texts->create(h->context, h->bundle, model, session_prompt, CTVK_STRLEN, NULL, &job) == CTVK_OK);
    REQUIRE(texts->run(job) == CTVK_OK && texts->result(job, &info) == CTVK_OK && strcmp(info.source.data, "model") == 0);
    texts->destroy(job);
    texts->close(model);
}

static inline void session_evaluate(const abi_host *h, const ctvk_volume *labels)
{
    const ctvk_evaluation_api *evaluations = ctvk_interface(CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION);
    ctvk_evaluation *evaluation = NULL;
    ctvk_label_scores scores = CTVK_LABEL_SCORES_INIT;
    REQUIRE(evaluations && evaluations->create(h->context, labels, labels, NULL, &evaluation) == CTVK_OK);
    REQUIRE(evaluations->run(evaluation) == CTVK_OK && evaluations->label(evaluation, 0, &scores) == CTVK_OK && scores.dice == 1);
    evaluations->destroy(evaluation);
}

/* A segmentation, its files, and the label map read and compared. */
static inline void session_segment(const abi_host *h)
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
    session_evaluate(h, &labels);
    h->images->destroy(image);
    h->results->destroy(result);
}

/* By a prompt that the bundle's cache holds, then again by the one that was encoded. */
static inline void session_prompts(const abi_host *h)
{
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    ctvk_job *job = NULL;
    ctvk_result *result = NULL;
    ctvk_text report;
    options.prompt = (ctvk_text){DEMO_PROMPT, CTVK_STRLEN};
    options.keep = CTVK_KEEP_ENCODER;
    REQUIRE(h->jobs->create(h->context, h->bundle, &h->volume, &options, &job) == CTVK_OK && h->jobs->run(job) == CTVK_OK);
    REQUIRE(h->jobs->again(job, session_prompt, CTVK_STRLEN, NULL, 0) == CTVK_OK && h->jobs->run(job) == CTVK_OK);
    REQUIRE(h->jobs->take_result(job, &result) == CTVK_OK && h->results->report(result, &report) == CTVK_OK);
    REQUIRE(strstr(report.data, "\"source\": \"model\"") != NULL);
    h->jobs->destroy(job);
    h->results->destroy(result);
}

static inline void session_template(const abi_host *h)
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

/* All of it. a NULL: without an allocator. */
static inline void session_whole(arena *a)
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
    session_segment(&h);
    h.bundles->destroy(h.bundle);
    REQUIRE(h.bundles->open(h.context, abi_demo(), CTVK_STRLEN, &h.bundle) == CTVK_OK);
    session_template(&h);
    session_encode(&h);
    session_prompts(&h);
    abi_close(&h);
}

#endif
