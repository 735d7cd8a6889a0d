/* core/trace.h - what was done and how long it took, for a host that wants to know (ctvk/draft/trace.h). Without one every call here costs
 * a comparison. Nothing that comes from a prompt, a path or an image goes into an event. [any thread] */
#ifndef CTVK_CORE_TRACE_H
#define CTVK_CORE_TRACE_H

#include "core/clock.h"
#include "core/host.h"

/* Fills struct_size and hands the event on. name: a literal or a shader's name; detail: NULL or text of the library's own. */
void ctvk_trace(const ctvk_host *host, const ctvk_trace_event *event, const char *name, const char *detail);
/* A stage that is over now and began at `begin`; number: -1 or which. */
void ctvk_trace_stage(const ctvk_host *host, const char *name, int64_t number, double begin);

#endif
