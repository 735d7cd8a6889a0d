/* core/clock.h - seconds of a clock that never goes back. */
#ifndef CTVK_CORE_CLOCK_H
#define CTVK_CORE_CLOCK_H

/* Of CLOCK_MONOTONIC, from its own beginning. [any thread] */
double ctvk_now(void);

#endif
