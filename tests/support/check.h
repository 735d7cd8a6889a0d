/* support/check.h - the smallest test frame: one executable per file, one line per failed check, exit 1 if any failed. */
#ifndef CTVK_TESTS_CHECK_H
#define CTVK_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed;
static long check_count;

#define CHECK(condition)                                                            \
    do {                                                                            \
        check_count++;                                                              \
        if (!(condition)) {                                                         \
            check_failed++;                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                           \
    } while (0)

#define CHECK_MSG(condition, ...)                                                   \
    do {                                                                            \
        check_count++;                                                              \
        if (!(condition)) {                                                         \
            check_failed++;                                                         \
            fprintf(stderr, "%s:%d: failed: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                           \
            fputc('\n', stderr);                                                    \
        }                                                                           \
    } while (0)

/* No check at all counts as a failure. */
static inline int check_done(const char *name)
{
    printf("%s: %ld checks, %d failed\n", name, check_count, check_failed);
    return check_failed || check_count == 0 ? 1 : 0;
}

#endif
