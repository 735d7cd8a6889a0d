/* The memory plan on graphs made here: chains whose plan is known, thousands of random graphs, what cannot be placed. No device. */
#include "nets/graph.h"
#include "support/plan_case.h"

static uint32_t random_to(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

static ctvk_node node_of(int32_t in, int32_t out)
{
    return (ctvk_node){.kind = CTVK_NODE_CONV, .in = in, .in_b = -1, .stats = -1, .stats_b = -1, .out = out, .scratch = -1};
}

/* 0 -> 1 -> ... -> n: two neighbours live together, so two places are enough. */
static void test_chain(void)
{
    static ctvk_graph g;
    ctvk_error error = {0};
    memset(&g, 0, sizeof g);
    for (int i = 0; i <= 20; i++)
        CHECK(ctvk_graph_tensor(&g, 0, 4, 2, 4, 8) == i);
    for (int i = 0; i < 20; i++) {
        ctvk_node n = node_of(i, i + 1);
        CHECK(ctvk_graph_add(&g, &n) != NULL);
    }
    for (int i = 0; i <= 20; i++)
        CHECK(g.value[i].first == (i ? i - 1 : 0) && g.value[i].last == (i < 20 ? i : 19));
    CHECK(ctvk_graph_place(&g, 1 << 20, &error) == CTVK_OK);
    CHECK(ctvk_graph_arena_bytes(&g) == 2 * 4 * 2 * 4 * 8 * sizeof(float) && g.chunks == 1);
    CHECK(plan_check(&g, 1 << 20, "chain") > 0);
}

/* Tensors over others, whose place is free for what comes when they are dead. */
static void test_over(void)
{
    static ctvk_graph g;
    ctvk_error error = {0};
    memset(&g, 0, sizeof g);
    enum { PLANE = 4 * 8 * 8 * 4 }; /* bytes */
    int32_t in = ctvk_graph_tensor(&g, 0, 4, 8, 8, 8), out = ctvk_graph_tensor(&g, 0, 4, 8, 8, 8),
            h = ctvk_graph_tensor_over(&g, out, 3 * PLANE, 0, 4, 8, 8, 8), late = ctvk_graph_span(&g, 3 * PLANE);
    ctvk_node n[] = {node_of(in, h), node_of(h, out), node_of(out, late)};
    for (int i = 0; i < 3; i++)
        CHECK(ctvk_graph_add(&g, &n[i]) != NULL);
    CHECK(g.value[out].first == 1 && g.value[out].last == 2 && g.value[h].first == 0 && g.value[h].last == 1);
    CHECK(ctvk_graph_place(&g, 1 << 20, &error) == CTVK_OK);
    CHECK(g.value[h].offset == g.value[out].offset + 3 * PLANE && g.value[h].bytes == 8 * PLANE);
    /* Input, output, what h has behind it; what comes late lies over the input. */
    CHECK_MSG(ctvk_graph_arena_bytes(&g) == 19 * PLANE, "%llu bytes", (unsigned long long)ctvk_graph_arena_bytes(&g));
    plan_check(&g, 1 << 20, "over");
    /* Three on each other: half of it at the bottom, then the whole, then another whole. */
    memset(&g, 0, sizeof g);
    int32_t half = ctvk_graph_tensor(&g, 1, 4, 8, 8, 8);
    out = ctvk_graph_tensor_over(&g, half, PLANE, 0, 4, 8, 8, 8);
    h = ctvk_graph_tensor_over(&g, out, 2 * PLANE, 0, 4, 8, 8, 8);
    int32_t inside = ctvk_graph_tensor_over(&g, out, PLANE, 1, 4, 2, 8, 8);
    late = ctvk_graph_span(&g, 7 * PLANE);
    ctvk_node m[] = {node_of(-1, h), node_of(h, out), node_of(out, inside), node_of(out, half), node_of(half, late)};
    for (int i = 0; i < 5; i++)
        CHECK(ctvk_graph_add(&g, &m[i]) != NULL);
    CHECK(g.value[h].over == half && g.value[h].behind == 3 * PLANE && g.value[inside].behind == 2 * PLANE);
    CHECK(ctvk_graph_place(&g, 1 << 20, &error) == CTVK_OK && plan_check(&g, 1 << 20, "over each other") > 0);
    CHECK_MSG(ctvk_graph_arena_bytes(&g) == 11 * PLANE, "%llu bytes", (unsigned long long)ctvk_graph_arena_bytes(&g));
    while (ctvk_graph_span(&g, 1) >= 0) {
    }
    CHECK(ctvk_graph_tensor_over(&g, out, 0, 0, 4, 8, 8, 8) == -1);
}

/* What is kept, and what the host writes before the run, is never overwritten. */
static void test_kept(void)
{
    static ctvk_graph g;
    ctvk_error error = {0};
    memset(&g, 0, sizeof g);
    for (int i = 0; i < 6; i++)
        ctvk_graph_span(&g, 1000);
    g.value[5].first = -1; /* written by the host, read by the last node only */
    for (int i = 0; i < 4; i++) {
        ctvk_node n = node_of(i, i + 1);
        n.in_b = i == 3 ? 5 : -1;
        ctvk_graph_add(&g, &n);
    }
    ctvk_graph_keep(&g, 1);
    CHECK(g.value[1].last == 4 && g.value[5].first == -1 && g.value[5].last == 3);
    CHECK(ctvk_graph_place(&g, 1 << 20, &error) == CTVK_OK);
    CHECK(g.value[0].bytes == 1024 && ctvk_graph_arena_bytes(&g) == 4 * 1024);
    plan_check(&g, 1 << 20, "kept");
}

static void random_graph(ctvk_graph *g, uint32_t *state, uint32_t most)
{
    memset(g, 0, sizeof *g);
    int values = 2 + (int)random_to(state, 40), nodes = 1 + (int)random_to(state, 50);
    for (int i = 0; i < values; i++)
        ctvk_graph_span(g, 1 + random_to(state, random_to(state, 4) ? most / 8 : most));
    if (random_to(state, 2)) { /* and some that lie over others */
        int32_t under = ctvk_graph_tensor(g, (int32_t)random_to(state, 2), 4, 6, 4, 4);
        for (int i = 0; i < 3; i++)
            under = ctvk_graph_tensor_over(g, under, 256 * random_to(state, 9), (int32_t)random_to(state, 2), 4, 6, 4, 4);
        values = g->values;
    }
    for (int i = 0; i < nodes; i++) {
        int32_t v[6];
        for (int k = 0; k < 6; k++)
            v[k] = (int32_t)random_to(state, (uint32_t)values * (k > 1 ? 2 : 1)) - (k > 1 ? values : 0);
        ctvk_node n = {.in = v[0], .out = v[1], .in_b = v[2], .stats = v[3], .stats_b = v[4], .scratch = v[5]};
        ctvk_graph_add(g, &n);
    }
    if (random_to(state, 2))
        ctvk_graph_keep(g, (int32_t)random_to(state, (uint32_t)values));
    if (random_to(state, 2))
        g->value[0].first = -1;
}

/* In one allocation, and in many that hold one to three of the largest values. */
static void test_random(void)
{
    static ctvk_graph g;
    uint32_t state = 5;
    int shared = 0, split = 0;
    for (int i = 0; i < 3000; i++) {
        char what[32];
        ctvk_error error = {0};
        uint64_t chunk = i % 2 ? 1 << 30 : 100352 + 50000 * (uint64_t)random_to(&state, 5);
        snprintf(what, sizeof what, "random graph %d", i);
        random_graph(&g, &state, 100000);
        ctvk_status status = ctvk_graph_place(&g, chunk, &error);
        if (status == CTVK_ERROR_DEVICE_MEMORY && i % 2 == 0 && plan_least(&g) > (CTVK_ARENA_CHUNKS - 2) / 2 * chunk)
            continue; /* truly too much for the allocations that there are */
        CHECK_MSG(status == CTVK_OK, "%s: %s", what, error.message);
        shared += plan_check(&g, chunk, what);
        split += g.chunks > 1;
    }
    CHECK_MSG(shared > 10000 && split > 500, "%d places shared, %d graphs in several allocations", shared, split);
}

static void test_refusals(void)
{
    static ctvk_graph g;
    ctvk_error error = {0};
    memset(&g, 0, sizeof g);
    ctvk_graph_span(&g, (3u << 20) + 1);
    CHECK(ctvk_graph_place(&g, 2 << 20, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK_MSG(strstr(error.message, "3 MiB") && strstr(error.message, "2 MiB") && strstr(error.message, "smaller window"), "%s",
              error.message);
    memset(&g, 0, sizeof g);
    for (int i = 0; i <= CTVK_ARENA_CHUNKS; i++)
        ctvk_graph_keep(&g, ctvk_graph_span(&g, 1 << 20)); /* all alive at the end */
    CHECK(ctvk_graph_place(&g, 1 << 20, &error) == CTVK_ERROR_DEVICE_MEMORY);
    CHECK_MSG(strstr(error.message, "16 allocations of 1 MiB") && strstr(error.message, "smaller window"), "%s", error.message);
    memset(&g, 0, sizeof g);
    for (int i = 0; i < CTVK_GRAPH_VALUES; i++)
        CHECK(ctvk_graph_span(&g, 1) == i);
    CHECK(ctvk_graph_span(&g, 1) == -1 && ctvk_graph_tensor(&g, 0, 1, 1, 1, 1) == -1);
    ctvk_node n = node_of(0, 1);
    for (int i = 0; i < CTVK_GRAPH_NODES; i++)
        CHECK(ctvk_graph_add(&g, &n) != NULL);
    CHECK(ctvk_graph_add(&g, &n) == NULL);
}

int main(void)
{
    test_chain();
    test_over();
    test_kept();
    test_random();
    test_refusals();
    return check_done("graph");
}
