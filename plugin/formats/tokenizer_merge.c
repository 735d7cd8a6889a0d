#include "formats/tokenizer_internal.h"

#include <string.h>

/* The larger copy of an array of `used` bytes, or NULL; the old one is freed. */
static void *grow(const ctvk_host *host, void *old, uint64_t used, uint64_t bytes)
{
    void *larger = bytes <= SIZE_MAX ? ctvk_alloc(host, (size_t)bytes) : NULL;
    if (larger && used)
        memcpy(larger, old, (size_t)used);
    ctvk_free(host, old);
    return larger;
}

ctvk_status ctvk_encoding_add(ctvk_encoding *e, int32_t id)
{
    if (e->count == e->room) {
        e->room = e->room ? 2 * e->room : 64;
        e->ids = grow(e->tokenizer->host, e->ids, e->count * sizeof *e->ids, e->room * sizeof *e->ids);
        if (!e->ids)
            return ctvk_tokenizer_no_memory(e->tokenizer, e->error);
    }
    e->ids[e->count++] = id;
    return CTVK_OK;
}

ctvk_status ctvk_encoding_symbols(ctvk_encoding *e, uint64_t count)
{
    const ctvk_host *host = e->tokenizer->host;
    e->symbol_count = 0;
    if (count <= e->symbol_room)
        return CTVK_OK;
    /* n symbols have n - 1 pairs; each of at most n - 1 merges takes one candidate away and adds two. */
    e->symbol_room = (uint32_t)count;
    e->symbols = grow(host, e->symbols, 0, count * sizeof *e->symbols);
    e->heap = grow(host, e->heap, 0, 2 * count * sizeof *e->heap);
    return e->symbols && e->heap ? CTVK_OK : ctvk_tokenizer_no_memory(e->tokenizer, e->error);
}

void ctvk_encoding_symbol(ctvk_encoding *e, uint32_t first, uint32_t bytes, int32_t id)
{
    uint32_t at = e->symbol_count++;
    e->symbols[at] = (ctvk_symbol){first, bytes, CTVK_NO_SYMBOL, at ? at - 1 : CTVK_NO_SYMBOL, id};
    if (at)
        e->symbols[at - 1].next = at;
}

static void push(ctvk_encoding *e, ctvk_candidate item)
{
    uint32_t at = e->heap_count++;
    while (at && e->heap[(at - 1) / 2].key > item.key) {
        e->heap[at] = e->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    e->heap[at] = item;
}

static ctvk_candidate pop(ctvk_encoding *e)
{
    ctvk_candidate first = e->heap[0], last = e->heap[--e->heap_count];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < e->heap_count) {
        child += child + 1 < e->heap_count && e->heap[child + 1].key < e->heap[child].key;
        if (e->heap[child].key >= last.key)
            break;
        e->heap[at] = e->heap[child];
        at = child;
    }
    e->heap[at] = last;
    return first;
}

static void consider(ctvk_encoding *e, ctvk_pair_fn pair, uint32_t left)
{
    if (left == CTVK_NO_SYMBOL || e->symbols[left].next == CTVK_NO_SYMBOL)
        return;
    const ctvk_symbol *l = &e->symbols[left], *r = &e->symbols[l->next];
    uint32_t order;
    int32_t id = pair(e, l, r, &order);
    if (id != CTVK_NO_TOKEN)
        push(e, (ctvk_candidate){(uint64_t)order << 32 | left, l->bytes + r->bytes, id});
}

void ctvk_encoding_merge(ctvk_encoding *e, ctvk_pair_fn pair)
{
    e->heap_count = 0;
    for (uint32_t i = 0; i + 1 < e->symbol_count; i++)
        consider(e, pair, i);
    while (e->heap_count) {
        ctvk_candidate best = pop(e);
        uint32_t left = (uint32_t)best.key;
        ctvk_symbol *l = &e->symbols[left];
        /* Symbols only grow to the right: the pair is the one that was found exactly when both are there with as many bytes. */
        if (!l->bytes || l->next == CTVK_NO_SYMBOL || l->bytes + e->symbols[l->next].bytes != best.bytes)
            continue;
        ctvk_symbol *r = &e->symbols[l->next];
        l->bytes = best.bytes;
        l->id = best.id;
        l->next = r->next;
        r->bytes = 0;
        if (l->next != CTVK_NO_SYMBOL)
            e->symbols[l->next].previous = left;
        consider(e, pair, l->previous);
        consider(e, pair, left);
    }
}
