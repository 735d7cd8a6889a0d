#include "nets/graph.h"

#include "core/checked.h"

#define ALIGNMENT 256u /* ops/tensor.h: every offset is a multiple of this */

int32_t ctvk_graph_span(ctvk_graph *graph, uint64_t bytes)
{
    if (graph->values == CTVK_GRAPH_VALUES)
        return -1;
    graph->value[graph->values] = (ctvk_value){.bytes = ctvk_align_up(bytes, ALIGNMENT), .first = INT32_MAX, .last = -1};
    return graph->values++;
}

int32_t ctvk_graph_tensor(ctvk_graph *graph, int32_t c, int32_t x, int32_t y, int32_t z)
{
    int32_t id = ctvk_graph_span(graph, (uint64_t)c * (uint64_t)x * (uint64_t)y * (uint64_t)z * sizeof(float));
    if (id >= 0) {
        ctvk_value *value = &graph->value[id];
        value->c = c;
        value->x = x;
        value->y = y;
        value->z = z;
    }
    return id;
}

static void touch(ctvk_graph *graph, int32_t id, int32_t node)
{
    if (id < 0)
        return;
    ctvk_value *value = &graph->value[id];
    if (node < value->first)
        value->first = node;
    if (node > value->last)
        value->last = node;
}

ctvk_node *ctvk_graph_add(ctvk_graph *graph, const ctvk_node *node)
{
    if (graph->nodes == CTVK_GRAPH_NODES)
        return NULL;
    int32_t id = graph->nodes++;
    graph->node[id] = *node;
    const int32_t values[] = {node->in, node->in_b, node->stats, node->stats_b, node->out, node->scratch};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        touch(graph, values[i], id);
    graph->node[id].weight_offset = graph->weight_bytes;
    graph->weight_bytes += ctvk_align_up(node->weight_bytes, ALIGNMENT);
    return &graph->node[id];
}

void ctvk_graph_keep(ctvk_graph *graph, int32_t value)
{
    touch(graph, value, graph->nodes);
}

static int lives_overlap(const ctvk_value *a, const ctvk_value *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest address >= 0 where `value` collides with none of the placed ones and lies within one chunk. Every collision moves the
 * candidate past the colliding value, so the search ends after at most one move per placed value and chunk. */
static uint64_t lowest_place(const ctvk_graph *graph, const uint8_t *placed, const ctvk_value *value)
{
    uint64_t at = 0;
    for (int moved = 1; moved;) {
        moved = 0;
        if (at / graph->chunk != (at + value->bytes - 1) / graph->chunk) {
            at = (at / graph->chunk + 1) * graph->chunk;
            moved = 1;
        }
        for (int32_t i = 0; i < graph->values; i++) {
            const ctvk_value *other = &graph->value[i];
            if (placed[i] && lives_overlap(value, other) && at < other->offset + other->bytes && other->offset < at + value->bytes) {
                at = other->offset + other->bytes;
                moved = 1;
            }
        }
    }
    return at;
}

ctvk_status ctvk_graph_place(ctvk_graph *graph, uint64_t max_allocation, ctvk_error *error)
{
    uint8_t placed[CTVK_GRAPH_VALUES] = {0};
    graph->chunk = max_allocation & ~(uint64_t)(ALIGNMENT - 1);
    for (;;) {
        int32_t largest = -1;
        for (int32_t i = 0; i < graph->values; i++)
            if (!placed[i] && graph->value[i].bytes && (largest < 0 || graph->value[i].bytes > graph->value[largest].bytes))
                largest = i;
        if (largest < 0)
            break;
        ctvk_value *value = &graph->value[largest];
        if (value->bytes > graph->chunk)
            return ctvk_fail(
                error, CTVK_ERROR_DEVICE_MEMORY,
                "network: one activation needs %llu MiB, the device allocates at most %llu MiB at once (a smaller window would fit)",
                (unsigned long long)(value->bytes >> 20), (unsigned long long)(max_allocation >> 20));
        value->offset = lowest_place(graph, placed, value);
        placed[largest] = 1;
        uint64_t chunk = value->offset / graph->chunk, end = value->offset % graph->chunk + value->bytes;
        if (chunk >= CTVK_ARENA_CHUNKS)
            return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                             "network: needs more than %d allocations of %llu MiB (a smaller window would fit)", CTVK_ARENA_CHUNKS,
                             (unsigned long long)(max_allocation >> 20));
        if (graph->chunks <= (int32_t)chunk)
            graph->chunks = (int32_t)chunk + 1;
        if (graph->chunk_bytes[chunk] < end)
            graph->chunk_bytes[chunk] = end;
    }
    return CTVK_OK;
}

uint64_t ctvk_graph_arena_bytes(const ctvk_graph *graph)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < graph->chunks; i++)
        sum += graph->chunk_bytes[i];
    return sum;
}
