/* abi/allocator.h - a watch on the C library's malloc and its kin: whatever the library takes from it past the host's allocator, itself or
 * through libraries that it calls, is counted, and whoever else takes any must be one that is excepted by its name. */
#ifndef CTVK_TESTS_ABI_ALLOCATOR_H
#define CTVK_TESTS_ABI_ALLOCATOR_H

#include "abi/arena.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <malloc.h>

/* --- who calls malloc: the library never does, and nobody does for it but Vulkan and cJSON --- */

/* Code in this process: the library's, that of what it is linked to, cJSON's, the C library's and its loader's, the test's own; of Vulkan's
 * loader, the driver and what this is made of; of somebody else. */
enum { CODE_OWN = 1, CODE_LENT, CODE_JSON, CODE_LIBC, CODE_TEST, CODE_VULKAN, CODE_STRANGE };
typedef struct code_range {
    const char *begin, *end;
    int kind;
} code_range;
static code_range code_ranges[32];
static int code_range_count;
static atomic_long own_calls;  /* by the library itself */
static atomic_long lent_calls; /* by zlib, niftilib or the C library, called by the library */

#ifndef CTVK_SANITIZED /* the sanitizers bring a malloc of their own */
#define COUNTS_MALLOC 1
static atomic_long json_calls, json_frees, json_live; /* by cJSON; blocks that it holds */
static atomic_long vulkan_calls, strange_calls;       /* by who is excepted; by anybody else */
static char stranger[256];                            /* the first of them */
#define INTERPOSED __attribute__((noinline, visibility("default")))
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

/* Excepted: Vulkan's loader with its layers and Mesa's driver, and what the driver is made of: its compiler, and what packs its cache. */
static inline int is_vulkan(const char *file)
{
    static const char *const names[] = {"/libvulkan.so", "/libVkLayer_",  "/libvulkan_lvp.so", "/libLLVM",
                                        "/libz3.so",     "/libstdc++.so", "/libgcc_s.so",      "/libzstd.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(file, names[i]))
            return 1;
    return 0;
}

/* kind_of for what came into the process later. */
static inline int kind_of_file(const void *code)
{
    struct dl_find_object found;
    if (_dl_find_object((void *)(uintptr_t)code, &found) != 0)
        return CODE_STRANGE;
    return is_vulkan(found.dlfo_link_map->l_name) ? CODE_VULKAN : CODE_STRANGE;
}

static inline int kind_of(const void *code)
{
    for (int i = 0; i < code_range_count; i++)
        if ((const char *)code >= code_ranges[i].begin && (const char *)code < code_ranges[i].end)
            return code_ranges[i].kind;
    return kind_of_file(code);
}

static _Thread_local int looking; /* the unwinder may allocate */

/* Of the first caller of the C library: of its qsort, fopen, ... */
static inline int kind_behind(const void **caller)
{
    void *frames[48];
    looking = 1;
    int count = backtrace(frames, 48), i = 0;
    looking = 0;
    while (i < count && kind_of(frames[i]) == CODE_TEST) /* malloc above, and what it calls */
        i++;
    while (i < count && kind_of(frames[i]) == CODE_LIBC)
        i++;
    /* The C library alone: a thread that begins or ends, or the program itself. */
    if (i == count)
        return CODE_LIBC;
    *caller = frames[i];
    return kind_of(frames[i]);
}

static inline void note_stranger(const void *caller)
{
    struct dl_find_object found;
    if (atomic_fetch_add(&strange_calls, 1) > 0)
        return;
    const char *name = _dl_find_object((void *)(uintptr_t)caller, &found) == 0 ? found.dlfo_link_map->l_name : "code of no file";
    snprintf(stranger, sizeof stranger, "%s", *name ? name : "the program");
}

static inline void note(const void *caller)
{
    if (!code_range_count || looking)
        return;
    int direct = kind_of(caller), kind = direct == CODE_LIBC ? kind_behind(&caller) : direct;
    if (kind == CODE_OWN)
        atomic_fetch_add(direct == CODE_OWN ? &own_calls : &lent_calls, 1);
    else if (kind == CODE_LENT)
        atomic_fetch_add(&lent_calls, 1);
    else if (kind == CODE_JSON) {
        atomic_fetch_add(&json_calls, 1);
        atomic_fetch_add(&json_live, direct == CODE_JSON);
    } else if (kind == CODE_VULKAN)
        atomic_fetch_add(&vulkan_calls, 1);
    else if (kind == CODE_STRANGE)
        note_stranger(caller);
}

/* Of memory that is given back. Only cJSON's: what a driver frees by a jump at the end of a Vulkan function seems to be the library's. */
static inline void note_free(const void *memory, const void *caller)
{
    if (!memory || !code_range_count || looking || kind_of(caller) != CODE_JSON)
        return;
    atomic_fetch_add(&json_frees, 1);
    atomic_fetch_sub(&json_live, 1);
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
    note_free(memory, __builtin_return_address(0));
    note(__builtin_return_address(0));
    return __libc_realloc(memory, bytes);
}

INTERPOSED void *aligned_alloc(size_t alignment, size_t bytes)
{
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

INTERPOSED void *memalign(size_t alignment, size_t bytes)
{
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

INTERPOSED int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    note(__builtin_return_address(0));
    void *found = __libc_memalign(alignment, bytes);
    if (!found)
        return ENOMEM;
    *memory = found;
    return 0;
}

INTERPOSED void free(void *memory)
{
    note_free(memory, __builtin_return_address(0));
    __libc_free(memory);
}
#else
#define COUNTS_MALLOC 0
#endif

/* From here on calls are counted. */
static inline void watch_malloc(void)
{
    static const struct {
        const char *file;
        int kind;
    } files[] = {{"/libctvk.so", CODE_OWN},   {"/libz.so", CODE_LENT}, {"/libniftiio.so", CODE_LENT}, {"/libznz.so", CODE_LENT},
                 {"/libcjson.so", CODE_JSON}, {"/libc.so", CODE_LIBC}, {"/ld-linux", CODE_LIBC},      {"/abi_test_", CODE_TEST}};
    char line[1024];
    int count = 0;
    void *frames[4];
    (void)backtrace(frames, 4); /* loads what it needs */
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        int before = count;
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
        CHECK_MSG(count > before, "%s is not in this process", files[f].file); /* its allocations would be nobody's */
    }
    code_range_count = count;
}

#endif
