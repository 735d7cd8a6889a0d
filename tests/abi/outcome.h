/* abi/outcome.h - everything of a result, kept to be compared to the bit. */
#ifndef CTVK_TESTS_ABI_OUTCOME_H
#define CTVK_TESTS_ABI_OUTCOME_H

#include "abi/host.h"

typedef struct abi_outcome {
    uint8_t *labels;
    float *probability, *logits;
    size_t voxels, logit_count, classes;
} abi_outcome;

static inline abi_outcome abi_keep(const abi_host *h, ctvk_result *result)
{
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    abi_outcome o = {0};
    REQUIRE(h->results->info(result, &info) == CTVK_OK && h->results->probability(result) && h->results->logits(result));
    o.classes = info.classes;
    o.voxels = abi_voxels(&h->volume);
    o.logit_count = (size_t)(info.logits_dim[0] * info.logits_dim[1] * info.logits_dim[2]) * o.classes;
    o.labels = malloc(o.voxels);
    o.probability = malloc(o.voxels * o.classes * sizeof(float));
    o.logits = malloc(o.logit_count * sizeof(float));
    REQUIRE(o.labels && o.probability && o.logits);
    memcpy(o.labels, h->results->labels(result), o.voxels);
    memcpy(o.probability, h->results->probability(result), o.voxels * o.classes * sizeof(float));
    memcpy(o.logits, h->results->logits(result), o.logit_count * sizeof(float));
    return o;
}

static inline void abi_forget(abi_outcome *o)
{
    free(o->labels);
    free(o->probability);
    free(o->logits);
}

static inline int abi_same(const abi_outcome *a, const abi_outcome *b)
{
    return a->voxels == b->voxels && a->logit_count == b->logit_count && memcmp(a->labels, b->labels, a->voxels) == 0 &&
           memcmp(a->probability, b->probability, a->voxels * a->classes * sizeof(float)) == 0 &&
           memcmp(a->logits, b->logits, a->logit_count * sizeof(float)) == 0;
}

#endif
