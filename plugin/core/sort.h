/* core/sort.h - sorting without memory of its own: the C library's qsort may allocate past the host's allocator. */
#ifndef CTVK_CORE_SORT_H
#define CTVK_CORE_SORT_H

#include <stddef.h>

/* As qsort: count elements of size bytes at base, by order. Not stable. Heapsort (Williams 1964): n log n in the worst case too, which a
 * hostile file may be. */
void ctvk_sort(void *base, size_t count, size_t size, int (*order)(const void *, const void *));

#endif
