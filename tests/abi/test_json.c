/* What goes past the host's allocator: cJSON, which the library shares with the host. The host's hooks stay the host's; they see every
 * allocation of a bundle's JSON, as many as one reading of its files takes and no more; each may fail (those of the manifest, and some of
 * all). */
#include "abi/arena.h"
#include "abi/text_model.h"

#include <cJSON.h>

static arena json; /* the host's hooks allocate here */

static void *json_alloc(size_t bytes)
{
    return host_alloc(&json, bytes);
}

static void json_free(void *memory)
{
    if (memory)
        host_free(&json, memory);
}

/* How many allocations one reading of a JSON text takes. */
static long reading(const char *text, size_t length)
{
    long before = atomic_load(&json.count);
    cJSON *root = cJSON_ParseWithLength(text, length);
    REQUIRE(root != NULL);
    cJSON_Delete(root);
    return atomic_load(&json.count) - before;
}

/* The same for a file of a bundle: JSON as a whole, or a safetensors file's header. */
static long reading_file(const char *folder, const char *name)
{
    char path[1200];
    uint8_t size[8];
    size_t length = 1 << 20;
    int tensors = strstr(name, ".safetensors") != NULL;
    REQUIRE((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path);
    FILE *file = fopen(path, "rb");
    char *text = malloc(length);
    REQUIRE(file && text);
    if (tensors) {
        REQUIRE(fread(size, 1, 8, file) == 8);
        length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16;
    }
    length = fread(text, 1, length, file);
    fclose(file);
    long count = reading(text, length);
    free(text);
    return count;
}

static ctvk_status open_demo(abi_host *h, arena *host)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    abi_tables(h);
    desc.alloc = host_alloc, desc.free = host_free, desc.alloc_user = host;
    desc.cache_folder = abi_cache();
    REQUIRE(h->contexts->create(&desc, &h->context) == CTVK_OK);
    return h->bundles->open(h->context, abi_demo(), CTVK_STRLEN, &h->bundle);
}

static void close_all(abi_host *h)
{
    h->images->destroy(h->image);
    h->bundles->destroy(h->bundle);
    h->contexts->destroy(h->context);
}

/* A bundle, from its opening to a contour with its report and files. */
static void whole_run(arena *host)
{
    abi_host h;
    ctvk_text names;
    ctvk_result *result = NULL;
    ctvk_job *job = NULL;
    REQUIRE(open_demo(&h, host) == CTVK_OK);
    h.volume = (ctvk_volume)CTVK_VOLUME_INIT;
    long opened = atomic_load(&json.count);
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    options.prompt = (ctvk_text){DEMO_PROMPT, CTVK_STRLEN};
    REQUIRE(h.images->open(h.context, abi_path("spacing", "image.nii.gz"), CTVK_STRLEN, &h.image) == CTVK_OK);
    REQUIRE(h.images->volume(h.image, &h.volume) == CTVK_OK);
    REQUIRE(h.jobs->create(h.context, h.bundle, &h.volume, &options, &job) == CTVK_OK && h.jobs->run(job) == CTVK_OK);
    REQUIRE(h.jobs->take_result(job, &result) == CTVK_OK && h.results->label_json(result, &names) == CTVK_OK);
    REQUIRE(h.images->write_labels(h.image, abi_path("json.nii.gz", NULL), CTVK_STRLEN, h.results->labels(result), &names) == CTVK_OK);
    CHECK_MSG(atomic_load(&json.count) == opened, "%ld allocations of cJSON after a bundle was opened", atomic_load(&json.count) - opened);
    h.jobs->destroy(job);
    h.results->destroy(result);
    close_all(&h);
}

static void check_failures(long count)
{
    for (long n = 1; n <= count; n += n < 50 || n > count - 5 ? 1 : 211) {
        abi_host h;
        arena host = {0};
        ctvk_text message;
        atomic_store(&json.count, 0);
        json.fail_at = n;
        ctvk_status status = open_demo(&h, &host);
        h.contexts->last_error(h.context, &message);
        CHECK_MSG(status == CTVK_ERROR_HOST_MEMORY && abi_well_formed(&message), "allocation %ld of cJSON: %d %s", n, status, message.data);
        json.fail_at = 0;
        close_all(&h);
        CHECK(atomic_load(&host.live) == 0 && atomic_load(&json.live) == 0);
    }
}

int main(void)
{
    arena host = {0};
    cJSON_Hooks hooks = {json_alloc, json_free};
    cJSON_InitHooks(&hooks);
    long expected = reading_file(abi_demo(), "manifest.json") + reading_file(abi_demo(), "network.safetensors") +
                    reading_file(abi_demo(), "prompt_embeddings.safetensors");
    atomic_store(&json.count, 0);
    whole_run(&host);
    long count = atomic_load(&json.count);
    CHECK_MSG(count == expected && count > 100, "%ld allocations of cJSON, one reading of the bundle's files takes %ld", count, expected);
    CHECK(atomic_load(&json.live) == 0 && atomic_load(&json.foreign) == 0 && atomic_load(&host.live) == 0 &&
          atomic_load(&host.foreign) == 0);
    check_failures(count);
    /* The hooks are still the host's, as it set them. */
    long mine = reading("[1]", 3);
    CHECK_MSG(mine >= 2, "%ld", mine);
    cJSON_InitHooks(NULL);
    CHECK(reading("[1]", 3) == 0);
    printf("%ld allocations of cJSON in a run\n", count);
    return check_done("json");
}
