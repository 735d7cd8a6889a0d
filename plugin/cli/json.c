#include "cli.h"

#include <cJSON.h>
#include <string.h>

void cli_json_string(FILE *file, const char *text, uint64_t length)
{
    fputc('"', file);
    for (uint64_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

int cli_json_text_field(char *line, size_t length, const char *name, uint64_t *bytes)
{
    const char *end = NULL;
    cJSON *root = memchr(line, 0, length) ? NULL : cJSON_ParseWithOpts(line, &end, 1);
    const cJSON *item = cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, name) : NULL;
    /* cJSON ends a text at an escaped zero byte without a word, and no text of ours holds one. */
    int usable = item && cJSON_IsString(item) && !strstr(line, "\\u0000");
    if (usable) {
        *bytes = strlen(item->valuestring); /* no escape is shorter than what it stands for */
        memcpy(line, item->valuestring, *bytes + 1);
    }
    cJSON_Delete(root);
    return usable ? 0 : -1;
}

const char *cli_device_type(ctvk_device_type type)
{
    switch (type) {
    case CTVK_DEVICE_DISCRETE:
        return "discrete";
    case CTVK_DEVICE_INTEGRATED:
        return "integrated";
    case CTVK_DEVICE_VIRTUAL:
        return "virtual";
    case CTVK_DEVICE_CPU:
        return "cpu";
    default:
        return "other";
    }
}
