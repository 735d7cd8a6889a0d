#include "core/sort.h"

#include <string.h>

static void swap(unsigned char *a, unsigned char *b, size_t size)
{
    unsigned char piece[64];
    for (size_t at = 0; at < size; at += sizeof piece) {
        size_t n = size - at < sizeof piece ? size - at : sizeof piece;
        memcpy(piece, a + at, n);
        memcpy(a + at, b + at, n);
        memcpy(b + at, piece, n);
    }
}

/* Element i sinks below all that are greater, among the first count. */
static void sink(unsigned char *base, size_t i, size_t count, size_t size, int (*order)(const void *, const void *))
{
    for (size_t child = 2 * i + 1; child < count; i = child, child = 2 * i + 1) {
        if (child + 1 < count && order(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (order(base + i * size, base + child * size) >= 0)
            return;
        swap(base + i * size, base + child * size, size);
    }
}

void ctvk_sort(void *base, size_t count, size_t size, int (*order)(const void *, const void *))
{
    unsigned char *bytes = base;
    for (size_t i = count / 2; i-- > 0;)
        sink(bytes, i, count, size, order);
    for (size_t last = count; last-- > 1;) {
        swap(bytes, bytes + last * size, size);
        sink(bytes, 0, last, size, order);
    }
}
