/* The progress as Slicer reads it: lines of XML on stdout or, inside of its process, members of a struct. */
#include "slicer/cli/module.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_begin(cli_progress *progress, int32_t quiet)
{
    memset(progress, 0, sizeof *progress);
    progress->quiet = quiet;
    progress->begin = now();
    progress->to = 1;
    progress->tenth = -1;
}

static void tell_shared(slicer_shared *shared, double fraction, const char *stage, double seconds)
{
    shared->progress = shared->stage_progress = (float)fraction;
    shared->elapsed = seconds;
    snprintf(shared->message, sizeof shared->message, "%s", stage);
    if (shared->changed)
        shared->changed(shared->data);
}

static void flush(void)
{
    if (fflush(stdout) != 0)
        slicer_now.stdout_broken = 1;
}

int32_t cli_progress_report(void *user, double fraction, const char *stage)
{
    cli_progress *progress = user;
    double time = now();
    fraction = cli_progress_whole(progress, fraction);
    /* One line in a hundredth of the way or a second is enough for a bar, and a stage is told when it begins. */
    int32_t step = (int32_t)(fraction * 100 + 1e-9);
    if (slicer_now.shared) {
        tell_shared(slicer_now.shared, fraction, stage, time - progress->begin);
        return cli_interrupted();
    }
    if (!progress->drawn)
        printf("<filter-start>\n<filter-name>ctvk</filter-name>\n<filter-comment>%s</filter-comment>\n</filter-start>\n", stage);
    if (progress->drawn && step <= progress->tenth && time - progress->last < 1)
        return cli_interrupted() || slicer_now.stdout_broken;
    progress->drawn = 1;
    progress->tenth = step;
    progress->last = time;
    printf("<filter-comment>%s</filter-comment>\n<filter-progress>%.4f</filter-progress>\n", stage, fraction);
    flush();
    return cli_interrupted() || slicer_now.stdout_broken;
}

void cli_progress_end(cli_progress *progress)
{
    if (!progress->drawn)
        return;
    progress->drawn = 0;
    printf("<filter-end>\n<filter-name>ctvk</filter-name>\n<filter-time>%.3f</filter-time>\n</filter-end>\n", now() - progress->begin);
    flush();
}
