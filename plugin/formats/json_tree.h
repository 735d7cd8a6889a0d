/* formats/json_tree.h - a JSON text as a tree, in memory of the host's: one allocation, whose size follows from the text. */
#ifndef CTVK_FORMATS_JSON_TREE_H
#define CTVK_FORMATS_JSON_TREE_H

#include "core/host.h"

typedef enum ctvk_json_type {
    CTVK_JSON_NULL = 1,
    CTVK_JSON_FALSE,
    CTVK_JSON_TRUE,
    CTVK_JSON_NUMBER,
    CTVK_JSON_STRING,
    CTVK_JSON_ARRAY,
    CTVK_JSON_OBJECT
} ctvk_json_type;

/* One value. Texts are UTF-8, zero-terminated, escapes resolved, and hold no zero byte. */
typedef struct ctvk_json_node {
    ctvk_json_type type;
    uint32_t count;               /* of an array's or object's values */
    double number;                /* the nearest one; infinite where it is too large */
    const char *name;             /* key in an object, else NULL */
    const char *text;             /* of a string, else NULL */
    struct ctvk_json_node *child; /* the first of an array's or object's values, or NULL */
    struct ctvk_json_node *next;  /* behind this one in its array or object, or NULL */
} ctvk_json_node;

/* The whole text as ctvk_json_scan (json_scan.h) takes it. *out is OWNED: ctvk_free; it holds all of the tree and does not refer to text.
 * NULL: fine, and *out is NULL where memory ran out. Otherwise why not, and *at is the byte where it was seen. */
const char *ctvk_json_read(const ctvk_host *host, const char *text, uint64_t length, uint64_t max_values, ctvk_json_node **out,
                           uint64_t *at);
/* node may be NULL: then it is none of them. */
int ctvk_json_is(const ctvk_json_node *node, ctvk_json_type type);
/* The first value of this key; NULL where there is none, or node is NULL or no object. Keys may stand twice. */
const ctvk_json_node *ctvk_json_get(const ctvk_json_node *node, const char *key);
/* The first value of an array or object; NULL where there is none. */
const ctvk_json_node *ctvk_json_first(const ctvk_json_node *node);

#endif
