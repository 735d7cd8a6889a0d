#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 30 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_begin(cli_progress *progress, int32_t quiet)
{
    const char *kind = getenv("TERM");
    memset(progress, 0, sizeof *progress);
    progress->quiet = quiet;
    progress->terminal = isatty(STDERR_FILENO) && !(kind && strcmp(kind, "dumb") == 0);
    progress->begin = now();
    progress->to = 1;
    progress->tenth = -1;
}

static void draw(cli_progress *progress, double fraction, const char *stage, double time)
{
    char bar[BAR + 1], left[32] = "";
    double elapsed = time - progress->begin;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < fraction * BAR ? '#' : '.';
    bar[BAR] = 0;
    /* Before that the estimate is no better than a guess. */
    if (fraction > 0.06 && elapsed > 1) {
        int seconds = (int)(elapsed * (1 - fraction) / fraction + 0.5);
        snprintf(left, sizeof left, ", %d:%02d left", seconds / 60, seconds % 60);
    }
    fprintf(stderr, "\r[%s] %3.0f %% %s%s\033[K", bar, fraction * 100, stage, left);
    fflush(stderr);
    progress->drawn = 1;
}

int32_t cli_progress_report(void *user, double fraction, const char *stage)
{
    cli_progress *progress = user;
    double time = now();
    fraction = cli_progress_whole(progress, fraction);
    if (!progress->quiet && progress->terminal && (time - progress->last > 0.1 || !progress->drawn)) {
        progress->last = time;
        draw(progress, fraction, stage, time);
    } else if (!progress->quiet && !progress->terminal && (int32_t)(fraction * 10 + 1e-9) > progress->tenth) {
        progress->tenth = (int32_t)(fraction * 10 + 1e-9);
        fprintf(stderr, "ctvk: progress: %3d %% %s\n", progress->tenth * 10, stage);
    }
    return cli_interrupted();
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->drawn)
        fprintf(stderr, "\r\033[K");
    progress->drawn = 0;
}
