#include "api/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(ctvk_json *json, const char *text, size_t length)
{
    if (json->failed)
        return;
    if (json->length + length + 1 > json->room) {
        size_t room = (json->length + length + 1) * 2;
        char *grown = ctvk_alloc(json->host, room);
        if (!grown) {
            json->failed = 1;
            return;
        }
        if (json->length)
            memcpy(grown, json->text, json->length);
        ctvk_free(json->host, json->text);
        json->text = grown;
        json->room = room;
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
    json->text[json->length] = 0;
}

static void put_quoted(ctvk_json *json, const char *text)
{
    put(json, "\"", 1);
    for (const char *p = text; *p; p++) {
        char escape[8];
        if (*p == '"' || *p == '\\')
            snprintf(escape, sizeof escape, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            snprintf(escape, sizeof escape, "%c", *p);
        put(json, escape, strlen(escape));
    }
    put(json, "\"", 1);
}

static void begin(ctvk_json *json, const char *key)
{
    if (json->comma)
        put(json, ", ", 2);
    if (key) {
        put_quoted(json, key);
        put(json, ": ", 2);
    }
    json->comma = 1;
}

void ctvk_json_open(ctvk_json *json, const char *key, char bracket)
{
    begin(json, key);
    put(json, &bracket, 1);
    json->comma = 0;
}

void ctvk_json_close(ctvk_json *json, char bracket)
{
    put(json, &bracket, 1);
    json->comma = 1;
}

void ctvk_json_text(ctvk_json *json, const char *key, const char *value)
{
    begin(json, key);
    if (value)
        put_quoted(json, value);
    else
        put(json, "null", 4);
}

void ctvk_json_integer(ctvk_json *json, const char *key, int64_t value)
{
    char text[32];
    begin(json, key);
    put(json, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

void ctvk_json_number(ctvk_json *json, const char *key, double value)
{
    char text[64];
    begin(json, key);
    if (!isfinite(value) || fabs(value) > 4.6e18) {
        put(json, "null", 4);
        return;
    }
    double magnitude = fabs(value);
    uint64_t whole = (uint64_t)magnitude, parts = (uint64_t)((magnitude - (double)whole) * 1e6 + 0.5);
    if (parts >= 1000000) {
        whole++;
        parts = 0;
    }
    size_t length =
        (size_t)snprintf(text, sizeof text, "%s%llu.%06llu", value < 0 ? "-" : "", (unsigned long long)whole, (unsigned long long)parts);
    while (text[length - 1] == '0' && text[length - 2] != '.')
        length--;
    put(json, text, length);
}

void ctvk_json_boolean(ctvk_json *json, const char *key, int32_t value)
{
    begin(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

char *ctvk_json_take(ctvk_json *json)
{
    char *text = json->text;
    if (json->failed || !text) {
        ctvk_free(json->host, text);
        text = NULL;
    }
    memset(json, 0, sizeof *json);
    return text;
}
