/* The device's side of a trace: submissions, parts and operations that meet, on the host's clock; the same without timestamps; nothing
 * where nobody listens. */
#include "core/trace.h"
#include "support/gpu_probe.h"

enum { MOST = 4096, OPERATIONS = 300 /* more than one submission has places for */ };

typedef struct seen {
    ctvk_trace_event events[MOST];
    char detail[MOST][32], name[MOST][32];
    int count;
} seen;

static seen told;

#define CHECK_OK(call) CHECK((call) == CTVK_OK)

static void on_event(void *user, const ctvk_trace_event *event)
{
    seen *s = user;
    CHECK(event->struct_size == sizeof *event && event->end >= event->begin && s->count < MOST);
    if (s->count == MOST)
        return;
    snprintf(s->detail[s->count], sizeof s->detail[0], "%s", event->detail.data);
    snprintf(s->name[s->count], sizeof s->name[0], "%s", event->name.data);
    s->events[s->count++] = *event;
}

static ctvk_gpu *open_traced(uint32_t disable)
{
    ctvk_gpu *gpu = open_gpu(disable);
    gpu->host.trace = on_event;
    gpu->host.trace_user = &told;
    ctvk_gpu_trace_open(gpu);
    told.count = 0;
    return gpu;
}

static int count_of(ctvk_trace_kind kind)
{
    int count = 0;
    for (int i = 0; i < told.count; i++)
        count += told.events[i].kind == kind;
    return count;
}

/* One command: every operation has one or two dispatches, some of which begin a new submission. Returns seconds of the host's clock: begin,
 * end. */
static void run_operations(ctvk_gpu *gpu, double at[2])
{
    static probe p;
    ctvk_gpu_cmd *cmd = NULL;
    CHECK_OK(probe_open(&p, gpu, NULL));
    told.count = 0;
    at[0] = ctvk_now();
    CHECK_OK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL));
    for (int i = 0; i < OPERATIONS; i++) {
        ctvk_gpu_cmd_operation(cmd, "gpu_probe", i + 1, 2 * i, "number %d", i);
        for (int k = 0; k <= (i % 16 == 0); k++)
            CHECK_OK(probe_dispatch(&p, cmd, 3, i % 48 == 0 ? gpu->budget : 1, 0, NULL));
    }
    CHECK_OK(ctvk_gpu_cmd_finish(cmd, NULL));
    ctvk_gpu_cmd_destroy(&cmd);
    at[1] = ctvk_now();
    probe_close(&p);
}

/* Each operation once, in order, with what it was named. */
static void check_operations(int timed)
{
    int at = 0;
    for (int i = 0; i < told.count; i++) {
        const ctvk_trace_event *e = &told.events[i];
        char wanted[32];
        if (e->kind != CTVK_TRACE_OPERATION)
            continue;
        snprintf(wanted, sizeof wanted, "number %d", at);
        CHECK_MSG(strcmp(told.name[i], "gpu_probe") == 0 && strcmp(told.detail[i], wanted) == 0, "%s, %s", told.detail[i], wanted);
        CHECK(e->flop == at + 1 && e->bytes == 2 * at && timed == (e->busy > 0));
        at++;
    }
    CHECK_MSG(at == OPERATIONS, "%d operations", at);
}

/* Parts follow each other without a gap from the beginning of their submission to its end, submissions do not overlap, and an operation is
 * the sum of its parts. */
static void check_times(const double at[2])
{
    double last = at[0], begin = -1, sum = 0;
    const ctvk_trace_event *operation = NULL;
    for (int i = 0; i < told.count; i++) {
        const ctvk_trace_event *e = &told.events[i];
        if (e->kind == CTVK_TRACE_PART) {
            begin = begin < 0 ? e->begin : begin;
            CHECK(e->begin >= last && (begin == e->begin || e->begin == last));
            last = e->end;
            sum += e->busy;
        } else if (e->kind == CTVK_TRACE_SUBMISSION) {
            CHECK(e->begin == begin && e->end == last);
            begin = -1;
        } else if (e->kind == CTVK_TRACE_OPERATION) {
            CHECK(!operation || e->begin >= operation->end);
            operation = e;
            sum -= e->busy;
        }
    }
    CHECK_MSG(last <= at[1], "the device ends %g s after the host", last - at[1]);
    CHECK_MSG(sum < 1e-9 && sum > -1e-9, "operations and their parts differ by %g s", sum);
}

static void test_timed(void)
{
    double at[2];
    ctvk_gpu *gpu = open_traced(0);
    CHECK_MSG(gpu->trace.mask != 0 && gpu->trace.period > 0, "this driver has no timestamps");
    run_operations(gpu, at);
    check_operations(1);
    check_times(at);
    CHECK_MSG(count_of(CTVK_TRACE_SUBMISSION) >= OPERATIONS / 256 + OPERATIONS / 48, "%d submissions", count_of(CTVK_TRACE_SUBMISSION));
    CHECK(count_of(CTVK_TRACE_PART) > OPERATIONS);
    ctvk_gpu_destroy(&gpu);
}

static void test_untimed(void)
{
    double at[2];
    ctvk_gpu *gpu = open_traced(CTVK_GPU_NO_TIMESTAMPS);
    run_operations(gpu, at);
    check_operations(0);
    CHECK(count_of(CTVK_TRACE_PART) == 0 && count_of(CTVK_TRACE_SUBMISSION) > 2);
    for (int i = 0; i < told.count; i++)
        CHECK(told.events[i].begin >= at[0] && told.events[i].end <= at[1]);
    ctvk_gpu_destroy(&gpu);
}

/* Nobody listens: no timestamp, no place for one. */
static void test_silent(void)
{
    double at[2];
    ctvk_gpu *gpu = open_gpu(0);
    ctvk_gpu_slot *slot = NULL;
    run_operations(gpu, at);
    CHECK(told.count == 0 && gpu->trace.mask == 0 && gpu->trace.submissions == 0);
    CHECK(ctvk_gpu_slot_take(gpu, &slot, NULL) == CTVK_OK && slot && !slot->stamps);
    if (slot)
        ctvk_gpu_slot_give(gpu, slot);
    ctvk_gpu_destroy(&gpu);
}

/* A dispatch that belongs to no operation, or to another one's, is counted; gpu_done then fails a test. */
static void test_forgotten(void)
{
    static const char *const others[] = {NULL, "gp", "gpus", "conv3d"};
    static probe p;
    ctvk_gpu *gpu = open_gpu(0);
    CHECK_OK(probe_open(&p, gpu, NULL));
    CHECK(atomic_load(&gpu->instance->misnamed) == 0);
    for (unsigned i = 0; i < 4; i++) {
        ctvk_gpu_cmd *cmd = NULL;
        CHECK_OK(ctvk_gpu_cmd_begin(gpu, NULL, NULL, &cmd, NULL));
        if (others[i])
            ctvk_gpu_cmd_operation(cmd, others[i], 0, 0, "%u", i);
        CHECK_OK(probe_dispatch(&p, cmd, 3, 1, 0, NULL));
        CHECK_OK(ctvk_gpu_cmd_finish(cmd, NULL));
        ctvk_gpu_cmd_destroy(&cmd);
        CHECK(atomic_load(&gpu->instance->misnamed) == i + 1);
    }
    atomic_store(&gpu->instance->misnamed, 0);
    probe_close(&p);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_forgotten();
    test_timed();
    test_untimed();
    test_silent();
    return gpu_done("gpu trace");
}
