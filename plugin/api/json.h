/* api/json.h - writes JSON text. Failures are remembered; one check at the end. */
#ifndef CTVK_API_JSON_H
#define CTVK_API_JSON_H

#include "core/host.h"

typedef struct ctvk_json {
    const ctvk_host *host;
    char *text; /* zero-terminated; OWNED by whoever takes it */
    size_t length, room;
    int32_t failed;
    int32_t comma; /* the next value needs one before it */
} ctvk_json;

/* bracket: '{' or '['. key NULL inside of arrays and at the top. */
void ctvk_json_open(ctvk_json *json, const char *key, char bracket);
void ctvk_json_close(ctvk_json *json, char bracket);
void ctvk_json_text(ctvk_json *json, const char *key, const char *value); /* NULL: null */
void ctvk_json_integer(ctvk_json *json, const char *key, int64_t value);
/* Six decimals at most, with a point in every locale; what is not finite or beyond 2^62 is null. */
void ctvk_json_number(ctvk_json *json, const char *key, double value);
void ctvk_json_boolean(ctvk_json *json, const char *key, int32_t value);
/* The text, or NULL (freed) where memory ran out. */
char *ctvk_json_take(ctvk_json *json);

#endif
