/* CTVK_TRACE=FILE: the library's events, and the command's own reading and writing, as a Chrome trace (the Trace Event Format's JSON
 * object), which Perfetto and chrome://tracing show. Microseconds; lines: what the host does, the device's submissions, its operations;
 * one for each thread that compiled meanwhile, and one for the image, which is read beside all that. */
#include "cli.h"

#include "ctvk/draft/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_HOST = 1, LINE_SUBMISSIONS = 2, LINE_OPERATIONS = 3, LINE_IMAGE = 1000 };

static FILE *trace_file; /* NULL: nobody asked for one. One run of a command in a process at a time */

double cli_trace_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* With three digits behind a point, whatever the locale's decimal sign. */
static void print_number(const char *name, double value)
{
    long long thousandths = llround(value * 1000);
    fprintf(trace_file, "\"%s\":%lld.%03lld", name, thousandths / 1000, thousandths % 1000);
}

static void print_arguments(const ctvk_trace_event *e)
{
    fprintf(trace_file, ",\"args\":{\"number\":%lld", (long long)e->number);
    if (e->detail.length) {
        fputs(",\"detail\":", trace_file);
        cli_json_string(trace_file, e->detail.data, e->detail.length);
    }
    if (e->flop > 0)
        fprintf(trace_file, ",\"flop\":%.0f", e->flop);
    if (e->bytes > 0)
        fprintf(trace_file, ",\"bytes\":%.0f", e->bytes);
    if (e->kind == CTVK_TRACE_OPERATION && e->busy > 0) {
        fputc(',', trace_file);
        print_number("busy_us", e->busy * 1e6);
        fputc(',', trace_file);
        print_number("gflop_per_s", e->flop / e->busy * 1e-9);
        fputc(',', trace_file);
        print_number("gbyte_per_s", e->bytes / e->busy * 1e-9);
    }
    fputs("}}", trace_file);
}

static void write_event(const ctvk_trace_event *e, int line)
{
    static const char *const kinds[] = {"", "stage", "compile", "transfer", "submission", "part", "operation"};
    flockfile(trace_file);
    fputs(",\n{\"name\":", trace_file);
    cli_json_string(trace_file, e->name.data, e->name.length);
    fprintf(trace_file, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%d,", kinds[e->kind], line);
    print_number("ts", e->begin * 1e6);
    fputc(',', trace_file);
    print_number("dur", (e->end - e->begin) * 1e6);
    print_arguments(e);
    funlockfile(trace_file);
}

/* A ctvk_trace_fn, from each thread that works. */
static void on_event(void *user, const ctvk_trace_event *e)
{
    (void)user;
    if (!trace_file || e->kind < CTVK_TRACE_STAGE || e->kind > CTVK_TRACE_OPERATION)
        return;
    int line = e->kind == CTVK_TRACE_OPERATION ? LINE_OPERATIONS : e->kind >= CTVK_TRACE_SUBMISSION ? LINE_SUBMISSIONS : LINE_HOST;
    if (e->kind == CTVK_TRACE_COMPILE && e->number > 0) /* beside each other */
        line = LINE_OPERATIONS + (int)e->number;
    write_event(e, line);
}

static void stage(const char *name, double begin, int line)
{
    ctvk_trace_event event = {.kind = CTVK_TRACE_STAGE, .number = -1, .begin = begin, .end = cli_trace_now()};
    event.name = cli_text(name);
    if (trace_file)
        write_event(&event, line);
}

void cli_trace_stage(const char *name, double begin)
{
    stage(name, begin, LINE_HOST);
}

void cli_trace_image(double begin)
{
    stage("read", begin, LINE_IMAGE);
}

int cli_trace_open(ctvk_context *context)
{
    static const char *const lines[] = {"host", "device: submissions", "device: operations", "image"};
    const char *path = getenv("CTVK_TRACE");
    const ctvk_trace_api *traces = ctvk_interface(CTVK_TRACE_NAME, CTVK_TRACE_VERSION);
    if (!path || !*path)
        return CLI_OK;
    if (!traces)
        return cli_fail(CLI_FAILED, "CTVK_TRACE: libctvk.so.1 has no traces (install both from one release, or unset it)");
    trace_file = fopen(path, "wxe"); /* never over a file that is there: it might be the image */
    if (!trace_file)
        return cli_fail(CLI_INPUT, "CTVK_TRACE: %s (name a new file in a folder that is there)", strerror(errno));
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", trace_file);
    fprintf(trace_file, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,\"args\":{\"name\":\"ctvk\"}}");
    for (int i = 0; i < 4; i++)
        fprintf(trace_file, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"%s\"}}",
                i < 3 ? i + 1 : LINE_IMAGE, lines[i]);
    traces->set(context, on_event, NULL);
    return CLI_OK;
}

void cli_trace_close(void)
{
    if (!trace_file)
        return;
    fputs("\n]}\n", trace_file);
    int failed = ferror(trace_file);
    if (fclose(trace_file) != 0 || failed)
        cli_warn("CTVK_TRACE: the trace is not whole (check the disk)");
    trace_file = NULL;
}
