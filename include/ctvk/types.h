/* ctvk/types.h - words shared by every interface: status codes, levels, scalar types, callbacks.
 *
 * Ownership words, used by every comment in include/ctvk:
 *   BORROWED  the callee uses the memory during the call only, unless a longer time is named.
 *   OWNED     the caller got it and must hand it to the named destroy function.
 *   VIEW      memory of a handle, valid until that handle is destroyed; never freed by the caller.
 * Thread words:
 *   [any thread]                any thread, at any time while the handle lives.
 *   [one thread at a time]      calls on one handle must not overlap; different handles may.
 */
#ifndef CTVK_TYPES_H
#define CTVK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version stands here and nowhere else: CMake reads these three lines. */
#define CTVK_VERSION_MAJOR 0
#define CTVK_VERSION_MINOR 1
#define CTVK_VERSION_PATCH 0

/* Status codes. Numbers are final; gaps leave room. The tens give the exit code of the command. */
typedef int32_t ctvk_status;
enum {
    CTVK_OK = 0,
    CTVK_PENDING = 1,              /* a polled job has work left */
    CTVK_ERROR_ARGUMENT = 20,      /* a call or command line that cannot be right (exit 2) */
    CTVK_ERROR_PROMPT = 21,        /* no prompt where one is needed, or one that is not text (exit 2) */
    CTVK_ERROR_INPUT = 30,         /* an input file or volume cannot be read or is not what it should be (exit 3) */
    CTVK_ERROR_OUTPUT = 31,        /* a result cannot be written (exit 3) */
    CTVK_ERROR_BUNDLE = 40,        /* manifest, weights or a needed text model is wrong (exit 4) */
    CTVK_ERROR_HASH = 41,          /* a hash does not match (exit 4) */
    CTVK_ERROR_NO_DEVICE = 50,     /* no usable Vulkan device, or the one asked for is missing (exit 5) */
    CTVK_ERROR_HOST_MEMORY = 60,   /* host memory exhausted (exit 6) */
    CTVK_ERROR_DEVICE_MEMORY = 61, /* device memory, or the limit that was set, is too small (exit 6) */
    CTVK_CANCELLED = 70,           /* the host asked for it (exit 7) */
    CTVK_ERROR_DEVICE = 80,        /* device lost or computing wrongly (exit 8) */
    CTVK_ERROR_INTERNAL = 81       /* a defect of the library (exit 8) */
};

/* How much a line of the log matters; the lower, the more. */
typedef int32_t ctvk_log_level;
enum { CTVK_LOG_ERROR = 10, CTVK_LOG_WARNING = 20, CTVK_LOG_INFO = 30, CTVK_LOG_DEBUG = 40 };

/* Voxel types a host may hand in. */
typedef int32_t ctvk_scalar;
enum {
    CTVK_SCALAR_UINT8 = 1,
    CTVK_SCALAR_INT16 = 2,
    CTVK_SCALAR_UINT16 = 3,
    CTVK_SCALAR_FLOAT32 = 4,
    CTVK_SCALAR_INT8 = 5,
    CTVK_SCALAR_INT32 = 6,
    CTVK_SCALAR_UINT32 = 7,
    CTVK_SCALAR_FLOAT64 = 8,
    CTVK_SCALAR_INT64 = 9,
    CTVK_SCALAR_UINT64 = 10
};

/* UTF-8 text with a length. As an input: data NULL or length 0 means that nothing was given, and length CTVK_STRLEN that data ends
 * with a zero byte. As an output: VIEW, always with a zero byte at data[length], never NULL. */
typedef struct ctvk_text {
    /* UTF-8. */
    const char *data;
    /* In bytes, without the zero byte. */
    uint64_t length;
} ctvk_text;
/* As a length: up to the zero byte. */
#define CTVK_STRLEN UINT64_MAX
#define CTVK_TEXT_INIT \
    {                  \
        NULL, 0        \
    }

/* Precision of a run. AUTO takes what keeps the published numbers: F32. F16 stores the network's finest skip connection in 16
 * bits a number, as deviations from a channel's mean, on every device, and takes little more than half the device memory; all else, sums
 * and logits too, is float32 as before. Logits within 2e-4 of the published code's (relative L2). */
typedef int32_t ctvk_precision;
enum { CTVK_PRECISION_AUTO = 0, CTVK_PRECISION_F32 = 1, CTVK_PRECISION_F16 = 2 };

/* Called with one UTF-8 line without newline. [any thread]; must return; must not call ctvk. */
typedef void (*ctvk_log_fn)(void *user, ctvk_log_level level, const char *message);

/* fraction in [0, 1], stage a short English word such as "encode"; VIEW for the call.
 * Non-zero return cancels within one submission. Called on the thread that runs the job. */
typedef int32_t (*ctvk_progress_fn)(void *user, double fraction, const char *stage);

/* Host allocator: alloc returns 16-byte aligned memory or NULL. [any thread]. Both set or both NULL. Every allocation of the library goes
 * through it, that of zlib included; of niftilib only functions that allocate nothing are used. Past it goes what the Vulkan loader and
 * the driver take for themselves, and what cJSON takes, the one parser of JSON: its hooks are one pair for the whole process, which a host
 * may use itself, so the library never sets them. cJSON is called where a bundle is opened (its manifest: at most 1 MiB and 8192 values)
 * and where a safetensors file is (its header: at most 64 MiB and 1.6 million values); it takes some 80 bytes for each value beside the
 * texts, has given all of it back before the call returns, and where it gets none the call is CTVK_ERROR_HOST_MEMORY. A host that wants
 * these too sets cJSON's hooks itself (cJSON_InitHooks), before it creates a context: the library shares libcjson with it. */
typedef void *(*ctvk_alloc_fn)(void *user, size_t bytes);
/* Takes back what ctvk_alloc_fn gave; memory is never NULL. [any thread] */
typedef void (*ctvk_free_fn)(void *user, void *memory);

#ifdef __cplusplus
}
#endif
#endif
