/* support/plan_case.h - what must hold of every placed graph (nets/graph.h). */
#ifndef CTVK_TESTS_PLAN_CASE_H
#define CTVK_TESTS_PLAN_CASE_H

#include "nets/graph.h"
#include "support/check.h"

/* Bytes of the values that are alive at a node; of some that lie over each other the largest alone. */
static inline uint64_t plan_alive(const ctvk_graph *g, int32_t node)
{
    uint64_t most[CTVK_GRAPH_VALUES] = {0}, sum = 0;
    for (int32_t i = 0; i < g->values; i++) {
        const ctvk_value *value = &g->value[i];
        uint64_t *of = &most[value->over < 0 ? i : value->over];
        *of = value->first <= node && node <= value->last && value->bytes > *of ? value->bytes : *of;
    }
    for (int32_t i = 0; i < g->values; i++)
        sum += most[i];
    return sum;
}

/* Most bytes that are alive at once: no plan can do with less. */
static inline uint64_t plan_least(const ctvk_graph *g)
{
    uint64_t least = 0;
    for (int32_t node = -1; node <= g->nodes; node++)
        least = plan_alive(g, node) > least ? plan_alive(g, node) : least;
    return least;
}

/* Lives by hand, from the nodes alone: no two values that live together share a byte, but those that were put over each other, none lies
 * across two allocations, all are aligned and inside of what is allocated. Returns how many pairs share a place at different times. */
static inline int plan_check(const ctvk_graph *g, uint64_t max_allocation, const char *what)
{
    int overlaps = 0, across = 0, outside = 0, shared = 0, dead = 0;
    for (int32_t i = 0; i < g->values; i++) {
        const ctvk_value *a = &g->value[i];
        const int32_t head = a->over < 0 ? i : a->over;
        uint64_t chunk = a->offset / g->chunk, begin = a->offset % g->chunk;
        across += a->bytes && chunk != (a->offset + a->bytes - 1) / g->chunk;
        outside += a->offset % 256 || chunk >= (uint64_t)g->chunks || begin + a->bytes > g->chunk_bytes[chunk];
        outside += a->offset != g->value[head].offset + a->behind;
        for (int32_t k = 0; k < i; k++) {
            const ctvk_value *b = &g->value[k];
            int place = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            int life = a->first <= b->last && b->first <= a->last;
            if (head == (b->over < 0 ? k : b->over))
                continue;
            overlaps += place && life;
            shared += place && !life;
        }
    }
    for (int32_t n = 0; n < g->nodes; n++) {
        const ctvk_node *node = &g->node[n];
        const int32_t used[] = {node->in, node->in_b, node->stats, node->stats_b, node->out, node->scratch};
        for (int i = 0; i < 6; i++)
            dead += used[i] >= 0 && (g->value[used[i]].first > n || g->value[used[i]].last < n);
    }
    CHECK_MSG(overlaps == 0, "%s: %d pairs of values that live together overlap", what, overlaps);
    CHECK_MSG(across == 0, "%s: %d values lie across two allocations", what, across);
    CHECK_MSG(outside == 0, "%s: %d values are not aligned or not inside", what, outside);
    CHECK_MSG(dead == 0, "%s: %d values are used outside of their lives", what, dead);
    CHECK_MSG(g->chunk <= max_allocation, "%s: allocations of %llu bytes", what, (unsigned long long)g->chunk);
    for (int32_t i = 0; i < g->chunks; i++)
        CHECK_MSG(g->chunk_bytes[i] <= max_allocation, "%s: allocation %d has %llu bytes", what, i, (unsigned long long)g->chunk_bytes[i]);
    CHECK_MSG(ctvk_graph_arena_bytes(g) >= plan_least(g), "%s: less than what lives at once", what);
    return shared;
}

#endif
