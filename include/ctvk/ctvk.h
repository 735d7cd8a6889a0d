/* ctvk/ctvk.h - the one symbol of libctvk.so.1 and everything that is reached through it.
 *
 * Calling order:
 *   const ctvk_context_api *contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
 *   ... the same for bundles, jobs, results (and images, where volumes lie in NIfTI files)
 *   context -> bundle -> job (bundle, volume, options) -> run or step -> result;
 *   a prompt that the bundle does not know is encoded first: text model, text job -> run or step.
 *   A host that computes on a Vulkan device of its own hands it to the context first (ctvk.vulkan).
 *
 * Rules that hold everywhere:
 *   - Every struct that a host fills begins with struct_size; the *_INIT macro sets it and zeroes the rest. Zeroed means the default; a
 *     struct that is zero throughout is one with every default. The library reads, and writes, only what struct_size covers; a size
 *     below that of the first release, and members set beside a size of 0, are CTVK_ERROR_ARGUMENT.
 *   - Tables only grow at their end; `struct_size` of a table says how far it goes.
 *   - A failing call leaves a message "WHAT: WHY (WHAT TO DO)" on the handle that it was called on (for open and create: on the
 *     context): last_error. Output pointers are set to NULL on failure. destroy accepts NULL.
 *   - A context outlives all that was made from it, a bundle outlives its jobs. A result stands alone: it only needs its context.
 *   - A function whose comment, or whose file's, names no threads is [one thread at a time] on the handle that it is called on, and on none
 *     other: destroy and last_error are such.
 *   - The library prints nothing, ends nothing, and changes neither environment, locale, signal handlers nor working folder.
 */
#ifndef CTVK_CTVK_H
#define CTVK_CTVK_H

#include "ctvk/bundle.h"
#include "ctvk/context.h"
#include "ctvk/evaluation.h"
#include "ctvk/image.h"
#include "ctvk/job.h"
#include "ctvk/plugin.h"
#include "ctvk/result.h"
#include "ctvk/selftest.h"
#include "ctvk/text.h"
#include "ctvk/types.h"
#include "ctvk/volume.h"
#include "ctvk/vulkan.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CTVK_EXPORT __attribute__((visibility("default")))
#else
#define CTVK_EXPORT
#endif

/* The table of an interface, valid as long as the library is loaded; NULL where this library has no such name or version.
 * name: zero-terminated. [any thread] */
CTVK_EXPORT const void *ctvk_interface(const char *name, uint32_t version);

#ifdef __cplusplus
}
#endif
#endif
