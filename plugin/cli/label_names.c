#include "evaluate.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

static int32_t find(const cli_label_names *names, int32_t value)
{
    for (int32_t i = 0; i < names->count; i++)
        if (names->value[i] == value)
            return i;
    return -1;
}

static void add(cli_label_names *names, int32_t value, const char *name, size_t length, const char *source)
{
    int32_t i = names->count++;
    names->value[i] = value;
    names->source[i] = source;
    snprintf(names->name[i], sizeof names->name[i], "%.*s", (int)length, name);
}

int cli_label_names_option(cli_label_names *names, const char *text)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    long value = equals && equals[1] >= '1' && equals[1] <= '9' ? strtol(equals + 1, &end, 10) : 0;
    if (!end || *end || value > CLI_MAX_LABEL_VALUE || equals == text || (size_t)(equals - text) >= sizeof names->name[0])
        return cli_fail(CLI_USAGE, "--label %.100s: not of the form NAME=VALUE with a value from 1 to %d (for example --label CTV=1)", text,
                        CLI_MAX_LABEL_VALUE);
    if (find(names, (int32_t)value) >= 0)
        return cli_fail(CLI_USAGE, "--label %.100s: that value has a name already (name it once)", text);
    add(names, (int32_t)value, text, (size_t)(equals - text), "--label");
    return CLI_OK;
}

static void take(cli_label_names *names, const cJSON *label, const char *source)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(label, "value"), *name = cJSON_GetObjectItemCaseSensitive(label, "name");
    if (!cJSON_IsNumber(value) || !cJSON_IsString(name) || !(value->valuedouble >= 1 && value->valuedouble <= CLI_MAX_LABEL_VALUE) ||
        value->valuedouble != value->valueint || !*name->valuestring)
        return;
    int32_t known = find(names, value->valueint);
    if (known < 0 && names->count < CLI_MAX_LABELS)
        add(names, value->valueint, name->valuestring, strlen(name->valuestring), source);
    else if (known >= 0 && strcmp(names->source[known], "--label") != 0 && strcmp(names->name[known], name->valuestring) != 0)
        cli_warn("label %d: \"%.100s\" in the %s, \"%.100s\" in the %s; are these the same structure?", value->valueint, names->name[known],
                 names->source[known], name->valuestring, source);
}

void cli_label_names_json(cli_label_names *names, const char *text, const char *source)
{
    cJSON *root = cJSON_Parse(text);
    const cJSON *label;
    cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(root, "labels")) take(names, label, source);
    cJSON_Delete(root);
}
