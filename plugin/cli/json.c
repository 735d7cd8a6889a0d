#include "cli.h"

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
