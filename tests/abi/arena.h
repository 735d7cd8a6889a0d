/* abi/arena.h - a host's allocator that keeps count: blocks with a header that knows its owner. */
#ifndef CTVK_TESTS_ABI_ARENA_H
#define CTVK_TESTS_ABI_ARENA_H

#include "abi/host.h"

#include <stdatomic.h>

typedef struct arena {
    atomic_long count, live, live_bytes;
    long fail_at; /* the allocation of this number fails, and all after it if `for_good`; 0: none */
    int for_good;
    atomic_int foreign;
} arena;

typedef struct block {
    arena *owner;
    size_t bytes;
} block;
_Static_assert(sizeof(block) == 16, "what follows it is aligned");

static inline void *host_alloc(void *user, size_t bytes)
{
    arena *a = user;
    long number = atomic_fetch_add(&a->count, 1) + 1;
    if (a->fail_at && (number == a->fail_at || (a->for_good && number > a->fail_at)))
        return NULL;
    block *b = malloc(sizeof *b + bytes);
    if (!b)
        return NULL;
    *b = (block){a, bytes};
    memset(b + 1, 0xcd, bytes); /* nothing may count on zeros */
    atomic_fetch_add(&a->live, 1);
    atomic_fetch_add(&a->live_bytes, (long)bytes);
    return b + 1;
}

static inline void host_free(void *user, void *memory)
{
    arena *a = user;
    block *b = (block *)memory - 1;
    if (!memory || b->owner != a) {
        atomic_fetch_add(&a->foreign, 1);
        return;
    }
    const size_t bytes = b->bytes;
    b->owner = NULL;
    memset(memory, 0xdd, bytes);
    free(b); /* not the last thing: as a jump it would seem to be the library's own call */
    atomic_fetch_sub(&a->live, 1);
    atomic_fetch_sub(&a->live_bytes, (long)bytes);
}

#endif
