/* ref/scratch.h - memory of the references of whole networks: they take none themselves, because the library's comes from its host. */
#ifndef CTVK_REF_SCRATCH_H
#define CTVK_REF_SCRATCH_H

#include <stddef.h>

/* A stack of doubles. What a reference needs its header says; less room is the caller's mistake. */
typedef struct ref_scratch {
    double *numbers;
    size_t used;
} ref_scratch;

static inline double *ref_take(ref_scratch *scratch, size_t count)
{
    double *taken = scratch->numbers + scratch->used;
    scratch->used += count;
    return taken;
}

#endif
