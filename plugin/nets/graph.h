/* nets/graph.h - a network as a list of nodes over values, and the memory plan that follows from it.
 *
 * Every value's size and life (first and last node that touches it) is known before the run, so all of them share one arena: two
 * values may lie over each other where their lives do not overlap. Nothing here depends on the network.
 */
#ifndef CTVK_NETS_GRAPH_H
#define CTVK_NETS_GRAPH_H

#include "nets/alignment.h"
#include "ops/conv3d.h"
#include "ops/instance_norm.h"
#include "ops/transp_conv3d.h"

#define CTVK_GRAPH_NODES 128
#define CTVK_GRAPH_VALUES 192
#define CTVK_ARENA_CHUNKS 16

typedef enum ctvk_node_kind {
    CTVK_NODE_CONV,
    CTVK_NODE_TRANSP,
    CTVK_NODE_STATS,
    CTVK_NODE_APPLY,
    CTVK_NODE_ALIGN,
    CTVK_NODE_NARROW,
    CTVK_NODE_SHORTCUT
} ctvk_node_kind;

/* A tensor (x > 0) or a plain span (x = 0). */
typedef struct ctvk_value {
    int32_t c, x, y, z;
    int32_t half; /* a tensor of 16 bits a number */
    uint64_t bytes;
    int32_t first, last; /* node numbers; first = -1: written by the host before the run */
    uint64_t offset;     /* in the arena's address space */
    int32_t over;        /* this value has no place of its own: it lies `behind` bytes behind the beginning of that one, which has; -1 */
    uint64_t behind;
} ctvk_value;

typedef struct ctvk_node {
    ctvk_node_kind kind;
    int32_t in, in_b;       /* values; in_b = -1: none. APPLY: in_b is the shortcut. SHORTCUT: of the planar `in`, applied to out */
    int32_t stats, stats_b; /* STATS writes stats; APPLY reads both; CONV, TRANSP: of an input that is normalised as it is read, or -1;
                               CONV, NARROW: with which 16 bits a number are stored;
                               CONV's stats_b: of its output, taken as it is written, or -1 */
    int32_t out, scratch;   /* scratch = -1: none */
    union {
        ctvk_conv3d conv;
        ctvk_planar_shortcut shortcut;
        ctvk_transp_conv3d transp;
        ctvk_alignment align;
    } as;
    char weight[80]; /* name of the convolution's tensor */
    uint64_t weight_offset, weight_bytes;
    int32_t deferred; /* APPLY: the one reader normalises; done only where the value is tapped, and then the reader reads plainly */
    char tap[32];     /* golden name of the value that stands when this node is done, or "" */
} ctvk_node;

typedef struct ctvk_graph {
    int32_t nodes, values;
    ctvk_node node[CTVK_GRAPH_NODES];
    ctvk_value value[CTVK_GRAPH_VALUES];
    uint64_t weight_bytes; /* of all nodes */
    uint64_t chunk;        /* most bytes of one allocation */
    int32_t chunks;
    uint64_t chunk_bytes[CTVK_ARENA_CHUNKS];
} ctvk_graph;

/* A new value, alive from no node yet. Returns its number, -1 when the table is full. half: 16 bits a number. */
int32_t ctvk_graph_tensor(ctvk_graph *graph, int32_t half, int32_t c, int32_t x, int32_t y, int32_t z);
int32_t ctvk_graph_span(ctvk_graph *graph, uint64_t bytes);
/* A tensor without a place of its own: it lies `behind` bytes behind the beginning of `under`, whatever else lies there. For an operation
 * that writes one tensor over another while it reads that one (ops/conv3d.h, ops/narrow.h, ops/transp_conv3d.h): who asks for it says that
 * the two may meet. Other values lie there whenever neither is alive. behind: a multiple of 256. -1 when the table is full. */
int32_t ctvk_graph_tensor_over(ctvk_graph *graph, int32_t under, uint64_t behind, int32_t half, int32_t c, int32_t x, int32_t y, int32_t z);
/* Appends a node and widens the lives of the values that it names. NULL when the table is full. */
ctvk_node *ctvk_graph_add(ctvk_graph *graph, const ctvk_node *node);
/* Keeps a value alive to the end. */
void ctvk_graph_keep(ctvk_graph *graph, int32_t value);
/* Gives every value its place; largest first, each with what lies over it at the lowest address that is free during its
 * life and within one chunk of at most max_allocation bytes. CTVK_ERROR_DEVICE_MEMORY when one value alone is larger. */
ctvk_status ctvk_graph_place(ctvk_graph *graph, uint64_t max_allocation, ctvk_error *error);
uint64_t ctvk_graph_arena_bytes(const ctvk_graph *graph);

#endif
