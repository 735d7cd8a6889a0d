/* A host that wants every byte: an allocator for the library and, before it creates a context, cJSON's hooks. Not one call of malloc,
 * calloc, realloc, free and their kin then comes from the library, or from cJSON, zlib, niftilib or the C library for it, from the context
 * to its end, and both of the host's allocators have everything back. Whoever else calls them is the Vulkan loader, the driver or what the
 * driver is made of, by name. Then the same without both, where all of it is seen. */
#include "abi/allocator.h"
#include "abi/session.h"

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

static void check_given_back(const arena *a, const char *name)
{
    CHECK_MSG(atomic_load(&a->live) == 0 && atomic_load(&a->live_bytes) == 0, "%s: %ld blocks are not given back", name,
              atomic_load(&a->live));
    CHECK_MSG(atomic_load(&a->foreign) == 0, "%s: %d blocks of another owner were given back", name, atomic_load(&a->foreign));
}

/* What cJSON itself has and gives back behind this program's back. */
static long json_seen(void)
{
#if COUNTS_MALLOC
    return atomic_load(&json_calls) + atomic_load(&json_frees);
#else
    return 0;
#endif
}

int main(void)
{
    arena a = {0};
    cJSON_Hooks hooks = {json_alloc, json_free};
    cJSON_InitHooks(&hooks);
    watch_malloc();
    session_whole(&a);
    check_given_back(&a, "the library");
    check_given_back(&json, "cJSON");
    CHECK_MSG(atomic_load(&a.count) > 1000 && atomic_load(&json.count) > 100, "only %ld allocations, %ld of cJSON", atomic_load(&a.count),
              atomic_load(&json.count));
    CHECK_MSG(atomic_load(&own_calls) == 0, "%ld calls by the library itself", atomic_load(&own_calls));
    CHECK_MSG(atomic_load(&lent_calls) == 0, "%ld calls by zlib, niftilib or the C library for it", atomic_load(&lent_calls));
    CHECK_MSG(json_seen() == 0, "%ld calls by cJSON", json_seen());
#if COUNTS_MALLOC
    CHECK_MSG(atomic_load(&strange_calls) == 0, "%ld calls by others, the first one by %s", atomic_load(&strange_calls), stranger);
    CHECK_MSG(atomic_load(&vulkan_calls) > 100, "the driver was not seen");
#endif
    /* Without both, all of it is seen. */
    long count = atomic_load(&a.count), parsed = atomic_load(&json.count);
    cJSON_InitHooks(NULL);
    session_whole(NULL);
    CHECK_MSG(!COUNTS_MALLOC || (atomic_load(&own_calls) > count / 2 && atomic_load(&lent_calls) > 0), "%ld calls, %ld lent are seen",
              atomic_load(&own_calls), atomic_load(&lent_calls));
    CHECK_MSG(!COUNTS_MALLOC || json_seen() >= parsed, "%ld calls by cJSON are seen of %ld", json_seen(), parsed);
    CHECK(atomic_load(&a.count) == count && atomic_load(&json.count) == parsed);
    check_given_back(&a, "the library");
    check_given_back(&json, "cJSON");
    printf("%ld allocations, %ld of cJSON\n", count, parsed);
    return check_done("hooks");
}
