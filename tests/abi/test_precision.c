/* Precision of a job: f16 and f32 side by side in one context disturb each other in nothing, auto is f32, another text on the same volume
 * is what a new job gives, and the record says what was taken. */
#include "abi/outcome.h"

#define LABELS_DIFFER 1e-3 /* share of them, between the two precisions */

static ctvk_job_options options_of(const abi_host *h, ctvk_precision precision, uint32_t keep)
{
    ctvk_job_options options = abi_options(h);
    options.want = CTVK_WANT_PROBABILITY | CTVK_WANT_LOGITS;
    options.precision = precision;
    options.keep = keep;
    return options;
}

static abi_outcome take(const abi_host *h, ctvk_job *job, const char *precision)
{
    char wanted[64];
    ctvk_result *result = NULL;
    ctvk_text report;
    REQUIRE(h->jobs->take_result(job, &result) == CTVK_OK && h->results->report(result, &report) == CTVK_OK);
    snprintf(wanted, sizeof wanted, "\"precision\": \"%s\"", precision);
    CHECK_MSG(strstr(report.data, wanted) != NULL, "no %s in %s", wanted, report.data);
    abi_outcome found = abi_keep(h, result);
    h->results->destroy(result);
    return found;
}

static abi_outcome run(const abi_host *h, ctvk_precision precision, const char *name, ctvk_memory_info *memory)
{
    ctvk_job_options options = options_of(h, precision, 0);
    ctvk_job *job = abi_job(h, NULL, &options);
    REQUIRE(h->jobs->run(job) == CTVK_OK && h->jobs->memory(job, memory) == CTVK_OK);
    abi_outcome found = take(h, job, name);
    h->jobs->destroy(job);
    return found;
}

/* Step by step in turns. */
static void check_side_by_side(const abi_host *h, const abi_outcome *single, const abi_outcome *half)
{
    const ctvk_precision precisions[] = {CTVK_PRECISION_F16, CTVK_PRECISION_F32, CTVK_PRECISION_F16};
    ctvk_job *job[3];
    int pending = 3;
    ctvk_status status;
    for (int i = 0; i < 3; i++) {
        ctvk_job_options options = options_of(h, precisions[i], 0);
        job[i] = abi_job(h, NULL, &options);
    }
    for (int steps = 0; pending && steps < 1000; steps++) {
        pending = 0;
        for (int i = 0; i < 3; i++) {
            status = h->jobs->step(job[i]);
            REQUIRE(status == CTVK_PENDING || status == CTVK_OK);
            pending += status == CTVK_PENDING;
        }
    }
    for (int i = 0; i < 3; i++) {
        abi_outcome found = take(h, job[i], i == 1 ? "f32" : "f16");
        CHECK(abi_same(&found, i == 1 ? single : half));
        abi_forget(&found);
        h->jobs->destroy(job[i]);
    }
}

/* The encoder's outputs are kept as they are stored. */
static void check_again(const abi_host *h, const abi_outcome *half)
{
    ctvk_job_options options = options_of(h, CTVK_PRECISION_F16, CTVK_KEEP_ENCODER);
    float *other = malloc(h->embedding_count * sizeof *other);
    REQUIRE(other != NULL);
    for (uint64_t i = 0; i < h->embedding_count; i++)
        other[i] = -h->embedding[i];
    ctvk_job *job = abi_job(h, NULL, &options);
    REQUIRE(h->jobs->run(job) == CTVK_OK);
    abi_outcome found = take(h, job, "f16");
    CHECK(abi_same(&found, half));
    abi_forget(&found);
    REQUIRE(h->jobs->again(job, NULL, 0, other, h->embedding_count) == CTVK_OK && h->jobs->run(job) == CTVK_OK);
    found = take(h, job, "f16");
    CHECK(!abi_same(&found, half));
    abi_forget(&found);
    REQUIRE(h->jobs->again(job, NULL, 0, h->embedding, h->embedding_count) == CTVK_OK && h->jobs->run(job) == CTVK_OK);
    found = take(h, job, "f16");
    CHECK(abi_same(&found, half));
    abi_forget(&found);
    h->jobs->destroy(job);
    free(other);
}

int main(void)
{
    abi_host h;
    ctvk_memory_info large = CTVK_MEMORY_INFO_INIT, small = CTVK_MEMORY_INFO_INIT;
    abi_open(&h, NULL, "sliding-LPS");
    abi_outcome single = run(&h, CTVK_PRECISION_F32, "f32", &large), half = run(&h, CTVK_PRECISION_F16, "f16", &small),
                automatic = run(&h, CTVK_PRECISION_AUTO, "f32", &large);
    size_t differ = 0;
    for (size_t i = 0; i < single.voxels; i++)
        differ += single.labels[i] != half.labels[i];
    printf("%zu of %zu labels differ; planned %llu and %llu bytes\n", differ, single.voxels, (unsigned long long)large.planned_bytes,
           (unsigned long long)small.planned_bytes);
    CHECK(abi_same(&single, &automatic) && !abi_same(&single, &half));
    CHECK((double)differ <= LABELS_DIFFER * (double)single.voxels);
    CHECK(small.planned_bytes < large.planned_bytes && small.activations_bytes < large.activations_bytes &&
          small.weights_bytes == large.weights_bytes && small.staging_bytes == large.staging_bytes);
    check_side_by_side(&h, &single, &half);
    check_again(&h, &half);
    abi_forget(&single);
    abi_forget(&half);
    abi_forget(&automatic);
    abi_close(&h);
    return check_done("precision");
}
