/* support/golden.h - the golden cases that are there: the repository's own and those of ../shared/golden. */
#ifndef CTVK_TESTS_GOLDEN_H
#define CTVK_TESTS_GOLDEN_H

typedef struct golden_case {
    char name[64];
    char folder[512]; /* image, text_embedding, expected files */
    char bundle[512]; /* manifest and weights: the folder itself, or a copy with seeded weights under CTVK_TEST_TMP */
} golden_case;

/* CTVK_TEST_DATA/golden (weights made by the seeded generator) and CTVK_GOLDEN, where set and there; says on stdout which were found.
 * Returns how many; -1, with a line on stderr, where the repository's own are missing, a folder that was named has none, or weights
 * cannot be made: a test must not pass with fewer cases than there are. */
int golden_cases(golden_case *cases, int room);

#endif
