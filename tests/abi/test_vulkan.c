/* "ctvk.vulkan": a program hands in its own Vulkan device, with nothing switched on and with everything. The label map is that of the
 * library's own device; the queue is used under the lock only; nothing of the program's is destroyed or changed; what it got wrong is said.
 */
#include "abi/text_model.h"
#include "abi/vulkan_host.h"

#include <math.h>
#include <unistd.h>

static const ctvk_vulkan_api *vulkan;
static uint8_t *wanted; /* the library's own device's */
static size_t voxels;
static char own_lacks[256], own_name[256];

static ctvk_context_desc description(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.log = abi_print_log;
    return desc;
}

/* As abi_open, on the program's device. */
static void open_given(abi_host *h, const ctvk_vulkan_device *given)
{
    ctvk_context_desc desc = description();
    ctvk_text message;
    abi_open(h, &desc, "one-window");
    ctvk_status status = vulkan->use_device(h->context, given);
    h->contexts->last_error(h->context, &message);
    CHECK_MSG(status == CTVK_OK, "%d %s", status, message.data);
    REQUIRE(status == CTVK_OK);
}

static void run_on_own_device(void)
{
    abi_host h;
    ctvk_context_desc desc = description();
    ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
    abi_open(&h, &desc, "one-window");
    ctvk_result *result = abi_run(&h, NULL, NULL);
    voxels = abi_voxels(&h.volume);
    wanted = malloc(voxels);
    REQUIRE(wanted && h.contexts->device_info(h.context, 0, &info) == CTVK_OK);
    memcpy(wanted, h.results->labels(result), voxels);
    size_t marked = 0;
    for (size_t i = 0; i < voxels; i++)
        marked += wanted[i] != 0;
    CHECK_MSG(marked > 0 && marked < voxels, "%zu of %zu voxels", marked, voxels);
    snprintf(own_lacks, sizeof own_lacks, "%s", info.lacks.data);
    snprintf(own_name, sizeof own_name, "%s", info.name.data);
    h.results->destroy(result);
    abi_close(&h);
}

static void check_label(const abi_host *h, const ctvk_result *result)
{
    size_t wrong = 0;
    const uint8_t *labels = h->results->labels(result);
    REQUIRE(abi_voxels(&h->volume) == voxels);
    for (size_t i = 0; i < voxels; i++)
        wrong += labels[i] != wanted[i];
    /* Without features other shaders compute, whose sums run in another order: a voxel on the very edge may differ. */
    CHECK_MSG(wrong <= voxels / 10000, "%zu of %zu labels differ", wrong, voxels);
}

/* The one device that the context lists, and what it is said to lack. */
static void check_listed(const abi_host *h, int all)
{
    static const char *const optional[] = {"buffer addresses", "fp16", "16-bit storage", "8-bit storage", "int64"};
    ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
    uint32_t count = 0, index = 9;
    CHECK(h->contexts->device_count(h->context, &count) == CTVK_OK && count == 1);
    REQUIRE(h->contexts->device_info(h->context, 0, &info) == CTVK_OK);
    CHECK(info.usable && strcmp(info.name.data, own_name) == 0);
    if (all)
        CHECK_MSG(strcmp(info.lacks.data, own_lacks) == 0, "lacks %s, our own: %s", info.lacks.data, own_lacks);
    for (size_t i = 0; !all && i < sizeof optional / sizeof *optional; i++)
        CHECK_MSG(strstr(info.lacks.data, optional[i]) != NULL, "%s is used although it is not switched on", optional[i]);
    CHECK(h->contexts->device_info(h->context, 1, &info) == CTVK_ERROR_ARGUMENT);
    CHECK(h->contexts->device_select(h->context, "auto", CTVK_STRLEN, &index) == CTVK_OK && index == 0);
    CHECK(h->contexts->device_select(h->context, "1", CTVK_STRLEN, &index) == CTVK_ERROR_NO_DEVICE);
}

/* The program's own thread, which goes on working on the same queue. */
typedef struct neighbour {
    vulkan_host *host;
    atomic_int stop, rounds, wrong;
} neighbour;

static void *work_beside(void *user)
{
    neighbour *n = user;
    for (uint32_t word = 1; !atomic_load(&n->stop); word++) {
        if (own_work(n->host, word) != 0)
            atomic_fetch_add(&n->wrong, 1);
        atomic_fetch_add(&n->rounds, 1);
        usleep(2000);
    }
    return NULL;
}

static void reset_counts(void)
{
    atomic_store(&seen.locks, 0);
    atomic_store(&seen.unlocks, 0);
    atomic_store(&seen.submits, 0);
}

/* One job, with the program at work on the same queue meanwhile. */
static void check_job(uint32_t api, int all)
{
    abi_host h;
    vulkan_host v;
    pthread_t thread;
    make_instance(&v, api);
    make_device(&v, all);
    CHECK((v.features != 0) == all);
    ctvk_vulkan_device given = describe(&v, api, 1);
    neighbour beside = {.host = &v};
    reset_counts();
    open_given(&h, &given);
    memset(&given, 0xa5, sizeof given); /* it is copied */
    check_listed(&h, all);
    REQUIRE(pthread_create(&thread, NULL, work_beside, &beside) == 0);
    while (!atomic_load(&beside.rounds))
        usleep(1000);
    ctvk_result *result = abi_run(&h, NULL, NULL);
    atomic_store(&beside.stop, 1);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_MSG(atomic_load(&beside.wrong) == 0, "%d of %d pieces of the program's own work", atomic_load(&beside.wrong),
              atomic_load(&beside.rounds));
    check_label(&h, result);
    int submits = atomic_load(&seen.submits);
    CHECK_MSG(submits > 0 && atomic_load(&seen.locks) == submits && atomic_load(&seen.unlocks) == submits,
              "%d submissions, %d locks, %d unlocks", submits, atomic_load(&seen.locks), atomic_load(&seen.unlocks));
    h.results->destroy(result);
    abi_close(&h);
    CHECK(own_work(&v, 77) == 0);
    end_vulkan(&v);
}

/* A buffer of no bytes, made by what the library gets: its mistakes would be seen. */
static void check_watched(void)
{
    vulkan_host v;
    VkBuffer buffer = VK_NULL_HANDLE;
    VkBufferCreateInfo empty = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    make_instance(&v, VK_API_VERSION_1_1);
    make_device(&v, 0);
    PFN_vkCreateBuffer make = (PFN_vkCreateBuffer)watched_device_get(v.device, "vkCreateBuffer");
    seen.expected = 1;
    if (make(v.device, &empty, NULL, &buffer) == VK_SUCCESS)
        vkDestroyBuffer(v.device, buffer, NULL);
    seen.expected = 0;
    CHECK_MSG(atomic_exchange(&seen.messages, 0) > 0, "the validation layer sees nothing (is vulkan-validationlayers installed?)");
    end_vulkan(&v);
}

/* The demo bundle's language model on this device, or on the library's own: both embeddings of a prompt, [2][576]. */
static void encode(const ctvk_vulkan_device *given, float *values)
{
    abi_host h;
    ctvk_context_desc desc = description();
    ctvk_text_info info = CTVK_TEXT_INFO_INIT;
    ctvk_text_job *job = NULL;
    const ctvk_text_api *texts = ctvk_interface(CTVK_TEXT_NAME, CTVK_TEXT_VERSION);
    static const char prompt[] = "tumour of the left breast, N2";
    abi_tables(&h);
    REQUIRE(texts && h.contexts->create(&desc, &h.context) == CTVK_OK);
    if (given)
        REQUIRE(vulkan->use_device(h.context, given) == CTVK_OK);
    REQUIRE(h.bundles->open(h.context, abi_demo(), CTVK_STRLEN, &h.bundle) == CTVK_OK);
    ctvk_text_model *model = abi_text_model(&h, texts);
    REQUIRE(texts->create(h.context, h.bundle, model, prompt, CTVK_STRLEN, NULL, &job) == CTVK_OK);
    REQUIRE(texts->run(job) == CTVK_OK && texts->result(job, &info) == CTVK_OK && info.prompts * info.dim == 2 * 576);
    memcpy(values, info.values, 2 * 576 * sizeof *values);
    texts->destroy(job);
    texts->close(model);
    h.bundles->destroy(h.bundle);
    h.contexts->destroy(h.context);
}

static void check_text(int all)
{
    static float own[2 * 576], got[2 * 576];
    vulkan_host v;
    const uint32_t api = all ? VK_API_VERSION_1_2 : VK_API_VERSION_1_1;
    make_instance(&v, api);
    make_device(&v, all);
    ctvk_vulkan_device given = describe(&v, api, 1);
    double wrong = 0, size = 0;
    encode(NULL, own);
    encode(&given, got);
    for (int i = 0; i < 2 * 576; i++) {
        wrong += ((double)got[i] - own[i]) * ((double)got[i] - own[i]);
        size += (double)own[i] * own[i];
    }
    /* float32 sums in another order through 30 layers, as between drivers. */
    CHECK_MSG(size > 0 && sqrt(wrong / size) < 1e-4, "the embedding differs by %g of its size", sqrt(wrong / size));
    end_vulkan(&v);
}

typedef struct runner {
    const abi_host *host;
    ctvk_job *job;
    ctvk_status status;
} runner;

static void *run_made(void *user)
{
    runner *r = user;
    r->status = r->host->jobs->run(r->job);
    return NULL;
}

/* Two jobs on one queue, and no lock from the program, which does nothing meanwhile. Then one that is cancelled. */
static void check_two_jobs(void)
{
    abi_host h;
    vulkan_host v;
    pthread_t threads[2];
    runner runners[2];
    make_instance(&v, VK_API_VERSION_1_1);
    make_device(&v, 0);
    ctvk_vulkan_device given = describe(&v, VK_API_VERSION_1_1, 0);
    reset_counts();
    open_given(&h, &given);
    for (int i = 0; i < 2; i++)
        runners[i] = (runner){&h, abi_job(&h, NULL, NULL), -1};
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run_made, &runners[i]) == 0);
    for (int i = 0; i < 2; i++) {
        ctvk_result *result = NULL;
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK(runners[i].status == CTVK_OK);
        REQUIRE(h.jobs->take_result(runners[i].job, &result) == CTVK_OK);
        check_label(&h, result);
        h.results->destroy(result);
        h.jobs->destroy(runners[i].job);
    }
    CHECK(atomic_load(&seen.submits) > 0 && atomic_load(&seen.locks) == 0);
    ctvk_job *job = abi_job(&h, NULL, NULL);
    CHECK(h.jobs->step(job) == CTVK_PENDING);
    h.jobs->cancel(job);
    CHECK(h.jobs->run(job) == CTVK_CANCELLED);
    h.jobs->destroy(job);
    abi_close(&h);
    CHECK(own_work(&v, 78) == 0);
    end_vulkan(&v);
}

/* --- what is wrong is said, and changes nothing --- */

static void refused(const abi_host *h, const ctvk_vulkan_device *given, ctvk_status status, const char *what, int line)
{
    ctvk_text message = CTVK_TEXT_INIT;
    ctvk_status got = vulkan->use_device(h->context, given), kept = h->contexts->last_error(h->context, &message);
    CHECK_MSG(got == status && kept == status, "line %d: %d, kept %d, not %d: %s", line, got, kept, status, message.data);
    CHECK_MSG(abi_well_formed(&message) && strstr(message.data, what), "line %d: %s: %s", line, what, message.data);
}
#define REFUSED(given, status, what) refused(&h, given, status, what, __LINE__)
#define WITH(change, status, what)                                  \
    do {                                                            \
        ctvk_vulkan_device w = describe(&v, VK_API_VERSION_1_1, 1); \
        change;                                                     \
        REFUSED(&w, status, what);                                  \
    } while (0)

static void check_refusals(void)
{
    abi_host h;
    vulkan_host v, other;
    ctvk_context_desc desc = description();
    ctvk_vulkan_device zero;
    make_instance(&v, VK_API_VERSION_1_1);
    make_device(&v, 0);
    make_instance(&other, VK_API_VERSION_1_1);
    memset(&zero, 0, sizeof zero);
    abi_open(&h, &desc, "one-window");
    CHECK(vulkan->use_device(NULL, &zero) == CTVK_ERROR_ARGUMENT);
    REFUSED(NULL, CTVK_ERROR_ARGUMENT, "none was given");
    REFUSED(&zero, CTVK_ERROR_ARGUMENT, "vkGetInstanceProcAddr");
    WITH(w.struct_size = 0, CTVK_ERROR_ARGUMENT, "struct_size is 0");
    WITH(w.struct_size = 79, CTVK_ERROR_ARGUMENT, "struct_size is 79");
    WITH(w.get_instance_proc_addr = NULL, CTVK_ERROR_ARGUMENT, "vkGetInstanceProcAddr");
    WITH(w.instance = NULL, CTVK_ERROR_ARGUMENT, "VkInstance");
    WITH(w.physical_device = NULL, CTVK_ERROR_ARGUMENT, "VkPhysicalDevice");
    WITH(w.device = NULL, CTVK_ERROR_ARGUMENT, "VkDevice");
    WITH(w.queue = NULL, CTVK_ERROR_ARGUMENT, "VkQueue");
    WITH(w.lock = NULL, CTVK_ERROR_ARGUMENT, "lock and unlock");
    WITH(w.unlock = NULL, CTVK_ERROR_ARGUMENT, "lock and unlock");
    WITH(w.physical_device = other.physical, CTVK_ERROR_ARGUMENT, "belong together");
    WITH(w.queue_family = 1000, CTVK_ERROR_ARGUMENT, "queue family 1000");
    WITH(w.queue_family = UINT32_MAX, CTVK_ERROR_ARGUMENT, "queue family");
    WITH(w.api_version = 0, CTVK_ERROR_NO_DEVICE, "Vulkan 1.0");
    WITH(w.api_version = VK_API_VERSION_1_0, CTVK_ERROR_NO_DEVICE, "Vulkan 1.0");
    WITH(seen.withheld = "vkQueueSubmit", CTVK_ERROR_NO_DEVICE, "vkQueueSubmit");
    WITH(seen.withheld = "vkEnumeratePhysicalDevices", CTVK_ERROR_NO_DEVICE, "vkEnumeratePhysicalDevices");
    seen.withheld = NULL;
    WITH(seen.hides_compute = 1, CTVK_ERROR_NO_DEVICE, "a compute queue");
    seen.hides_compute = 0;
    /* None of these has made devices; the right one has, and so has the library's own search. */
    ctvk_vulkan_device right = describe(&v, VK_API_VERSION_1_1, 1);
    CHECK(vulkan->use_device(h.context, &right) == CTVK_OK);
    REFUSED(&right, CTVK_ERROR_ARGUMENT, "has devices already");
    ctvk_result *result = abi_run(&h, NULL, NULL);
    check_label(&h, result);
    h.results->destroy(result);
    abi_close(&h);
    uint32_t count = 0;
    abi_open(&h, &desc, "one-window");
    CHECK(h.contexts->device_count(h.context, &count) == CTVK_OK && count >= 1);
    REFUSED(&right, CTVK_ERROR_ARGUMENT, "has devices already");
    abi_close(&h);
    end_vulkan(&other);
    CHECK(own_work(&v, 79) == 0);
    end_vulkan(&v);
}

int main(void)
{
    vulkan = ctvk_interface(CTVK_VULKAN_NAME, CTVK_VULKAN_VERSION);
    REQUIRE(vulkan != NULL);
    check_watched();
    run_on_own_device();
    check_job(VK_API_VERSION_1_1, 0);
    check_job(VK_API_VERSION_1_2, 1);
    check_two_jobs();
    check_text(0);
    check_text(1);
    check_refusals();
    CHECK_MSG(atomic_load(&seen.messages) == 0, "%d messages of the validation layer", atomic_load(&seen.messages));
    CHECK_MSG(atomic_load(&seen.forbidden) == 0, "%d calls that belong to the owner of the device", atomic_load(&seen.forbidden));
    CHECK_MSG(atomic_load(&seen.unlocked) == 0, "%d submissions without the lock", atomic_load(&seen.unlocked));
    CHECK(atomic_load(&seen.held) == 0);
    free(wanted);
    return check_done("vulkan");
}
