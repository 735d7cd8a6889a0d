/* ctvk/context.h - interface "ctvk.context": what the host brings, and the Vulkan devices that are there. */
#ifndef CTVK_CONTEXT_H
#define CTVK_CONTEXT_H

#include "ctvk/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_CONTEXT_NAME "ctvk.context"
#define CTVK_CONTEXT_VERSION 1

typedef struct ctvk_context ctvk_context;

/* Whether a device is tried before a job computes on it: every operation of such jobs (a network's, or before a text job a language
 * model's) on small shapes against double precision. It adds less than a second to a first run on a software driver: most kernels that it
 * has to compile there the job takes as well. A driver that computes wrongly is refused with CTVK_ERROR_DEVICE, which names the operation.
 * AUTO: once for each device, driver and library version; the answer is kept in the cache folder, and without one each context tries anew.
 * FORCE: at the first use in this context, whatever is kept. SKIP: never. */
typedef int32_t ctvk_self_test;
enum { CTVK_SELF_TEST_AUTO = 0, CTVK_SELF_TEST_FORCE = 1, CTVK_SELF_TEST_SKIP = 2 };

/* What the host brings; all of it is optional. */
typedef struct ctvk_context_desc {
    uint32_t struct_size;
    int32_t validation; /* non-zero: ask for the Vulkan validation layer; its messages go to log as errors */
    ctvk_log_fn log;    /* NULL: silent. May be called from any thread that works for this context */
    void *log_user;
    ctvk_alloc_fn alloc; /* both NULL: malloc and free */
    ctvk_free_fn free;   /* set where alloc is */
    void *alloc_user;
    /* Where compiled pipelines and the self-test's answers are kept; none: they are made anew in every process. Copied. */
    ctvk_text cache_folder;
    /* What the devices are used without, words separated by commas: to work around a driver, or to see what a smaller device gives. Nothing
     * can be added so. Copied. The first call that needs a device fails with CTVK_ERROR_ARGUMENT at a word that is none of
     * address (of buffers), texel (buffers of RGBA32F), fp16, storage16, storage8 (integers of that size too), int64, subgroup
     * (operations), cooperative (matrices), mapping (of device memory; copies go through staging), groups (of more than 256 invocations),
     * push (constants of more than 128 bytes), bindings (of more than 128 MiB), memory (more than 2 GiB, or 1 GiB in one allocation),
     * limits (the last four and every other limit at the promised minimum), all (of these: the smallest device that is promised to do). */
    ctvk_text device_mask;
    ctvk_self_test self_test; /* CTVK_SELF_TEST_*, of every job of this context */
    int32_t reserved;
} ctvk_context_desc;
#define CTVK_CONTEXT_DESC_INIT                                                                                     \
    {                                                                                                              \
        (uint32_t)sizeof(ctvk_context_desc), 0, NULL, NULL, NULL, NULL, NULL, CTVK_TEXT_INIT, CTVK_TEXT_INIT, 0, 0 \
    }

/* As Vulkan says it. */
typedef int32_t ctvk_device_type;
enum { CTVK_DEVICE_DISCRETE = 1, CTVK_DEVICE_INTEGRATED = 2, CTVK_DEVICE_VIRTUAL = 3, CTVK_DEVICE_CPU = 4, CTVK_DEVICE_OTHER = 5 };

/* Filled by the library; texts are VIEW of the context. */
typedef struct ctvk_device_info {
    uint32_t struct_size;
    uint32_t index;                       /* in this process; a device's uuid holds for longer */
    ctvk_device_type type;                /* discrete, ... */
    int32_t usable;                       /* 0: cannot run the network; `lacks` says why */
    uint32_t vendor_id, device_id;        /* as Vulkan has them */
    uint32_t driver_version, api_version; /* as Vulkan encodes them */
    uint64_t memory_bytes;                /* largest device-local heap */
    ctvk_text name, vendor, driver, uuid; /* for people, but the uuid; the driver with its version */
    ctvk_text lacks;                      /* what is missing, required things first; empty: nothing */
} ctvk_device_info;
#define CTVK_DEVICE_INFO_INIT                                                                                                       \
    {                                                                                                                               \
        (uint32_t)sizeof(ctvk_device_info), 0, 0, 0, 0, 0, 0, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT, \
            CTVK_TEXT_INIT                                                                                                          \
    }

typedef struct ctvk_context_api {
    uint32_t struct_size;
    uint32_t version; /* of the library: major * 65536 + minor * 256 + patch */

    /* desc may be NULL. No Vulkan call is made here. *out is OWNED: destroy. Fails: CTVK_ERROR_ARGUMENT, CTVK_ERROR_HOST_MEMORY.
     * [any thread] */
    ctvk_status (*create)(const ctvk_context_desc *desc, ctvk_context **out);
    /* Everything made from the context is destroyed before it. [one thread at a time]
     * A context without an allocator of the host's compiles shaders on threads of its own too, with all signals blocked, which call no
     * callback and end with the call or with the device. With an allocator there is none: a thread's own records are the C library's. */
    void (*destroy)(ctvk_context *context);
    /* "CTVK_OK", ...; "CTVK_UNKNOWN" for a number that is none. Static. [any thread] */
    const char *(*status_name)(ctvk_status status);
    /* Status and message of the last call on the context that failed; CTVK_OK and "" where none did. message: VIEW until the next
     * call on the context; may be NULL. [one thread at a time] */
    ctvk_status (*last_error)(const ctvk_context *context, ctvk_text *message);

    /* The first of these calls loads Vulkan: CTVK_ERROR_NO_DEVICE where there is no loader or no driver. [one thread at a time] */
    ctvk_status (*device_count)(ctvk_context *context, uint32_t *out);
    /* CTVK_ERROR_ARGUMENT: no such index. [one thread at a time] */
    ctvk_status (*device_info)(ctvk_context *context, uint32_t index, ctvk_device_info *out);
    /* selector: an index, part of a name (case ignored), a UUID; nothing or "auto": discrete, then integrated, virtual, CPU.
     * CTVK_ERROR_NO_DEVICE names what there is. [one thread at a time] */
    ctvk_status (*device_select)(ctvk_context *context, const char *selector, uint64_t length, uint32_t *index);
} ctvk_context_api;

#ifdef __cplusplus
}
#endif
#endif
