/* Every function of the tables: with NULL and with wrong indices, and what it says then. Sizes of structs: test_sizes.c. */
#include "abi/host.h"

static abi_host host;
static ctvk_job *job;
static ctvk_result *result;

/* No handle at all: an argument error everywhere, a message where one can be asked for, no crash. */
static void test_no_handle(void)
{
    const int64_t stride[3] = {1, 1, 1};
    const uint64_t shape[1] = {1};
    const float value[1] = {0};
    const float *values;
    const uint8_t label[1] = {0};
    uint32_t number;
    uint64_t count;
    uint8_t byte;
    ctvk_text text;
    void *memory = &byte;
    host.contexts->destroy(NULL);
    host.images->destroy(NULL);
    host.bundles->destroy(NULL);
    host.jobs->destroy(NULL);
    host.results->destroy(NULL);
    host.jobs->cancel(NULL);
    CHECK(host.contexts->create(NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.contexts->last_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(host.images->last_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(host.bundles->last_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(host.jobs->last_error(NULL, &text) == CTVK_ERROR_ARGUMENT && abi_well_formed(&text));
    CHECK(host.contexts->last_error(NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.contexts->device_count(NULL, &number) == CTVK_ERROR_ARGUMENT);
    CHECK(host.contexts->device_info(NULL, 0, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.contexts->device_select(NULL, "auto", 4, &number) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->open(NULL, "x.nii", 5, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->volume(NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->write_labels(NULL, "x.nii", 5, label, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->write_probability(NULL, "x.nii", 5, 1, value, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->write_tensor(NULL, "x", 1, "x", 1, shape, value) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->open(NULL, "x", 1, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->info(NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->label(NULL, 0, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->field(NULL, 0, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->field_value(NULL, 0, 0, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->cached_prompt(NULL, 0, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->warning(NULL, 0, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->fill_template(NULL, NULL, 0, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->read_embedding(NULL, "x", 1, &values, &count) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->memory(NULL, 0, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.bundles->verify(NULL, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->create(NULL, NULL, NULL, NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->run(NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->step(NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->progress(NULL) == 0);
    CHECK(host.jobs->memory(NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->take_result(NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->info(NULL, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->labels(NULL) == NULL);
    CHECK(host.results->copy_labels(NULL, &byte, stride) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->probability(NULL) == NULL);
    CHECK(host.results->logits(NULL) == NULL);
    CHECK(host.results->embedding(NULL) == NULL);
    CHECK(host.results->label_volume(NULL, 0, memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->warning(NULL, 0, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->report(NULL, &text) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->label_json(NULL, &text) == CTVK_ERROR_ARGUMENT);
}

enum { ON_CONTEXT, ON_IMAGE, ON_BUNDLE, ON_JOB };

/* The call failed with `wanted` and left a well-formed message that names `what` on the handle it was called on. */
static void failed(int on, ctvk_status got, ctvk_status wanted, const char *what, int line)
{
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_status kept = on == ON_CONTEXT  ? host.contexts->last_error(host.context, &message)
                       : on == ON_IMAGE  ? host.images->last_error(host.image, &message)
                       : on == ON_BUNDLE ? host.bundles->last_error(host.bundle, &message)
                                         : host.jobs->last_error(job, &message);
    CHECK_MSG(got == wanted && kept == wanted, "line %d: %d, kept %d, not %d", line, got, kept, wanted);
    CHECK_MSG(abi_well_formed(&message) && strstr(message.data, what), "line %d: %s: %s", line, what, message.data);
}
#define FAILS(on, call, status, what) failed(on, call, status, what, __LINE__)

/* A sound handle, but nothing else. */
static void test_no_arguments(void)
{
    const float value[1] = {0};
    const float *values = value;
    const uint64_t shape[2] = {UINT64_MAX, 8};
    uint64_t count = 7;
    ctvk_text text = CTVK_TEXT_INIT;
    ctvk_bundle *bundle = host.bundle;
    ctvk_image_file *image = host.image;
    FAILS(ON_CONTEXT, host.contexts->device_count(host.context, NULL), CTVK_ERROR_ARGUMENT, "device count");
    FAILS(ON_CONTEXT, host.contexts->device_info(host.context, 0, NULL), CTVK_ERROR_ARGUMENT, "device info");
    FAILS(ON_CONTEXT, host.contexts->device_select(host.context, "auto", 4, NULL), CTVK_ERROR_ARGUMENT, "device");
    FAILS(ON_CONTEXT, host.images->open(host.context, "x.nii", 5, NULL), CTVK_ERROR_ARGUMENT, "image");
    FAILS(ON_CONTEXT, host.images->open(host.context, NULL, 0, &image), CTVK_ERROR_ARGUMENT, "image");
    CHECK(image == NULL);
    FAILS(ON_IMAGE, host.images->volume(host.image, NULL), CTVK_ERROR_ARGUMENT, "volume");
    FAILS(ON_IMAGE, host.images->write_labels(host.image, "x.nii", 5, NULL, NULL), CTVK_ERROR_ARGUMENT, "output");
    FAILS(ON_IMAGE, host.images->write_labels(host.image, NULL, 0, (const uint8_t *)"", NULL), CTVK_ERROR_ARGUMENT, "output");
    FAILS(ON_IMAGE, host.images->write_probability(host.image, "x.nii", 5, 1, NULL, NULL), CTVK_ERROR_ARGUMENT, "output");
    FAILS(ON_IMAGE, host.images->write_probability(host.image, "x.nii", 5, 0, value, NULL), CTVK_ERROR_ARGUMENT, "output");
    FAILS(ON_IMAGE, host.images->write_probability(host.image, "x.nii", 5, UINT32_MAX, value, NULL), CTVK_ERROR_ARGUMENT, "output");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, NULL, 1, shape, value), CTVK_ERROR_ARGUMENT, "tensor");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, "t", 0, shape, value), CTVK_ERROR_ARGUMENT, "tensor");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, "t", 9, shape, value), CTVK_ERROR_ARGUMENT, "tensor");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, "t", 1, NULL, value), CTVK_ERROR_ARGUMENT, "tensor");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, "t", 1, shape, NULL), CTVK_ERROR_ARGUMENT, "tensor");
    FAILS(ON_CONTEXT, host.images->write_tensor(host.context, "x", 1, "t", 2, shape, value), CTVK_ERROR_ARGUMENT, "tensor t");
    FAILS(ON_CONTEXT, host.bundles->open(host.context, "x", 1, NULL), CTVK_ERROR_ARGUMENT, "bundle");
    FAILS(ON_CONTEXT, host.bundles->open(host.context, "", 0, &bundle), CTVK_ERROR_ARGUMENT, "bundle");
    CHECK(bundle == NULL);
    FAILS(ON_BUNDLE, host.bundles->info(host.bundle, NULL), CTVK_ERROR_ARGUMENT, "bundle info");
    FAILS(ON_BUNDLE, host.bundles->label(host.bundle, 0, NULL), CTVK_ERROR_ARGUMENT, "label");
    FAILS(ON_BUNDLE, host.bundles->field(host.bundle, 0, NULL), CTVK_ERROR_ARGUMENT, "field");
    FAILS(ON_BUNDLE, host.bundles->field_value(host.bundle, 0, 0, NULL), CTVK_ERROR_ARGUMENT, "field");
    FAILS(ON_BUNDLE, host.bundles->cached_prompt(host.bundle, 0, NULL), CTVK_ERROR_ARGUMENT, "cached prompt");
    FAILS(ON_BUNDLE, host.bundles->warning(host.bundle, 0, NULL), CTVK_ERROR_ARGUMENT, "warning");
    FAILS(ON_BUNDLE, host.bundles->fill_template(host.bundle, NULL, 0, NULL), CTVK_ERROR_ARGUMENT, "fields");
    FAILS(ON_BUNDLE, host.bundles->fill_template(host.bundle, NULL, 1, &text), CTVK_ERROR_ARGUMENT, "fields");
    FAILS(ON_BUNDLE, host.bundles->read_embedding(host.bundle, "x", 1, NULL, &count), CTVK_ERROR_ARGUMENT, "text embedding");
    FAILS(ON_BUNDLE, host.bundles->read_embedding(host.bundle, "x", 1, &values, NULL), CTVK_ERROR_ARGUMENT, "text embedding");
    FAILS(ON_BUNDLE, host.bundles->read_embedding(host.bundle, NULL, 0, &values, &count), CTVK_ERROR_ARGUMENT, "text embedding");
    CHECK(values == NULL && count == 0);
    FAILS(ON_BUNDLE, host.bundles->memory(host.bundle, 0, NULL), CTVK_ERROR_ARGUMENT, "memory info");
    FAILS(ON_JOB, host.jobs->memory(job, NULL), CTVK_ERROR_ARGUMENT, "memory info");
    FAILS(ON_JOB, host.jobs->take_result(job, NULL), CTVK_ERROR_ARGUMENT, "result");
    CHECK(host.results->info(result, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->copy_labels(result, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->label_volume(result, 0, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(host.results->report(result, NULL) == CTVK_ERROR_ARGUMENT && host.results->label_json(result, NULL) == CTVK_ERROR_ARGUMENT);
}

static void test_job_arguments(void)
{
    ctvk_job *none = job;
    ctvk_job_options options = abi_options(&host);
    ctvk_volume volume = host.volume;
    FAILS(ON_CONTEXT, host.jobs->create(host.context, NULL, &volume, &options, &none), CTVK_ERROR_ARGUMENT, "bundle");
    CHECK(none == NULL);
    FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, NULL, &options, &none), CTVK_ERROR_ARGUMENT, "volume");
    FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, &volume, &options, NULL), CTVK_ERROR_ARGUMENT, "job");
    FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, &volume, NULL, &none), CTVK_ERROR_PROMPT, "prompt");
    memset(&options, 0, sizeof options); /* zeroed: the defaults, so there is no text */
    FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, &volume, &options, &none), CTVK_ERROR_PROMPT, "prompt");
    memset(&volume, 0, sizeof volume);
    FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, &volume, &options, &none), CTVK_ERROR_ARGUMENT, "volume");
#define WITH(change, status, what)                                                                               \
    do {                                                                                                         \
        options = abi_options(&host);                                                                            \
        volume = host.volume;                                                                                    \
        change;                                                                                                  \
        FAILS(ON_CONTEXT, host.jobs->create(host.context, host.bundle, &volume, &options, &none), status, what); \
        CHECK(none == NULL);                                                                                     \
    } while (0)
    WITH(options.struct_size = 0, CTVK_ERROR_ARGUMENT, "job options: struct_size is 0");
    WITH(volume.struct_size = 0, CTVK_ERROR_ARGUMENT, "volume: struct_size is 0");
    WITH(options.struct_size = offsetof(ctvk_job_options, keep) - 1, CTVK_ERROR_ARGUMENT, "job options: struct_size");
    WITH(options.keep = 2, CTVK_ERROR_ARGUMENT, "keep");
    WITH(volume.struct_size = 8, CTVK_ERROR_ARGUMENT, "volume: struct_size");
    WITH(options.want = 4, CTVK_ERROR_ARGUMENT, "want");
    WITH(options.precision = 3, CTVK_ERROR_ARGUMENT, "precision");
    WITH(options.embedding_count--, CTVK_ERROR_INPUT, "text embedding");
    WITH(options.prompt = ((ctvk_text){"left", 4}), CTVK_ERROR_ARGUMENT, "text");
    WITH(options.device = ((ctvk_text){"a\0b", 3}), CTVK_ERROR_ARGUMENT, "device");
    WITH(volume.type = 0, CTVK_ERROR_ARGUMENT, "volume");
    WITH(volume.type = 11, CTVK_ERROR_ARGUMENT, "volume");
    WITH(volume.data = NULL, CTVK_ERROR_ARGUMENT, "volume");
    WITH(volume.dim[1] = 0, CTVK_ERROR_ARGUMENT, "axis 1");
    WITH(volume.dim[2] = INT64_MAX, CTVK_ERROR_ARGUMENT, "axis 2");
    WITH(volume.stride[0] = INT64_MIN, CTVK_ERROR_ARGUMENT, "stride");
    WITH(volume.stride[2] = INT64_MAX, CTVK_ERROR_ARGUMENT, "stride");
    WITH(volume.convention = 0, CTVK_ERROR_ARGUMENT, "convention");
    WITH(volume.convention = 3, CTVK_ERROR_ARGUMENT, "convention");
    WITH(memset(volume.affine, 0, sizeof volume.affine), CTVK_ERROR_INPUT, "affine");
    WITH(volume.affine[3] = strtod("nan", NULL), CTVK_ERROR_INPUT, "affine");
    WITH(volume.slope = strtod("inf", NULL), CTVK_ERROR_INPUT, "slope");
#undef WITH
}

static void test_indices(void)
{
    ctvk_device_info device = CTVK_DEVICE_INFO_INIT;
    ctvk_label_info label = CTVK_LABEL_INFO_INIT;
    ctvk_field_info field = CTVK_FIELD_INFO_INIT;
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_bundle_info bundle = CTVK_BUNDLE_INFO_INIT;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_label_volume volume = CTVK_LABEL_VOLUME_INIT;
    ctvk_text text = CTVK_TEXT_INIT;
    uint32_t count = 0, index = 9;
    CHECK(host.bundles->info(host.bundle, &bundle) == CTVK_OK && bundle.label_count == 2);
    CHECK(host.contexts->device_count(host.context, &count) == CTVK_OK && count >= 1);
    CHECK(host.results->info(result, &info) == CTVK_OK && info.label_count == 2);
    for (int far = 0; far < 2; far++) {
        const uint32_t none = far ? UINT32_MAX : 0;
        FAILS(ON_CONTEXT, host.contexts->device_info(host.context, none | count, &device), CTVK_ERROR_ARGUMENT, "device");
        FAILS(ON_BUNDLE, host.bundles->label(host.bundle, none | bundle.label_count, &label), CTVK_ERROR_ARGUMENT, "label");
        FAILS(ON_BUNDLE, host.bundles->field(host.bundle, none | bundle.field_count, &field), CTVK_ERROR_ARGUMENT, "field");
        FAILS(ON_BUNDLE, host.bundles->field_value(host.bundle, none | bundle.field_count, 0, &text), CTVK_ERROR_ARGUMENT, "field");
        FAILS(ON_BUNDLE, host.bundles->cached_prompt(host.bundle, none | bundle.cached_prompt_count, &text), CTVK_ERROR_ARGUMENT,
              "cached prompt");
        FAILS(ON_BUNDLE, host.bundles->warning(host.bundle, none | bundle.warning_count, &text), CTVK_ERROR_ARGUMENT, "warning");
        FAILS(ON_BUNDLE, host.bundles->memory(host.bundle, none | count, &memory), CTVK_ERROR_NO_DEVICE, "device");
        CHECK(host.results->label_volume(result, none | info.label_count, &volume) == CTVK_ERROR_ARGUMENT);
        CHECK(host.results->warning(result, none | info.warning_count, &text) == CTVK_ERROR_ARGUMENT);
    }
    FAILS(ON_CONTEXT, host.contexts->device_select(host.context, "no such card", CTVK_STRLEN, &index), CTVK_ERROR_NO_DEVICE,
          "no such card");
    CHECK(index == 0);
    CHECK(host.contexts->device_select(host.context, NULL, 0, &index) == CTVK_OK);
    /* A length counts, whatever follows. */
    CHECK(host.contexts->device_select(host.context, "autobahn", 4, &index) == CTVK_OK);
}

/* A job that has not run, and one that has handed out its result. */
static void test_states(void)
{
    ctvk_memory_info memory = CTVK_MEMORY_INFO_INIT;
    ctvk_result *none = result;
    ctvk_text message;
    FAILS(ON_JOB, host.jobs->take_result(job, &none), CTVK_ERROR_ARGUMENT, "result: it was taken already");
    CHECK(none == NULL);
    CHECK(host.jobs->run(job) == CTVK_OK && host.jobs->step(job) == CTVK_OK); /* it repeats its last answer */
    ctvk_job *fresh = abi_job(&host, NULL, NULL);
    CHECK(host.jobs->progress(fresh) == 0);
    CHECK(host.jobs->last_error(fresh, &message) == CTVK_OK && message.length == 0 && *message.data == 0);
    CHECK(host.jobs->memory(fresh, &memory) == CTVK_ERROR_ARGUMENT);
    CHECK(host.jobs->last_error(fresh, &message) == CTVK_ERROR_ARGUMENT && abi_well_formed(&message));
    CHECK(host.jobs->take_result(fresh, &none) == CTVK_ERROR_ARGUMENT && none == NULL);
    host.jobs->destroy(fresh);
}

int main(void)
{
    abi_open(&host, NULL, "one-window");
    job = abi_job(&host, NULL, NULL);
    REQUIRE(host.jobs->run(job) == CTVK_OK && host.jobs->take_result(job, &result) == CTVK_OK);
    test_no_handle();
    test_no_arguments();
    test_job_arguments();
    test_indices();
    test_states();
    host.results->destroy(result);
    host.jobs->destroy(job);
    abi_close(&host);
    return check_done("tables");
}
