/* Structs of every size: a host that was built against an older or a newer header, one whose struct ends with its page. */
#include "abi/host.h"

#include <sys/mman.h>

static abi_host host;
static ctvk_job *job;
static ctvk_result *result;

/* Two pages, the second of them forbidden: a struct that ends with the first cannot be passed by one byte. */
static unsigned char *page_end(void)
{
    unsigned char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    return pages + 4096;
}

static ctvk_status fill_device(void *out)
{
    return host.contexts->device_info(host.context, 0, out);
}

static ctvk_status fill_volume(void *out)
{
    return host.images->volume(host.image, out);
}

static ctvk_status fill_bundle(void *out)
{
    return host.bundles->info(host.bundle, out);
}

static ctvk_status fill_label(void *out)
{
    return host.bundles->label(host.bundle, 1, out);
}

static ctvk_status fill_memory(void *out)
{
    return host.bundles->memory(host.bundle, 0, out);
}

static ctvk_status fill_self_test(void *out)
{
    return host.bundles->self_test(host.bundle, NULL, out);
}

static ctvk_status fill_job_memory(void *out)
{
    return host.jobs->memory(job, out);
}

static ctvk_status fill_result(void *out)
{
    return host.results->info(result, out);
}

static ctvk_status fill_label_volume(void *out)
{
    return host.results->label_volume(result, 1, out);
}

static void check_filled(const char *name, ctvk_status (*fill)(void *), uint32_t first)
{
    unsigned char *end = page_end(), *exact = end - first, room[512], *larger = room;
    const uint32_t sizes[] = {0, 4, first - 1, first, first + 100};
    for (int i = 0; i < 5; i++) {
        unsigned char *out = i < 4 ? exact : larger;
        memset(out, 0xa5, i < 4 ? first : sizeof room);
        memcpy(out, &sizes[i], sizeof sizes[i]);
        ctvk_status status = fill(out);
        CHECK_MSG((status == CTVK_OK) == (i >= 3), "%s with size %u: %d", name, sizes[i], status);
        CHECK_MSG(memcmp(out, &sizes[i], sizeof sizes[i]) == 0, "%s: struct_size belongs to the host", name);
        for (uint32_t at = 4; i < 3 && at < first; at++)
            CHECK_MSG(out[at] == 0xa5, "%s with size %u: byte %u was written", name, sizes[i], at);
    }
    CHECK_MSG(memcmp(exact + 4, larger + 4, first - 4) == 0, "%s: a larger struct is filled the same", name);
    /* What this library does not know stays as the host made it. */
    for (uint32_t at = first; at < sizeof room; at++)
        CHECK_MSG(larger[at] == 0xa5, "%s: byte %u was written", name, at);
    munmap(end - 4096, 2 * 4096);
}

static void check_taken_context(void)
{
    unsigned char *end = page_end(), room[512];
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    ctvk_context *context = NULL;
    memcpy(end - sizeof desc, &desc, sizeof desc);
    CHECK(host.contexts->create((const ctvk_context_desc *)(void *)(end - sizeof desc), &context) == CTVK_OK && context);
    host.contexts->destroy(context);
    memset(room, 0xa5, sizeof room);
    desc.struct_size = sizeof room;
    memcpy(room, &desc, sizeof desc);
    CHECK(host.contexts->create((const ctvk_context_desc *)(void *)room, &context) == CTVK_OK && context);
    host.contexts->destroy(context);
    memset(&desc, 0, sizeof desc);
    CHECK(host.contexts->create(&desc, &context) == CTVK_OK && context);
    host.contexts->destroy(context);
    desc.validation = 1; /* set, but without a size */
    CHECK(host.contexts->create(&desc, &context) == CTVK_ERROR_ARGUMENT && !context);
    desc = (ctvk_context_desc)CTVK_CONTEXT_DESC_INIT;
    desc.struct_size = 63;
    context = host.context;
    CHECK(host.contexts->create(&desc, &context) == CTVK_ERROR_ARGUMENT && !context);
    desc = (ctvk_context_desc)CTVK_CONTEXT_DESC_INIT;
    desc.free = (ctvk_free_fn)(void (*)(void))abort; /* one of the two */
    CHECK(host.contexts->create(&desc, &context) == CTVK_ERROR_ARGUMENT && !context);
    munmap(end - 4096, 2 * 4096);
}

/* Volume and options that end with their page, and such with garbage after them: the same job. Texts end where their length says. */
static void check_taken_job(void)
{
    unsigned char *volume_end = page_end(), *options_end = page_end(), *text_end = page_end(), room[2][512];
    ctvk_volume volume = host.volume;
    ctvk_job_options options = abi_options(&host);
    ctvk_job *made = NULL;
    memset(text_end - 64, 'a', 64);
    volume.sha256 = (ctvk_text){(const char *)text_end - 64, 64};
    memcpy(volume_end - sizeof volume, &volume, sizeof volume);
    memcpy(options_end - sizeof options, &options, sizeof options);
    CHECK(host.jobs->create(host.context, host.bundle, (const ctvk_volume *)(void *)(volume_end - sizeof volume),
                            (const ctvk_job_options *)(void *)(options_end - sizeof options), &made) == CTVK_OK);
    host.jobs->destroy(made);
    memset(room, 0xa5, sizeof room);
    volume.struct_size = options.struct_size = sizeof room[0];
    memcpy(room[0], &volume, sizeof volume);
    memcpy(room[1], &options, sizeof options);
    CHECK(host.jobs->create(host.context, host.bundle, (const ctvk_volume *)(void *)room[0], (const ctvk_job_options *)(void *)room[1],
                            &made) == CTVK_OK);
    host.jobs->destroy(made);
    memcpy(text_end - 4, "auto", 4);
    uint32_t index;
    CHECK(host.contexts->device_select(host.context, (const char *)text_end - 4, 4, &index) == CTVK_OK);
    munmap(volume_end - 4096, 2 * 4096);
    munmap(options_end - 4096, 2 * 4096);
    munmap(text_end - 4096, 2 * 4096);
}

static void test_sizes(void)
{
    /* Sizes of the first release, for good. */
    check_filled("device info", fill_device, 120);
    check_filled("volume", fill_volume, 200);
    check_filled("bundle info", fill_bundle, 312);
    check_filled("label info", fill_label, 40);
    check_filled("memory info", fill_memory, 48);
    check_filled("self-test info", fill_self_test, 40);
    check_filled("memory info of a job", fill_job_memory, 48);
    check_filled("result info", fill_result, 80);
    check_filled("label volume", fill_label_volume, 40);
    check_taken_context();
    check_taken_job();
}

int main(void)
{
    abi_open(&host, NULL, "one-window");
    job = abi_job(&host, NULL, NULL);
    REQUIRE(host.jobs->run(job) == CTVK_OK && host.jobs->take_result(job, &result) == CTVK_OK);
    test_sizes();
    host.results->destroy(result);
    host.jobs->destroy(job);
    abi_close(&host);
    return check_done("sizes");
}
