/* The host's allocator: every allocation of the library goes through it, all of it comes back, and each one may fail: then the status is
 * CTVK_ERROR_HOST_MEMORY with a message, and nothing is lost. */
#include "abi/allocator.h"

/* --- what a host does, as far as it gets --- */

enum { AIR = 1 << 20 }; /* voxels */

typedef struct session {
    const char *name;      /* golden case */
    const int16_t *voxels; /* in place of the image's; NULL: the image's */
    int writes;            /* also the files */
    ctvk_status status;    /* of the first call that failed */
    char message[256];
} session;

static void failed(session *s, ctvk_status status, ctvk_status kept, const ctvk_text *message)
{
    if (s->status != CTVK_OK)
        return;
    s->status = status;
    CHECK_MSG(kept == status && abi_well_formed(message), "%d, kept %d: %s", status, kept, message->data);
    snprintf(s->message, sizeof s->message, "%s", message->data);
}

static void on_context(session *s, const abi_host *h, ctvk_status status)
{
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_status kept = h->contexts->last_error(h->context, &message);
    if (status != CTVK_OK)
        failed(s, status, kept, &message);
}

static void on_bundle(session *s, const abi_host *h, ctvk_status status)
{
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_status kept = h->bundles->last_error(h->bundle, &message);
    if (status != CTVK_OK)
        failed(s, status, kept, &message);
}

static void write_files(session *s, const abi_host *h, const ctvk_result *result)
{
    ctvk_text names = CTVK_TEXT_INIT, message = CTVK_TEXT_INIT;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    h->results->info(result, &info);
    h->results->label_json(result, &names);
    ctvk_status status =
        h->images->write_labels(h->image, abi_path("memory.nii.gz", NULL), CTVK_STRLEN, h->results->labels(result), &names);
    if (status != CTVK_OK)
        failed(s, status, h->images->last_error(h->image, &message), &message);
    const uint64_t shape[4] = {info.classes, (uint64_t)info.logits_dim[0], (uint64_t)info.logits_dim[1], (uint64_t)info.logits_dim[2]};
    on_context(s, h,
               h->images->write_tensor(h->context, abi_path("memory.safetensors", NULL), CTVK_STRLEN, "logits", 4, shape,
                                       h->results->logits(result)));
}

static void use_job(session *s, abi_host *h)
{
    ctvk_job_options options = abi_options(h);
    ctvk_job *job = NULL;
    ctvk_result *result = NULL;
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_volume volume = h->volume;
    options.want = CTVK_WANT_LOGITS | CTVK_WANT_PROBABILITY;
    REQUIRE(abi_voxels(&volume) <= AIR);
    if (s->voxels)
        volume.data = s->voxels;
    ctvk_status status = h->jobs->create(h->context, h->bundle, &volume, &options, &job);
    on_context(s, h, status);
    if (status == CTVK_OK && (status = h->jobs->run(job)) != CTVK_OK)
        failed(s, status, h->jobs->last_error(job, &message), &message);
    if (status == CTVK_OK && h->jobs->take_result(job, &result) == CTVK_OK && s->writes)
        write_files(s, h, result);
    h->jobs->destroy(job);
    h->results->destroy(result);
}

static void use_bundle(session *s, abi_host *h)
{
    ctvk_text text = CTVK_TEXT_INIT;
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    ctvk_status status = h->images->open(h->context, abi_path(s->name, "image.nii.gz"), CTVK_STRLEN, &h->image);
    on_context(s, h, status);
    if (status != CTVK_OK)
        return;
    h->images->volume(h->image, &h->volume);
    h->bundles->info(h->bundle, &info);
    h->bundles->fill_template(h->bundle, NULL, 0, &text);
    if (info.has_text)
        on_bundle(s, h,
                  h->bundles->read_embedding(h->bundle, abi_path(s->name, "text_embedding.safetensors"), CTVK_STRLEN, &h->embedding,
                                             &h->embedding_count));
    if (s->writes)
        on_bundle(s, h, h->bundles->verify(h->bundle, NULL, NULL));
    if (s->status == CTVK_OK)
        use_job(s, h);
}

/* From the context to its end. */
static void whole_session(session *s, arena *a)
{
    abi_host h;
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    abi_tables(&h);
    h.volume = (ctvk_volume)CTVK_VOLUME_INIT;
    desc.alloc = host_alloc;
    desc.free = host_free;
    desc.alloc_user = a;
    desc.cache_folder = abi_cache();
    s->status = h.contexts->create(&desc, &h.context);
    snprintf(s->message, sizeof s->message, "create");
    if (s->status != CTVK_OK) {
        CHECK(h.context == NULL);
        return;
    }
    ctvk_status status = h.bundles->open(h.context, abi_path(s->name, NULL), CTVK_STRLEN, &h.bundle);
    on_context(s, &h, status);
    if (status == CTVK_OK)
        use_bundle(s, &h);
    h.images->destroy(h.image);
    h.bundles->destroy(h.bundle);
    h.contexts->destroy(h.context);
}

static long whole(session *s)
{
    arena a = {0};
    whole_session(s, &a);
    CHECK_MSG(s->status == CTVK_OK, "%d %s", s->status, s->message);
    CHECK_MSG(atomic_load(&a.live) == 0 && atomic_load(&a.live_bytes) == 0, "%ld blocks are not given back", atomic_load(&a.live));
    CHECK(atomic_load(&a.foreign) == 0);
    return atomic_load(&a.count);
}

/* The n-th allocation fails; alone, and then with everything after it. What only loses the pipeline cache may still succeed. */
static void check_failure(const session *kind, long n, int for_good, long *harmless)
{
    session s = *kind;
    arena a = {.fail_at = n, .for_good = for_good};
    whole_session(&s, &a);
    CHECK_MSG(s.status == CTVK_ERROR_HOST_MEMORY || (s.status == CTVK_OK && !for_good), "allocation %ld%s: %d %s", n,
              for_good ? " and all after it" : "", s.status, s.message);
    CHECK_MSG(atomic_load(&a.live) == 0, "allocation %ld: %ld blocks are not given back (%s)", n, atomic_load(&a.live), s.message);
    CHECK(atomic_load(&a.foreign) == 0);
    *harmless += s.status == CTVK_OK;
}

int main(void)
{
    int16_t *air = malloc(AIR * sizeof *air);
    REQUIRE(air != NULL);
    for (int i = 0; i < AIR; i++)
        air[i] = -2000;
    watch_malloc();
    session all = {.name = "one-window", .writes = 1}, empty = {.name = "one-window", .voxels = air};
    whole(&all); /* the device is tried, and the answer kept */
    long count = whole(&all);
    CHECK_MSG(whole(&all) == count, "the same session allocates the same");
    long without = whole(&empty), harmless = 0;
    CHECK(without < count && without > 20);
    if (COUNTS_MALLOC)
        CHECK_MSG(atomic_load(&own_calls) == 0 && atomic_load(&lent_calls) == 0, "%ld calls of malloc by the library itself, %ld for it",
                  atomic_load(&own_calls), atomic_load(&lent_calls));
    printf("%ld allocations in a whole session, %ld in one without network\n", count, without);
    /* Every one of the short session; of the long one, some everywhere and the last ones, where results are made. */
    for (long n = 1; n <= without; n++)
        check_failure(&empty, n, n % 2, &harmless);
    for (long n = without / 2; n <= count; n += n > count - 12 ? 1 : 37)
        check_failure(&all, n, 0, &harmless);
    CHECK_MSG(harmless < 12, "%ld failures went unnoticed", harmless);
    free(air);
    return check_done("memory");
}
