#include "api/api.h"

static ctvk_status trace_set(ctvk_context *context, ctvk_trace_fn trace, void *user)
{
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    ctvk_status status = CTVK_OK;
    pthread_mutex_lock(&context->lock);
    if (context->instance)
        status = ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT,
                           "trace: the context has devices already (set it before any call that needs one)");
    else
        context->host.trace = trace, context->host.trace_user = user;
    pthread_mutex_unlock(&context->lock);
    return status;
}

const ctvk_trace_api ctvk_trace_table = {
    .struct_size = sizeof(ctvk_trace_api),
    .set = trace_set,
};
