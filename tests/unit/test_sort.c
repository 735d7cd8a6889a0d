/* core/sort: every size and many shapes of array against the C library's qsort. */
#include "core/sort.h"

#include "support/check.h"

#include <stdint.h>

enum { MOST = 300 };

typedef struct wide {
    int32_t key;
    uint8_t rest[97]; /* larger than what is swapped at once, and odd */
} wide;

static int by_value(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint32_t next(void)
{
    static uint32_t state = 7;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* shape: random, few different values, rising, falling, all equal */
static int32_t value_at(int shape, int i, int count)
{
    const int32_t values[] = {(int32_t)next() - (1 << 23), (int32_t)(next() % 5), i, count - i, 42};
    return values[shape];
}

int main(void)
{
    static int32_t got[MOST], wanted[MOST];
    static wide wides[MOST];
    for (int shape = 0; shape < 5; shape++)
        for (int count = 0; count < MOST; count += count < 20 ? 1 : 23) {
            for (int i = 0; i < count; i++) {
                got[i] = wanted[i] = wides[i].key = value_at(shape, i, count);
                memset(wides[i].rest, wides[i].key & 0xff, sizeof wides[i].rest);
            }
            qsort(wanted, (size_t)count, sizeof *wanted, by_value);
            ctvk_sort(got, (size_t)count, sizeof *got, by_value);
            ctvk_sort(wides, (size_t)count, sizeof *wides, by_value);
            CHECK_MSG(memcmp(got, wanted, sizeof *got * (size_t)count) == 0, "shape %d, %d elements", shape, count);
            int whole = 1;
            for (int i = 0; i < count; i++)
                for (size_t k = 0; k < sizeof wides[i].rest; k++)
                    whole &= wides[i].key == wanted[i] && wides[i].rest[k] == (wanted[i] & 0xff);
            CHECK_MSG(whole, "shape %d, %d wide elements", shape, count);
        }
    return check_done("sort");
}
