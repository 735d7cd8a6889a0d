/* ctvk/draft/trace.h - interface "ctvk.trace": where the time goes. A draft: it may change until it leaves this folder.
 *
 * The library's own stages, its compilations and transfers, and what the device did, one event when each is over. Times are seconds of one
 * clock for all of them (CLOCK_MONOTONIC). Names and details are words, shapes and variants of the library's own: never a path, a prompt,
 * or anything that an image's header holds.
 *
 * Device times are the queue's timestamps, moved onto the host's clock so that no submission begins before it was handed over or ends after
 * its end was seen; without a context's trace no timestamp is ever written. Operations follow each other without a gap: one ends where the
 * next begins.
 */
#ifndef CTVK_DRAFT_TRACE_H
#define CTVK_DRAFT_TRACE_H

#include "ctvk/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_TRACE_NAME "ctvk.trace"
#define CTVK_TRACE_VERSION 1

/* What an event tells of. */
typedef int32_t ctvk_trace_kind;
enum {
    CTVK_TRACE_STAGE = 1,    /* of a job, or a piece of one; inside of each other */
    CTVK_TRACE_COMPILE = 2,  /* a pipeline was made; name: the shader. Drivers may compile at its first dispatch instead. Several at a time:
                              * number: the thread, 0 for the host's own */
    CTVK_TRACE_TRANSFER = 3, /* the host copied to or from device memory */
    CTVK_TRACE_SUBMISSION = 4, /* a command buffer, from its first timestamp to its last */
    CTVK_TRACE_PART = 5,       /* one operation inside of one submission; number: the operation's */
    CTVK_TRACE_OPERATION = 6   /* a whole operation, which may go over several submissions */
};

/* One thing that was done. Texts are VIEW for the call. */
typedef struct ctvk_trace_event {
    uint32_t struct_size;
    ctvk_trace_kind kind; /* one of CTVK_TRACE_* */
    int64_t number;       /* window, submission, operation or thread, each from 0; -1: none */
    double begin, end;    /* seconds */
    double busy;          /* operations: seconds of the device, the sum of their parts; 0: the queue has no timestamps */
    double flop;          /* operations: additions and multiplications of the plain algorithm, whatever variant computed it; 0: none */
    double bytes;         /* operations: every operand once, read or written; transfers: what was copied */
    ctvk_text name;       /* "preprocess", "conv3d", ... */
    ctvk_text detail;     /* shapes, variants; may be empty */
} ctvk_trace_event;

/* Called on the thread that does the work; must not call ctvk, and should be quick. */
typedef void (*ctvk_trace_fn)(void *user, const ctvk_trace_event *event);

typedef struct ctvk_trace_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* The context's events go to `trace` from now on; NULL: to nobody. Before the first call that needs a device (and before ctvk.vulkan's
     * use_device): CTVK_ERROR_ARGUMENT afterwards, message on the context. user is BORROWED until the context is destroyed.
     * [one thread at a time] on the context */
    ctvk_status (*set)(ctvk_context *context, ctvk_trace_fn trace, void *user);
} ctvk_trace_api;

#ifdef __cplusplus
}
#endif
#endif
