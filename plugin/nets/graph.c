#include "nets/graph.h"

#include "core/checked.h"

#define ALIGNMENT 256u /* ops/tensor.h: every offset is a multiple of this */

int32_t ctvk_graph_span(ctvk_graph *graph, uint64_t bytes)
{
    if (graph->values == CTVK_GRAPH_VALUES)
        return -1;
    graph->value[graph->values] =
        (ctvk_value){.bytes = ctvk_align_up(bytes, ALIGNMENT), .first = INT32_MAX, .last = -1, .tail = -1, .over = -1};
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

static uint64_t bytes_with_tails(const ctvk_graph *graph, int32_t id)
{
    uint64_t sum = 0;
    for (; id >= 0; id = graph->value[id].tail)
        sum += graph->value[id].bytes;
    return sum;
}

int32_t ctvk_graph_tensor_over(ctvk_graph *graph, int32_t under, uint64_t behind, int32_t half, int32_t c, int32_t x, int32_t y, int32_t z)
{
    int32_t head = graph->value[under].over < 0 ? under : graph->value[under].over, last = head;
    int32_t id = ctvk_graph_tensor(graph, half, c, x, y, z), tail = -1;
    if (id < 0)
        return -1;
    behind += graph->value[under].behind;
    uint64_t end = behind + graph->value[id].bytes, there = bytes_with_tails(graph, head);
    if (end > there && (tail = ctvk_graph_span(graph, end - there)) < 0)
        return -1;
    while (graph->value[last].tail >= 0)
        last = graph->value[last].tail;
    graph->value[last].tail = tail;
    graph->value[id].over = head;
    graph->value[id].behind = behind;
    return id;
}

/* What lies over others needs all that it lies on. */
static void touch(ctvk_graph *graph, int32_t id, int32_t node)
{
    if (id < 0)
        return;
    ctvk_value *value = &graph->value[id];
    uint64_t at = 0;
    for (int32_t part = value->over; part >= 0; at += graph->value[part].bytes, part = graph->value[part].tail)
        if (at < value->behind + value->bytes && value->behind < at + graph->value[part].bytes)
            touch(graph, part, node);
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

/* The lowest address >= 0 where the value and its tails collide with none of the placed ones and lie within one chunk. Every collision
 * moves the candidate past the colliding value, so the search ends. */
static uint64_t lowest_place(const ctvk_graph *graph, const uint8_t *placed, int32_t id)
{
    uint64_t at = 0, bytes = bytes_with_tails(graph, id);
    for (int moved = 1; moved;) {
        moved = 0;
        if (at / graph->chunk != (at + bytes - 1) / graph->chunk) {
            at = (at / graph->chunk + 1) * graph->chunk;
            moved = 1;
        }
        uint64_t before = 0; /* of this part */
        for (int32_t part = id; part >= 0; before += graph->value[part].bytes, part = graph->value[part].tail)
            for (int32_t i = 0; i < graph->values; i++) {
                const ctvk_value *other = &graph->value[i];
                if (placed[i] && collides(&graph->value[part], at + before, other)) {
                    at = other->offset + other->bytes - before;
                    moved = 1;
                }
            }
    }
    return at;
}

/* Of those that have no place yet and get one of their own; -1: none. */
static int32_t largest_value(const ctvk_graph *graph, const uint8_t *placed, const uint8_t *apart)
{
    int32_t largest = -1;
    for (int32_t i = 0; i < graph->values; i++)
        if (!placed[i] && !apart[i] && graph->value[i].bytes &&
            (largest < 0 || bytes_with_tails(graph, i) > bytes_with_tails(graph, largest)))
            largest = i;
    return largest;
}

static ctvk_status place_value(ctvk_graph *graph, uint8_t *placed, int32_t id, uint64_t max_allocation, ctvk_error *error)
{
    uint64_t bytes = bytes_with_tails(graph, id), at;
    if (bytes > graph->chunk)
        return ctvk_fail(
            error, CTVK_ERROR_DEVICE_MEMORY,
            "network: one activation needs %llu MiB, the device allocates at most %llu MiB at once (a smaller window would fit)",
            (unsigned long long)(bytes >> 20), (unsigned long long)(max_allocation >> 20));
    at = lowest_place(graph, placed, id);
    uint64_t chunk = at / graph->chunk, end = at % graph->chunk + bytes;
    for (int32_t part = id; part >= 0; part = graph->value[part].tail) {
        graph->value[part].offset = at;
        at += graph->value[part].bytes;
        placed[part] = 1;
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
    uint8_t placed[CTVK_GRAPH_VALUES] = {0}, apart[CTVK_GRAPH_VALUES] = {0};
    ctvk_status status = CTVK_OK;
    graph->chunk = max_allocation & ~(uint64_t)(ALIGNMENT - 1);
    for (int32_t i = 0; i < graph->values; i++) /* not looked at: they lie over others, or are placed with their heads */
        apart[i] = graph->value[i].over >= 0;
    for (int32_t i = 0; i < graph->values; i++)
        if (graph->value[i].tail >= 0)
            apart[graph->value[i].tail] = 1;
    for (int32_t id; status == CTVK_OK && (id = largest_value(graph, placed, apart)) >= 0;)
        status = place_value(graph, placed, id, max_allocation, error);
    for (int32_t i = 0; i < graph->values; i++)
        if (graph->value[i].over >= 0)
            graph->value[i].offset = graph->value[graph->value[i].over].offset + graph->value[i].behind;
    return status;
}

uint64_t ctvk_graph_arena_bytes(const ctvk_graph *graph)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < graph->chunks; i++)
        sum += graph->chunk_bytes[i];
    return sum;
}
