/* A CT of one window: the label map is the same whatever else is wanted, it is the largest of the probabilities, another text on the same
 * volume gives what a new job gives, and a run can be stopped and taken up; also where the CT is smaller than the window, and resampled. */
#include "abi/host.h"

#include <math.h>

/* Probabilities of two classes that may change places: logits equal to within their rounding. */
#define TIE 1e-5f

enum { WANTS = 4 }; /* every set of CTVK_WANT_* */

static ctvk_result *run(const abi_host *h, const ctvk_volume *volume, uint32_t want)
{
    ctvk_job_options options = abi_options(h);
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    options.want = want;
    ctvk_result *result = abi_run(h, volume, &options);
    REQUIRE(h->results->info(result, &info) == CTVK_OK && info.windows == 1);
    CHECK((h->results->probability(result) != NULL) == ((want & CTVK_WANT_PROBABILITY) != 0));
    CHECK((h->results->logits(result) != NULL) == ((want & CTVK_WANT_LOGITS) != 0));
    return result;
}

static size_t logits_of(const abi_host *h, const ctvk_result *result)
{
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    REQUIRE(h->results->info(result, &info) == CTVK_OK);
    return (size_t)(info.logits_dim[0] * info.logits_dim[1] * info.logits_dim[2]) * info.classes;
}

/* Returns how many labels are no background. */
static size_t check_largest(const abi_host *h, const ctvk_result *result, size_t voxels)
{
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    const float *p = h->results->probability(result);
    const uint8_t *labels = h->results->labels(result);
    size_t wrong = 0, set = 0;
    REQUIRE(h->results->info(result, &info) == CTVK_OK);
    for (size_t i = 0; i < voxels; i++) {
        double sum = 0;
        int right = labels[i] < info.classes;
        for (size_t k = 0; k < info.classes && right; k++) {
            sum += p[k * voxels + i];
            right = p[k * voxels + i] <= p[labels[i] * voxels + i] + TIE;
        }
        wrong += !right || !(fabs(sum - 1) < 1e-5);
        set += labels[i] != 0;
    }
    CHECK_MSG(wrong == 0, "%zu of %zu labels are not of the largest probability", wrong, voxels);
    return set;
}

static void check_wants(const abi_host *h, const ctvk_volume *volume)
{
    const size_t voxels = abi_voxels(volume);
    ctvk_result *result[WANTS];
    for (uint32_t want = 0; want < WANTS; want++)
        result[want] = run(h, volume, want);
    const ctvk_result *all = result[CTVK_WANT_PROBABILITY | CTVK_WANT_LOGITS];
    size_t set = check_largest(h, all, voxels), classes = logits_of(h, all), volumes = 0;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    REQUIRE(h->results->info(all, &info) == CTVK_OK);
    volumes = voxels * info.classes * sizeof(float);
    CHECK_MSG(set > 0 && set < voxels, "%zu of %zu voxels are no background", set, voxels);
    for (uint32_t want = 0; want < WANTS; want++)
        CHECK_MSG(memcmp(h->results->labels(result[want]), h->results->labels(all), voxels) == 0, "want %u: other labels", want);
    CHECK(memcmp(h->results->probability(result[CTVK_WANT_PROBABILITY]), h->results->probability(all), volumes) == 0);
    CHECK(memcmp(h->results->logits(result[CTVK_WANT_LOGITS]), h->results->logits(all), classes * sizeof(float)) == 0);
    for (uint32_t want = 0; want < WANTS; want++)
        h->results->destroy(result[want]);
}

/* --- the same job again, with labels alone --- */

typedef struct stopper {
    const char *stage; /* where to stop; NULL: nowhere */
    int stopped;
} stopper;

static int32_t stop(void *user, double fraction, const char *stage)
{
    stopper *s = user;
    (void)fraction;
    s->stopped |= s->stage && strcmp(stage, s->stage) == 0;
    return s->stopped;
}

static void check_labels(const abi_host *h, ctvk_job *job, const uint8_t *wanted, size_t voxels)
{
    ctvk_result *result = NULL;
    REQUIRE(h->jobs->run(job) == CTVK_OK && h->jobs->take_result(job, &result) == CTVK_OK);
    CHECK(memcmp(h->results->labels(result), wanted, voxels) == 0);
    h->results->destroy(result);
}

static void check_again(const abi_host *h, const ctvk_volume *volume)
{
    static const char *const stages[] = {"network", "classify", "restore"};
    const size_t voxels = abi_voxels(volume);
    stopper s = {NULL, 0};
    ctvk_job_options options = abi_options(h);
    float *other = malloc(h->embedding_count * sizeof *other);
    REQUIRE(other != NULL);
    for (uint64_t i = 0; i < h->embedding_count; i++)
        other[i] = -3 * h->embedding[i];
    ctvk_result *first = run(h, volume, 0);
    options.embedding = other;
    ctvk_result *second = abi_run(h, volume, &options);
    const uint8_t *wanted[2] = {h->results->labels(first), h->results->labels(second)};
    CHECK(memcmp(wanted[0], wanted[1], voxels) != 0); /* the text matters here */
    options.embedding = h->embedding;
    options.keep = CTVK_KEEP_ENCODER;
    options.progress = stop;
    options.progress_user = &s;
    ctvk_job *job = abi_job(h, volume, &options);
    check_labels(h, job, wanted[0], voxels);
    REQUIRE(h->jobs->again(job, NULL, 0, other, h->embedding_count) == CTVK_OK);
    check_labels(h, job, wanted[1], voxels);
    for (int i = 0; i < 3; i++) {
        REQUIRE(h->jobs->again(job, NULL, 0, h->embedding, h->embedding_count) == CTVK_OK);
        s = (stopper){stages[i], 0};
        CHECK(h->jobs->run(job) == CTVK_CANCELLED && s.stopped);
        s = (stopper){NULL, 0};
        REQUIRE(h->jobs->again(job, NULL, 0, other, h->embedding_count) == CTVK_OK);
        check_labels(h, job, wanted[1], voxels);
    }
    h->jobs->destroy(job);
    h->results->destroy(first);
    h->results->destroy(second);
    free(other);
}

int main(void)
{
    static const char *const names[] = {"one-window", "vision-only", "spacing"};
    for (int i = 0; i < 3; i++) {
        abi_host h;
        abi_open(&h, NULL, names[i]);
        ctvk_volume part = h.volume; /* smaller than the window along each axis */
        for (int axis = 0; axis < 3; axis++)
            part.dim[axis] -= 3 + 3 * axis;
        if (i == 0)
            check_wants(&h, &h.volume);
        check_wants(&h, &part);
        if (i == 0)
            check_again(&h, &part);
        abi_close(&h);
    }
    return check_done("window");
}
