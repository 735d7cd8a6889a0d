/* Every function of every table, called once as it should be, and named on stdout when it succeeded: every.py holds the names against the
 * headers.
 *   every_host BUNDLE SCRATCH      BUNDLE: the demo's with an unknown key in its manifest, so that there is a warning to ask for */
#include "abi/text_model.h"
#include "abi/vulkan_host.h"

enum { SIDE = 24 };

static abi_host h;
static const char *bundle_folder, *scratch;
static int16_t air[SIDE * SIDE * SIDE];

static void good(const char *name, int succeeded)
{
    CHECK_MSG(succeeded, "%s", name);
    if (succeeded)
        printf("called %s\n", name);
}

/* What a function gives decides: a status, a pointer, a fraction, or nothing. */
#define STATUS(table, interface, function, ...)                                       \
    do {                                                                              \
        ctvk_status status_ = (table)->function(__VA_ARGS__);                         \
        good(interface "." #function, status_ == CTVK_OK || status_ == CTVK_PENDING); \
    } while (0)
#define POINTER(table, interface, function, ...) good(interface "." #function, (table)->function(__VA_ARGS__) != NULL)
#define FRACTION(table, interface, function, wanted, ...) good(interface "." #function, (table)->function(__VA_ARGS__) == (wanted))
#define NOTHING(table, interface, function, ...) ((table)->function(__VA_ARGS__), good(interface "." #function, 1))

static ctvk_volume volume_of(const void *data, ctvk_scalar type)
{
    ctvk_volume volume = CTVK_VOLUME_INIT;
    volume.type = type;
    volume.data = data;
    volume.convention = CTVK_RAS;
    for (int i = 0; i < 3; i++) {
        volume.dim[i] = SIDE;
        volume.affine[5 * i] = 5;
    }
    return volume;
}

static void use_context(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
    ctvk_context *other = NULL;
    ctvk_text text;
    uint32_t number;
    desc.log = abi_print_log;
    desc.cache_folder = abi_cache();
    STATUS(h.contexts, "ctvk.context", create, &desc, &h.context);
    REQUIRE(h.context && h.contexts->create(NULL, &other) == CTVK_OK);
    NOTHING(h.contexts, "ctvk.context", destroy, other);
    POINTER(h.contexts, "ctvk.context", status_name, CTVK_OK);
    STATUS(h.contexts, "ctvk.context", last_error, h.context, &text);
    STATUS(h.contexts, "ctvk.context", device_count, h.context, &number);
    STATUS(h.contexts, "ctvk.context", device_info, h.context, 0, &info);
    STATUS(h.contexts, "ctvk.context", device_select, h.context, "auto", 4, &number);
}

static void use_plugin_and_vulkan(void)
{
    const ctvk_plugin_api *plugin = ctvk_interface(CTVK_PLUGIN_NAME, CTVK_PLUGIN_VERSION);
    const ctvk_vulkan_api *vulkan = ctvk_interface(CTVK_VULKAN_NAME, CTVK_VULKAN_VERSION);
    vulkan_host v;
    ctvk_text text;
    ctvk_context *context = NULL;
    REQUIRE(plugin && vulkan && h.contexts->create(NULL, &context) == CTVK_OK);
    STATUS(plugin, "ctvk.plugin", manifest, &text);
    make_instance(&v, VK_API_VERSION_1_1);
    make_device(&v, 0);
    ctvk_vulkan_device given = describe(&v, VK_API_VERSION_1_1, 1);
    STATUS(vulkan, "ctvk.vulkan", use_device, context, &given);
    h.contexts->destroy(context);
    end_vulkan(&v);
}

static void use_image(void)
{
    const char *path = abi_path("one-window", "image.nii.gz");
    char out[1100];
    const uint64_t shape[2] = {2, 576};
    static float values[2 * 576];
    ctvk_image_file *image = NULL;
    ctvk_text text;
    STATUS(h.images, "ctvk.image", open, h.context, path, CTVK_STRLEN, &h.image);
    REQUIRE(h.image != NULL);
    h.volume = (ctvk_volume)CTVK_VOLUME_INIT;
    STATUS(h.images, "ctvk.image", volume, h.image, &h.volume);
    STATUS(h.images, "ctvk.image", last_error, h.image, &text);
    STATUS(h.images, "ctvk.image", comment, h.image, &text);
    STATUS(h.images, "ctvk.image", open_with_progress, h.context, path, CTVK_STRLEN, NULL, NULL, &image);
    NOTHING(h.images, "ctvk.image", destroy, image);
    STATUS(h.images, "ctvk.image", watch_writing, h.image, NULL, NULL);
    uint8_t *labels = calloc(abi_voxels(&h.volume), 1);
    float *probability = calloc(abi_voxels(&h.volume), 2 * sizeof *probability);
    REQUIRE(labels && probability);
    snprintf(out, sizeof out, "%s/labels.nii.gz", scratch);
    STATUS(h.images, "ctvk.image", write_labels, h.image, out, CTVK_STRLEN, labels, NULL);
    snprintf(out, sizeof out, "%s/probability.nii.gz", scratch);
    STATUS(h.images, "ctvk.image", write_probability, h.image, out, CTVK_STRLEN, 2, probability, NULL);
    snprintf(out, sizeof out, "%s/embedding.safetensors", scratch);
    STATUS(h.images, "ctvk.image", write_tensor, h.context, out, CTVK_STRLEN, "text_embedding", 2, shape, values);
    free(labels);
    free(probability);
}

static void use_bundle(void)
{
    char path[1100];
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_label_info label = CTVK_LABEL_INFO_INIT;
    ctvk_field_info field = CTVK_FIELD_INFO_INIT;
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_bundle_test_info test = CTVK_BUNDLE_TEST_INFO_INIT;
    ctvk_bundle *other = NULL;
    ctvk_text text;
    const float *values;
    uint64_t count;
    const ctvk_field_choice choices[] = {{{"side", CTVK_STRLEN}, {"left", CTVK_STRLEN}},
                                         {{"n_stage", CTVK_STRLEN}, {"N0", CTVK_STRLEN}},
                                         {{"t_stage", CTVK_STRLEN}, {"cT2", CTVK_STRLEN}},
                                         {{"surgery", CTVK_STRLEN}, {"breast conserving surgery", CTVK_STRLEN}}};
    snprintf(path, sizeof path, "%s/embedding.safetensors", scratch);
    STATUS(h.bundles, "ctvk.bundle", open, h.context, bundle_folder, CTVK_STRLEN, &h.bundle);
    REQUIRE(h.bundle && h.bundles->open(h.context, abi_demo(), CTVK_STRLEN, &other) == CTVK_OK);
    NOTHING(h.bundles, "ctvk.bundle", destroy, other);
    STATUS(h.bundles, "ctvk.bundle", open_with_progress, h.context, abi_demo(), CTVK_STRLEN, NULL, NULL, &other);
    h.bundles->destroy(other);
    STATUS(h.bundles, "ctvk.bundle", last_error, h.bundle, &text);
    STATUS(h.bundles, "ctvk.bundle", info, h.bundle, &info);
    STATUS(h.bundles, "ctvk.bundle", label, h.bundle, 1, &label);
    STATUS(h.bundles, "ctvk.bundle", field, h.bundle, 0, &field);
    STATUS(h.bundles, "ctvk.bundle", field_value, h.bundle, 0, 0, &text);
    STATUS(h.bundles, "ctvk.bundle", cached_prompt, h.bundle, 0, &text);
    STATUS(h.bundles, "ctvk.bundle", warning, h.bundle, 0, &text);
    STATUS(h.bundles, "ctvk.bundle", fill_template, h.bundle, choices, 4, &text);
    STATUS(h.bundles, "ctvk.bundle", read_embedding, h.bundle, path, CTVK_STRLEN, &values, &count);
    STATUS(h.bundles, "ctvk.bundle", memory, h.bundle, 0, &memory);
    STATUS(h.bundles, "ctvk.bundle", verify, h.bundle, NULL, NULL);
    STATUS(h.bundles, "ctvk.bundle", self_test, h.bundle, NULL, &test);
}

static void use_result(const ctvk_result *result)
{
    static uint8_t copy[SIDE * SIDE * SIDE];
    const int64_t stride[3] = {1, SIDE, SIDE * SIDE};
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
    ctvk_text text;
    STATUS(h.results, "ctvk.result", info, result, &info);
    POINTER(h.results, "ctvk.result", labels, result);
    STATUS(h.results, "ctvk.result", copy_labels, result, copy, stride);
    POINTER(h.results, "ctvk.result", probability, result);
    POINTER(h.results, "ctvk.result", logits, result);
    POINTER(h.results, "ctvk.result", embedding, result);
    STATUS(h.results, "ctvk.result", label_volume, result, 1, &label);
    STATUS(h.results, "ctvk.result", warning, result, 0, &text);
    STATUS(h.results, "ctvk.result", report, result, &text);
    STATUS(h.results, "ctvk.result", label_json, result, &text);
}

static void use_job(void)
{
    const ctvk_volume volume = volume_of(air, CTVK_SCALAR_INT16);
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_job *job = NULL, *other = NULL;
    ctvk_result *result = NULL;
    ctvk_text text;
    options.prompt = (ctvk_text){DEMO_PROMPT, CTVK_STRLEN};
    options.want = CTVK_WANT_LOGITS | CTVK_WANT_PROBABILITY;
    options.keep = CTVK_KEEP_ENCODER;
    STATUS(h.jobs, "ctvk.job", create, h.context, h.bundle, &volume, &options, &job);
    REQUIRE(job && h.jobs->create(h.context, h.bundle, &volume, &options, &other) == CTVK_OK);
    STATUS(h.jobs, "ctvk.job", step, other);
    NOTHING(h.jobs, "ctvk.job", cancel, other);
    CHECK(h.jobs->run(other) == CTVK_CANCELLED);
    NOTHING(h.jobs, "ctvk.job", destroy, other);
    STATUS(h.jobs, "ctvk.job", run, job);
    STATUS(h.jobs, "ctvk.job", last_error, job, &text);
    FRACTION(h.jobs, "ctvk.job", progress, 1, job);
    STATUS(h.jobs, "ctvk.job", memory, job, &memory);
    STATUS(h.jobs, "ctvk.job", take_result, job, &result);
    REQUIRE(result != NULL);
    STATUS(h.jobs, "ctvk.job", again, job, "N0, cT2, breast conserving surgery, right side", CTVK_STRLEN, NULL, 0);
    CHECK(h.jobs->run(job) == CTVK_OK);
    h.jobs->destroy(job);
    use_result(result);
    NOTHING(h.results, "ctvk.result", destroy, result);
}

static void use_text(void)
{
    const ctvk_text_api *texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    ctvk_text_model_desc desc = CTVK_TEXT_MODEL_DESC_INIT;
    ctvk_text_model_info info = CTVK_TEXT_MODEL_INFO_INIT;
    ctvk_text_info encoded = CTVK_TEXT_INFO_INIT;
    ctvk_text_model *model = NULL, *other = NULL;
    ctvk_text_job *job = NULL;
    ctvk_text text;
    const int32_t *ids;
    uint64_t count;
    int32_t known;
    REQUIRE(texts != NULL);
    desc.path = (ctvk_text){getenv("CTVK_SMOLLM2"), CTVK_STRLEN};
    desc.data_folder = (ctvk_text){abi_data_folder(), CTVK_STRLEN};
    STATUS(texts, "ctvk.text", open, h.context, h.bundle, &desc, &model);
    REQUIRE(model && texts->open(h.context, h.bundle, &desc, &other) == CTVK_OK);
    NOTHING(texts, "ctvk.text", close, other);
    STATUS(texts, "ctvk.text", last_error, model, &text);
    STATUS(texts, "ctvk.text", info, model, &info);
    STATUS(texts, "ctvk.text", tokenize, model, "left", 4, &ids, &count);
    STATUS(texts, "ctvk.text", known, h.bundle, DEMO_PROMPT, CTVK_STRLEN, &known);
    STATUS(texts, "ctvk.text", create, h.context, h.bundle, NULL, DEMO_PROMPT, CTVK_STRLEN, NULL, &job);
    REQUIRE(job != NULL);
    STATUS(texts, "ctvk.text", step, job);
    STATUS(texts, "ctvk.text", run, job);
    STATUS(texts, "ctvk.text", job_error, job, &text);
    FRACTION(texts, "ctvk.text", progress, 1, job);
    STATUS(texts, "ctvk.text", result, job, &encoded);
    NOTHING(texts, "ctvk.text", cancel, job);
    NOTHING(texts, "ctvk.text", destroy, job);
    texts->close(model);
}

static void use_evaluation(void)
{
    const ctvk_evaluation_api *evaluations = ctvk_interface(CTVK_EVALUATION_NAME, CTVK_EVALUATION_VERSION);
    static uint8_t labels[SIDE * SIDE * SIDE];
    const ctvk_volume volume = volume_of(labels, CTVK_SCALAR_UINT8);
    const ctvk_label_name missing = {7, 0, {"missing", 7}};
    ctvk_evaluation_options options = CTVK_EVALUATION_OPTIONS_INIT;
    ctvk_evaluation_info info = CTVK_EVALUATION_INFO_INIT;
    ctvk_label_scores scores = CTVK_LABEL_SCORES_INIT;
    ctvk_evaluation *evaluation = NULL;
    ctvk_text text;
    memset(labels + SIDE * SIDE * 10, 1, SIDE * SIDE);
    options.labels = &missing;
    options.label_count = 1;
    REQUIRE(evaluations != NULL);
    STATUS(evaluations, "ctvk.evaluation", create, h.context, &volume, &volume, &options, &evaluation);
    REQUIRE(evaluation != NULL);
    STATUS(evaluations, "ctvk.evaluation", step, evaluation);
    STATUS(evaluations, "ctvk.evaluation", run, evaluation);
    STATUS(evaluations, "ctvk.evaluation", last_error, evaluation, &text);
    FRACTION(evaluations, "ctvk.evaluation", progress, 1, evaluation);
    STATUS(evaluations, "ctvk.evaluation", info, evaluation, &info);
    STATUS(evaluations, "ctvk.evaluation", label, evaluation, 0, &scores);
    STATUS(evaluations, "ctvk.evaluation", warning, evaluation, 0, &text);
    NOTHING(evaluations, "ctvk.evaluation", cancel, evaluation);
    NOTHING(evaluations, "ctvk.evaluation", destroy, evaluation);
}

static void use_selftest(void)
{
    const ctvk_selftest_api *selftests = ctvk_interface(CTVK_SELFTEST_NAME, CTVK_SELFTEST_VERSION);
    ctvk_selftest_options options = CTVK_SELFTEST_OPTIONS_INIT;
    ctvk_selftest_info info = CTVK_SELFTEST_INFO_INIT;
    ctvk_selftest_operation operation = CTVK_SELFTEST_OPERATION_INIT;
    ctvk_selftest *selftest = NULL, *other = NULL;
    ctvk_text text;
    options.small = 1;
    REQUIRE(selftests != NULL);
    STATUS(selftests, "ctvk.selftest", create, h.context, &options, &selftest);
    REQUIRE(selftest && selftests->create(h.context, NULL, &other) == CTVK_OK);
    NOTHING(selftests, "ctvk.selftest", cancel, other);
    CHECK(selftests->run(other) == CTVK_CANCELLED);
    NOTHING(selftests, "ctvk.selftest", destroy, other);
    STATUS(selftests, "ctvk.selftest", step, selftest);
    STATUS(selftests, "ctvk.selftest", run, selftest);
    STATUS(selftests, "ctvk.selftest", last_error, selftest, &text);
    FRACTION(selftests, "ctvk.selftest", progress, 1, selftest);
    STATUS(selftests, "ctvk.selftest", info, selftest, &info);
    STATUS(selftests, "ctvk.selftest", operation, selftest, 0, &operation);
    CHECK(info.operation_count >= 16 && !info.wrong_count && !info.labels && info.capabilities.length && info.peak_bytes > 0);
    CHECK(operation.cases > 0 && !operation.wrong && operation.worst_error <= operation.limit && operation.name.length);
    selftests->destroy(selftest);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    bundle_folder = argv[1];
    scratch = argv[2];
    for (int i = 0; i < SIDE * SIDE * SIDE; i++)
        air[i] = -1000;
    abi_tables(&h);
    use_context();
    use_plugin_and_vulkan();
    use_image();
    use_bundle();
    use_job();
    use_text();
    use_evaluation();
    use_selftest();
    abi_close(&h);
    return check_done("every_host");
}
