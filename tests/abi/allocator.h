/* abi/allocator.h - a watch on the C library's malloc: whatever the library takes from it past the host's allocator, itself or through
 * libraries that it calls, is counted. */
#ifndef CTVK_TESTS_ABI_ALLOCATOR_H
#define CTVK_TESTS_ABI_ALLOCATOR_H

#include "abi/arena.h"

#include <execinfo.h>

/* --- who calls malloc: the library never does, and nobody does for it but Vulkan and cJSON --- */

/* Code in this process: the library's and that of what it is linked to, the C library's, the test's own. */
enum { CODE_WATCHED = 1, CODE_LIBC = 2, CODE_TEST = 3, CODE_JSON = 4 };
typedef struct code_range {
    const char *begin, *end;
    int kind;
} code_range;
static code_range code_ranges[32];
static int code_range_count;
static atomic_long own_calls;  /* by the library itself */
static atomic_long lent_calls; /* by zlib, niftilib or the C library, called by the library */

static inline int range_of(const void *caller)
{
    for (int i = 0; i < code_range_count; i++)
        if ((const char *)caller >= code_ranges[i].begin && (const char *)caller < code_ranges[i].end)
            return i;
    return -1;
}

#ifndef CTVK_SANITIZED /* the sanitizers bring a malloc of their own */
#define COUNTS_MALLOC 1
static atomic_long json_calls, json_live; /* by cJSON; blocks that it holds */
#define INTERPOSED __attribute__((noinline, visibility("default")))
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void __libc_free(void *memory);

static inline int kind_of(const void *caller)
{
    int range = range_of(caller);
    return range < 0 ? 0 : code_ranges[range].kind;
}

/* Whether the first caller of the C library is watched: of its qsort, fopen, ... */
static inline int is_lent(void)
{
    static _Thread_local int inside; /* the unwinder may allocate */
    void *frames[48];
    if (inside)
        return 0;
    inside = 1;
    int count = backtrace(frames, 48), i = 0;
    inside = 0;
    while (i < count && kind_of(frames[i]) == CODE_TEST) /* malloc above, and what it calls */
        i++;
    while (i < count && kind_of(frames[i]) == CODE_LIBC)
        i++;
    return i < count && kind_of(frames[i]) == CODE_WATCHED;
}

static inline void note(const void *caller)
{
    int range = range_of(caller);
    if (range == 0)
        atomic_fetch_add(&own_calls, 1);
    else if (range > 0 && code_ranges[range].kind == CODE_JSON) {
        atomic_fetch_add(&json_calls, 1);
        atomic_fetch_add(&json_live, 1);
    } else if (range > 0 && (code_ranges[range].kind == CODE_WATCHED || (code_ranges[range].kind == CODE_LIBC && is_lent())))
        atomic_fetch_add(&lent_calls, 1);
}

/* These stand in front of the C library's for the whole process. Inlined, they would take the caller's caller. */
INTERPOSED void *malloc(size_t bytes)
{
    note(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

INTERPOSED void *calloc(size_t count, size_t bytes)
{
    note(__builtin_return_address(0));
    return __libc_calloc(count, bytes);
}

INTERPOSED void *realloc(void *memory, size_t bytes)
{
    note(__builtin_return_address(0));
    if (memory && kind_of(__builtin_return_address(0)) == CODE_JSON)
        atomic_fetch_sub(&json_live, 1);
    return __libc_realloc(memory, bytes);
}

INTERPOSED void free(void *memory)
{
    if (memory && kind_of(__builtin_return_address(0)) == CODE_JSON)
        atomic_fetch_sub(&json_live, 1);
    __libc_free(memory);
}
#else
#define COUNTS_MALLOC 0
#endif

/* From here on calls are counted. The library's own range is the first. */
static inline void watch_malloc(void)
{
    static const struct {
        const char *file;
        int kind;
    } files[] = {{"/libctvk.so", CODE_WATCHED}, {"/libz.so", CODE_WATCHED}, {"/libniftiio.so", CODE_WATCHED}, {"/libznz.so", CODE_WATCHED},
                 {"/libcjson.so", CODE_JSON},   {"/libc.so", CODE_LIBC},    {"/abi_test_", CODE_TEST}};
    char line[1024];
    int count = 0;
    void *frames[4];
    (void)backtrace(frames, 4); /* loads what it needs */
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        FILE *maps = fopen("/proc/self/maps", "r");
        REQUIRE(maps != NULL);
        while (fgets(line, sizeof line, maps)) {
            unsigned long from, to;
            if (strstr(line, " r-xp ") && strstr(line, files[f].file) && sscanf(line, "%lx-%lx", &from, &to) == 2) {
                REQUIRE(count < 32);
                code_ranges[count++] = (code_range){(const char *)from, (const char *)to, files[f].kind};
            }
        }
        fclose(maps);
        REQUIRE(f > 0 || count == 1); /* one piece of code is the library's */
    }
    code_range_count = count;
}

#endif
