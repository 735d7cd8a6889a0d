/* selftest/watch.h - counts how often a self-test asks whether to go on, and stops it there. */
#ifndef CTVK_TESTS_SELFTEST_WATCH_H
#define CTVK_TESTS_SELFTEST_WATCH_H

#include <stdint.h>

typedef struct watch {
    int calls, stop_at; /* 0: never */
} watch;

static inline int32_t look(void *user, double work_done)
{
    watch *w = user;
    (void)work_done;
    return ++w->calls == w->stop_at;
}

#endif
