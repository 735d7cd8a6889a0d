#include "core/trace.h"

#include <string.h>

static ctvk_text view(const char *text)
{
    return text ? (ctvk_text){text, strlen(text)} : (ctvk_text){"", 0};
}

void ctvk_trace(const ctvk_host *host, const ctvk_trace_event *event, const char *name, const char *detail)
{
    if (!host->trace)
        return;
    ctvk_trace_event e = *event;
    e.struct_size = sizeof e;
    e.name = view(name);
    e.detail = view(detail);
    host->trace(host->trace_user, &e);
}

void ctvk_trace_stage(const ctvk_host *host, const char *name, int64_t number, double begin)
{
    if (!host->trace)
        return;
    ctvk_trace_event event = {.kind = CTVK_TRACE_STAGE, .number = number, .begin = begin, .end = ctvk_now()};
    ctvk_trace(host, &event, name, NULL);
}
