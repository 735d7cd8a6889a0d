/* "ctvk.trace": a host gets the events of a run, from the first stage to the last, and none once it said so; too late is said. */
#include "abi/host.h"
#include "ctvk/draft/trace.h"

static const ctvk_trace_api *traces;

typedef struct seen {
    int kinds[CTVK_TRACE_OPERATION + 1];
    double stages[2], device[2]; /* first begin, last end */
    double windows, flop;
} seen;

static void widen(double span[2], const ctvk_trace_event *event)
{
    span[0] = span[0] == 0 || event->begin < span[0] ? event->begin : span[0];
    span[1] = event->end > span[1] ? event->end : span[1];
}

static void on_event(void *user, const ctvk_trace_event *event)
{
    seen *s = user;
    CHECK(event->struct_size == sizeof *event && event->kind >= CTVK_TRACE_STAGE && event->kind <= CTVK_TRACE_OPERATION);
    CHECK(event->begin > 0 && event->end >= event->begin && event->name.length == strlen(event->name.data) && event->name.length > 0);
    CHECK(event->detail.data && event->detail.data[event->detail.length] == 0);
    s->kinds[event->kind]++;
    s->flop += event->kind == CTVK_TRACE_OPERATION ? event->flop : 0;
    if (event->kind == CTVK_TRACE_STAGE)
        widen(s->stages, event);
    if (event->kind == CTVK_TRACE_SUBMISSION)
        widen(s->device, event);
    if (event->kind == CTVK_TRACE_STAGE && strcmp(event->name.data, "windows") == 0)
        s->windows += event->end - event->begin;
}

static void test_run(void)
{
    abi_host h;
    seen s = {{0}, {0}, {0}, 0, 0};
    ctvk_text message;
    abi_open(&h, NULL, "one-window");
    REQUIRE(traces->set(h.context, on_event, &s) == CTVK_OK);
    ctvk_result *result = abi_run(&h, NULL, NULL);
    CHECK(s.kinds[CTVK_TRACE_STAGE] >= 6 && s.kinds[CTVK_TRACE_COMPILE] > 5 && s.kinds[CTVK_TRACE_TRANSFER] > 0);
    CHECK(s.kinds[CTVK_TRACE_SUBMISSION] > 0 && s.kinds[CTVK_TRACE_PART] >= s.kinds[CTVK_TRACE_OPERATION] && s.flop > 1e6);
    CHECK(s.windows > 0 && s.device[0] > s.stages[0] && s.device[1] < s.stages[1]);
    CHECK(traces->set(h.context, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    h.contexts->last_error(h.context, &message);
    CHECK_MSG(abi_well_formed(&message), "%s", message.data);
    CHECK(traces->set(NULL, on_event, &s) == CTVK_ERROR_ARGUMENT);
    h.results->destroy(result);
    abi_close(&h);
}

static void test_taken_back(void)
{
    abi_host h;
    seen s = {{0}, {0}, {0}, 0, 0};
    abi_open(&h, NULL, "one-window");
    REQUIRE(traces->set(h.context, on_event, &s) == CTVK_OK && traces->set(h.context, NULL, NULL) == CTVK_OK);
    h.results->destroy(abi_run(&h, NULL, NULL));
    for (int i = 0; i <= CTVK_TRACE_OPERATION; i++)
        CHECK(s.kinds[i] == 0);
    abi_close(&h);
}

int main(void)
{
    traces = ctvk_interface(CTVK_TRACE_NAME, CTVK_TRACE_VERSION);
    REQUIRE(traces && traces->struct_size == sizeof *traces && !ctvk_interface(CTVK_TRACE_NAME, CTVK_TRACE_VERSION + 1));
    test_run();
    test_taken_back();
    return check_done("trace");
}
