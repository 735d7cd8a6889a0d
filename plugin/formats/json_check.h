/* formats/json_check.h - typed access to a manifest's JSON; the first error names the key's path, what was expected and what stands there.
 */
#ifndef CTVK_FORMATS_JSON_CHECK_H
#define CTVK_FORMATS_JSON_CHECK_H

#include "formats/manifest.h"

#include <cJSON.h>

typedef struct ctvk_keys {
    const char *label; /* the file, for messages */
    ctvk_error *error;
    ctvk_manifest *manifest; /* takes the warnings */
    ctvk_status status;
    int failed;
    char path[256]; /* of the object that is read: "network.text." */
} ctvk_keys;

/* Strict JSON with limits on size (1 MiB), depth (16) and values (8192), without duplicated keys; NULL after an error. The caller deletes
 * the tree. */
cJSON *ctvk_key_parse(ctvk_keys *j, const char *text, uint64_t length);
/* The first call writes the error, later ones do nothing. found may be NULL: the key is missing. */
void ctvk_key_fail(ctvk_keys *j, const char *key, const char *expected, const cJSON *found);
/* A key that is not among the words of `known` gives a warning. */
void ctvk_key_known(ctvk_keys *j, const cJSON *object, const char *known);
void ctvk_key_warn(ctvk_keys *j, const char *key, const char *doubt);
/* enter gives what leave takes back: a file's name as a key may hold dots itself. */
size_t ctvk_key_enter(ctvk_keys *j, const char *key);
void ctvk_key_leave(ctvk_keys *j, size_t entered);

/* Each reads one key of an object; an optional key that is missing or null leaves the value alone. */
const cJSON *ctvk_key_object(ctvk_keys *j, const cJSON *parent, const char *key, int required);
void ctvk_key_text(ctvk_keys *j, const cJSON *parent, const char *key, int required, char *out, size_t size);
void ctvk_key_path(ctvk_keys *j, const cJSON *parent, const char *key, int required, char *out, size_t size); /* a file of the bundle */
void ctvk_key_hash(ctvk_keys *j, const cJSON *parent, const char *key, int required, char out[65]);
void ctvk_key_integer(ctvk_keys *j, const cJSON *parent, const char *key, int required, int32_t low, int32_t high, int32_t multiple,
                      int32_t *out);
/* count > 1: an array of that many numbers. */
void ctvk_key_numbers(ctvk_keys *j, const cJSON *parent, const char *key, int required, int count, double low, double high, double *out);
void ctvk_key_boolean(ctvk_keys *j, const cJSON *parent, const char *key, int required, int32_t *out);

/* Relative, without "..", empty parts, backslashes or control bytes. */
int ctvk_key_name_is_safe(const char *name);

#endif
