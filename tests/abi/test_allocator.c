/* Every allocation of the library goes through the host's allocator, whatever is done with it: bundles, images, language models, prompts,
 * jobs, results, evaluations. Then the same without an allocator, where each way past it is seen. */
#include "abi/allocator.h"
#include "abi/session.h"

#include <unistd.h>

int main(void)
{
    arena a = {0};
    /* The record of hashes is read, and written where there is none. */
    char record[1100];
    snprintf(record, sizeof record, "%s/hashes", abi_path("cache", NULL));
    unlink(record);
    watch_malloc();
    for (int i = 0; i < 2; i++)
        session_whole(&a);
    CHECK_MSG(atomic_load(&a.count) > 1000, "only %ld allocations", atomic_load(&a.count));
    CHECK_MSG(atomic_load(&a.live) == 0 && atomic_load(&a.foreign) == 0, "%ld blocks are not given back", atomic_load(&a.live));
    CHECK_MSG(atomic_load(&own_calls) == 0, "%ld calls of malloc by the library itself", atomic_load(&own_calls));
    CHECK_MSG(atomic_load(&lent_calls) == 0, "%ld calls of malloc for the library", atomic_load(&lent_calls));
#if COUNTS_MALLOC
    CHECK_MSG(atomic_load(&json_calls) > 10, "cJSON was not seen");
    CHECK_MSG(atomic_load(&json_live) == 0, "%ld blocks of cJSON outlive the call", atomic_load(&json_live));
#endif
    /* Without one, both ways are seen: the library's own calls, and the stream of the C library by which it asks for free memory. */
    long count = atomic_load(&a.count);
    session_whole(NULL);
    CHECK(atomic_load(&a.count) == count);
    CHECK_MSG(!COUNTS_MALLOC || (atomic_load(&own_calls) > count / 4 && atomic_load(&lent_calls) > 0), "%ld calls, %ld lent are seen",
              atomic_load(&own_calls), atomic_load(&lent_calls));
    printf("%ld allocations\n", count);
    return check_done("allocator");
}
