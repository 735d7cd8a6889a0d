/* fuzz/fuzz.h - one entry point per format, driven by libFuzzer or, over the committed corpus, by replay.c. */
#ifndef CTVK_TESTS_FUZZ_H
#define CTVK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays in builds without assertions, and is what the fuzzer sees as a crash. */
#define EXPECT(condition)                                                                  \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* A refusal carries its own status and one line of the form WHAT: WHY (WHAT TO DO). */
#define EXPECT_REFUSAL(result, fault)                                                                     \
    EXPECT((result) == (fault).status && strstr((fault).message, ": ") && strchr((fault).message, '(') && \
           !strpbrk((fault).message, "\r\n\t"))

#endif
