#include "nets/graph.h"

#include "core/checked.h"

#define ALIGNMENT 256u /* ops/tensor.h: every offset is a multiple of this */

int32_t ctvk_graph_span(ctvk_graph *graph, uint64_t bytes)
{
    if (graph->values == CTVK_GRAPH_VALUES)
        return -1;
    graph->value[graph->values] = (ctvk_value){.bytes = ctvk_align_up(bytes, ALIGNMENT), .first = INT32_MAX, .last = -1, .over = -1};
    return graph->values++;
}

int32_t ctvk_graph_tensor(ctvk_graph *graph, int32_t half, int32_t c, int32_t x, int32_t y, int32_t z)
{
    int32_t id = ctvk_graph_span(graph, (uint64_t)c * (uint64_t)x * (uint64_t)y * (uint64_t)z * (half ? sizeof(uint16_t) : sizeof(float)));
    if (id >= 0) {
        ctvk_value *value = &graph->value[id];
        value->half = half;
        value->c = c;
        value->x = x;
        value->y = y;
        value->z = z;
    }
    return id;
}

int32_t ctvk_graph_tensor_over(ctvk_graph *graph, int32_t under, uint64_t behind, int32_t half, int32_t c, int32_t x, int32_t y, int32_t z)
{
    int32_t id = ctvk_graph_tensor(graph, half, c, x, y, z);
    if (id >= 0) {
        const ctvk_value *value = &graph->value[under];
        graph->value[id].over = value->over < 0 ? under : value->over;
        graph->value[id].behind = value->behind + behind;
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

static int collides(const ctvk_value *value, uint64_t at, const ctvk_value *placed)
{
    return lives_overlap(value, placed) && at < placed->offset + placed->bytes && placed->offset < at + value->bytes;
}

/* Whether a value is `head`, or lies over it. */
static int belongs(const ctvk_graph *graph, int32_t id, int32_t head)
{
    return id == head || graph->value[id].over == head;
}

/* Of a value and all that lies over it. */
static uint64_t bytes_of_all(const ctvk_graph *graph, int32_t head)
{
    uint64_t most = 0;
    for (int32_t i = 0; i < graph->values; i++) {
        const uint64_t end = graph->value[i].behind + graph->value[i].bytes;
        most = belongs(graph, i, head) && end > most ? end : most;
    }
    return most;
}

/* Behind the first of the placed values that this one would collide with, whose place it is not yet; else `at`. */
static uint64_t past_collisions(const ctvk_graph *graph, const uint8_t *placed, int32_t id, uint64_t at)
{
    const ctvk_value *value = &graph->value[id];
    for (int32_t i = 0; i < graph->values; i++)
        if (placed[i] && collides(value, at + value->behind, &graph->value[i]))
            return graph->value[i].offset + graph->value[i].bytes - value->behind;
    return at;
}

/* The lowest address >= 0 where the value and all that lies over it collide with none of the placed ones and lie within one chunk. Every
 * collision moves the candidate past the colliding value, so the search ends. */
static uint64_t lowest_place(const ctvk_graph *graph, const uint8_t *placed, int32_t head)
{
    uint64_t at = 0, bytes = bytes_of_all(graph, head);
    for (int moved = 1; moved;) {
        const uint64_t before = at;
        if (at / graph->chunk != (at + bytes - 1) / graph->chunk)
            at = (at / graph->chunk + 1) * graph->chunk;
        for (int32_t i = 0; i < graph->values; i++)
            if (belongs(graph, i, head))
                at = past_collisions(graph, placed, i, at);
        moved = at != before;
    }
    return at;
}

/* Of those that have no place yet and get one of their own; -1: none. */
static int32_t largest_value(const ctvk_graph *graph, const uint8_t *placed)
{
    int32_t largest = -1;
    for (int32_t i = 0; i < graph->values; i++)
        if (!placed[i] && graph->value[i].over < 0 && graph->value[i].bytes &&
            (largest < 0 || bytes_of_all(graph, i) > bytes_of_all(graph, largest)))
            largest = i;
    return largest;
}

static ctvk_status place_value(ctvk_graph *graph, uint8_t *placed, int32_t head, uint64_t max_allocation, ctvk_error *error)
{
    uint64_t bytes = bytes_of_all(graph, head);
    if (bytes > graph->chunk)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "network: one activation, with what lies over it, needs %llu MiB, the device allocates at most %llu MiB at once "
                         "(a smaller window would fit)",
                         (unsigned long long)(bytes >> 20), (unsigned long long)(max_allocation >> 20));
    uint64_t at = lowest_place(graph, placed, head), chunk = at / graph->chunk, end = at % graph->chunk + bytes;
    for (int32_t i = 0; i < graph->values; i++)
        if (belongs(graph, i, head)) {
            graph->value[i].offset = at + graph->value[i].behind;
            placed[i] = 1;
        }
    if (chunk >= CTVK_ARENA_CHUNKS)
        return ctvk_fail(error, CTVK_ERROR_DEVICE_MEMORY,
                         "network: needs more than %d allocations of %llu MiB (a smaller window would fit)", CTVK_ARENA_CHUNKS,
                         (unsigned long long)(max_allocation >> 20));
    if (graph->chunks <= (int32_t)chunk)
        graph->chunks = (int32_t)chunk + 1;
    if (graph->chunk_bytes[chunk] < end)
        graph->chunk_bytes[chunk] = end;
    return CTVK_OK;
}

ctvk_status ctvk_graph_place(ctvk_graph *graph, uint64_t max_allocation, ctvk_error *error)
{
    uint8_t placed[CTVK_GRAPH_VALUES] = {0};
    ctvk_status status = CTVK_OK;
    graph->chunk = max_allocation & ~(uint64_t)(ALIGNMENT - 1);
    for (int32_t id; status == CTVK_OK && (id = largest_value(graph, placed)) >= 0;)
        status = place_value(graph, placed, id, max_allocation, error);
    return status;
}

uint64_t ctvk_graph_arena_bytes(const ctvk_graph *graph)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < graph->chunks; i++)
        sum += graph->chunk_bytes[i];
    return sum;
}
