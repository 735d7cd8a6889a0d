#include "formats/json_check.h"

#include "formats/json_scan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_BYTES (1u << 20)
/* Finding duplicates compares each key of an object with each: more would let a hostile file take seconds. */
#define MAX_VALUES 8192

static void found_text(const cJSON *found, char *text, size_t size)
{
    if (!found)
        snprintf(text, size, "found nothing");
    else if (cJSON_IsString(found))
        snprintf(text, size, "found \"%.60s\"", found->valuestring);
    else if (cJSON_IsNumber(found))
        snprintf(text, size, "found %.10g", found->valuedouble);
    else
        snprintf(text, size, "found %s",
                 cJSON_IsObject(found)  ? "an object"
                 : cJSON_IsArray(found) ? "an array that does not fit"
                 : cJSON_IsNull(found)  ? "null"
                 : cJSON_IsTrue(found)  ? "true"
                                        : "false");
}

void ctvk_key_fail(ctvk_keys *j, const char *key, const char *expected, const cJSON *found)
{
    char text[96];
    if (j->failed)
        return;
    found_text(found, text, sizeof text);
    j->failed = 1;
    j->status = ctvk_fail(j->error, CTVK_ERROR_BUNDLE, "%s: %s%.100s: expected %s, %s (mend the manifest or get the bundle again)",
                          j->label, j->path, key, expected, text);
}

static ctvk_status refuse(ctvk_keys *j, const char *why)
{
    j->failed = 1;
    j->status = ctvk_fail(j->error, CTVK_ERROR_BUNDLE, "%s: %s (mend the manifest or get the bundle again)", j->label, why);
    return j->status;
}

/* cJSON keeps duplicates; which of two values counts would be a guess. */
static const char *duplicate(const cJSON *item)
{
    for (const cJSON *child = item->child; child; child = child->next) {
        const char *deeper = duplicate(child);
        if (deeper)
            return deeper;
        for (const cJSON *other = child->next; child->string && other; other = other->next)
            if (other->string && !strcmp(child->string, other->string))
                return child->string;
    }
    return NULL;
}

cJSON *ctvk_key_parse(ctvk_keys *j, const char *text, uint64_t length)
{
    uint64_t at;
    char why[160];
    if (length > MAX_BYTES) {
        refuse(j, "longer than 1 MiB, which no manifest is");
        return NULL;
    }
    const char *fault = ctvk_json_scan(text, length, MAX_VALUES, &at);
    if (fault) {
        int line = 1;
        for (uint64_t i = 0; i < at; i++)
            line += text[i] == '\n';
        snprintf(why, sizeof why, "%s, line %d", fault, line);
        refuse(j, why);
        return NULL;
    }
    cJSON *root = cJSON_ParseWithLength(text, (size_t)length);
    if (!root) {
        j->failed = 1;
        j->status = ctvk_fail(j->error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to read it (close other programs)", j->label);
    } else if (!cJSON_IsObject(root)) {
        refuse(j, "valid JSON, but not an object");
    } else if (duplicate(root)) {
        snprintf(why, sizeof why, "key %.100s stands twice", duplicate(root));
        refuse(j, why);
    }
    if (j->failed) {
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

void ctvk_key_known(ctvk_keys *j, const cJSON *object, const char *known)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        size_t n = strlen(item->string);
        int found = 0;
        for (const char *at = known; !found && n && !strchr(item->string, ' ') && (at = strstr(at, item->string)); at++)
            found = (at == known || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
        if (!found)
            ctvk_key_warn(j, item->string, "unknown key, ignored");
    }
}

void ctvk_key_warn(ctvk_keys *j, const char *key, const char *doubt)
{
    ctvk_manifest *m = j->manifest;
    if (m->warning_count == (int32_t)(sizeof m->warnings / sizeof *m->warnings))
        return;
    char *line = m->warnings[m->warning_count++];
    snprintf(line, sizeof *m->warnings, "%.30s: %.60s%.50s: ", j->label, j->path, key);
    snprintf(line + strlen(line), sizeof *m->warnings - strlen(line), "%s", doubt);
    ctvk_text_clean(line);
}

size_t ctvk_key_enter(ctvk_keys *j, const char *key)
{
    size_t at = strlen(j->path);
    snprintf(j->path + at, sizeof j->path - at, "%.60s.", key);
    return at;
}

void ctvk_key_leave(ctvk_keys *j, size_t entered)
{
    j->path[entered] = 0;
}

/* The key's item, or NULL: missing, or null where it may be missing. Says so where it is required. */
static const cJSON *item_of(ctvk_keys *j, const cJSON *parent, const char *key, int required, const char *expected)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, key);
    if (!required && cJSON_IsNull(item))
        return NULL;
    if (!item && required)
        ctvk_key_fail(j, key, expected, NULL);
    return j->failed ? NULL : item;
}

const cJSON *ctvk_key_object(ctvk_keys *j, const cJSON *parent, const char *key, int required)
{
    const cJSON *item = item_of(j, parent, key, required, "an object");
    if (item && !cJSON_IsObject(item))
        ctvk_key_fail(j, key, "an object", item);
    return j->failed ? NULL : item;
}

void ctvk_key_text(ctvk_keys *j, const cJSON *parent, const char *key, int required, char *out, size_t size)
{
    char expected[48];
    snprintf(expected, sizeof expected, "a string of at most %zu bytes", size - 1);
    const cJSON *item = item_of(j, parent, key, required, expected);
    if (!item)
        return;
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= size || (required && !item->valuestring[0]))
        ctvk_key_fail(j, key, expected, item);
    else
        snprintf(out, size, "%s", item->valuestring);
}

int ctvk_key_name_is_safe(const char *name)
{
    if (!name[0] || name[0] == '/')
        return 0;
    for (const char *part = name;;) {
        size_t n = strcspn(part, "/");
        if (!n || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return 0;
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)part[i] < 0x20 || part[i] == '\\' || part[i] == 0x7f)
                return 0;
        if (!part[n])
            return 1;
        part += n + 1;
    }
}

void ctvk_key_path(ctvk_keys *j, const cJSON *parent, const char *key, int required, char *out, size_t size)
{
    ctvk_key_text(j, parent, key, required, out, size);
    if (!j->failed && out[0] && !ctvk_key_name_is_safe(out))
        ctvk_key_fail(j, key, "the name of a file inside the bundle, no absolute path and no \"..\"",
                      cJSON_GetObjectItemCaseSensitive(parent, key));
}

void ctvk_key_hash(ctvk_keys *j, const cJSON *parent, const char *key, int required, char out[65])
{
    ctvk_key_text(j, parent, key, required, out, 65);
    if (!j->failed && out[0] && strspn(out, "0123456789abcdef") != 64)
        ctvk_key_fail(j, key, "64 lower-case hexadecimal digits", cJSON_GetObjectItemCaseSensitive(parent, key));
}

void ctvk_key_integer(ctvk_keys *j, const cJSON *parent, const char *key, int required, int32_t low, int32_t high, int32_t multiple,
                      int32_t *out)
{
    char expected[96];
    if (multiple > 1)
        snprintf(expected, sizeof expected, "a multiple of %d from %d to %d", multiple, low, high);
    else
        snprintf(expected, sizeof expected, "a whole number from %d to %d", low, high);
    const cJSON *item = item_of(j, parent, key, required, expected);
    if (!item)
        return;
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(value >= low && value <= high) || value != floor(value) || fmod(value, multiple) != 0)
        ctvk_key_fail(j, key, expected, item);
    else
        *out = (int32_t)value;
}

void ctvk_key_numbers(ctvk_keys *j, const cJSON *parent, const char *key, int required, int count, double low, double high, double *out)
{
    char expected[96];
    if (count > 1)
        snprintf(expected, sizeof expected, "an array of %d numbers from %g to %g", count, low, high);
    else
        snprintf(expected, sizeof expected, "a number from %g to %g", low, high);
    const cJSON *item = item_of(j, parent, key, required, expected);
    if (!item)
        return;
    if (count > 1 && (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != count)) {
        ctvk_key_fail(j, key, expected, item);
        return;
    }
    const cJSON *number = count > 1 ? item->child : item;
    for (int i = 0; i < count; i++, number = number->next) {
        if (!cJSON_IsNumber(number) || !(number->valuedouble >= low && number->valuedouble <= high)) {
            ctvk_key_fail(j, key, expected, number);
            return;
        }
        out[i] = number->valuedouble;
    }
}

void ctvk_key_boolean(ctvk_keys *j, const cJSON *parent, const char *key, int required, int32_t *out)
{
    const cJSON *item = item_of(j, parent, key, required, "true or false");
    if (!item)
        return;
    if (!cJSON_IsBool(item))
        ctvk_key_fail(j, key, "true or false", item);
    else
        *out = cJSON_IsTrue(item) != 0;
}
