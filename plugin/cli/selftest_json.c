#include "selftest.h"

#include <math.h>

static void text(FILE *file, const char *lead, const char *name, const ctvk_text *value)
{
    fprintf(file, "%s\"%s\": ", lead, name);
    cli_json_string(file, value->data, value->length);
}

/* What is undefined or infinite is null. */
static void number(FILE *file, const char *lead, const char *name, double value)
{
    fprintf(file, isfinite(value) ? "%s\"%s\": %.9g" : "%s\"%s\": null", lead, name, value);
}

static void operations(FILE *file, const cli_tried *t)
{
    for (uint32_t i = 0; i < t->info.operation_count; i++) {
        const ctvk_selftest_operation *o = &t->operation[i];
        fprintf(file, "%s\n      {", i ? "," : "");
        text(file, "", "name", &o->name);
        fprintf(file, ", \"right\": %s, \"cases\": %llu", o->wrong ? "false" : "true", (unsigned long long)o->cases);
        number(file, ", ", "worst_error", o->worst_error);
        number(file, ", ", "limit", o->limit);
        number(file, ", ", "seconds", o->seconds);
        fprintf(file, "}");
    }
}

static void device(FILE *file, const cli_tried *t, int32_t has_bundle)
{
    const ctvk_device_info *d = &t->device;
    fprintf(file, "    {\"index\": %u", d->index);
    text(file, ", ", "name", &d->name);
    text(file, ", ", "driver", &d->driver);
    fprintf(file, ", \"driver_version\": %u, \"vulkan\": \"%u.%u.%u\"", d->driver_version, d->api_version >> 22,
            d->api_version >> 12 & 0x3ff, d->api_version & 0xfff);
    text(file, ", ", "uuid", &d->uuid);
    fprintf(file, ", \"type\": \"%s\"", cli_device_type(d->type));
    text(file, ",\n     ", "capabilities", &t->info.capabilities);
    fprintf(file, ", \"right\": %s", t->passed ? "true" : "false");
    number(file, ", ", "seconds", t->info.seconds);
    fprintf(file, ", \"peak_bytes\": %llu", (unsigned long long)t->info.peak_bytes);
    if (has_bundle) {
        number(file, ", \"bundle\": {", "seconds", t->bundle_seconds);
        fprintf(file, ", \"planned_bytes\": %llu}", (unsigned long long)t->memory.planned_bytes);
    }
    fprintf(file, ",\n     \"operations\": [");
    operations(file, t);
    fprintf(file, "]}");
}

static void pairs(FILE *file, const cli_selftest_run *run, const char *name, const cli_agreement *pairs_of, int32_t count)
{
    fprintf(file, ",\n  \"%s\": [", name);
    for (int32_t i = 0; i < count; i++) {
        const cli_agreement *p = &pairs_of[i];
        fprintf(file, "%s\n    {\"devices\": [%u, %u]", i ? "," : "", run->tried[p->first].device.index,
                run->tried[p->second].device.index);
        number(file, ", ", "dice", p->dice);
        number(file, ", ", "hd95_mm", p->hd95_mm);
        number(file, ", ", "equal_share", p->equal);
        fprintf(file, "}");
    }
    fprintf(file, "]");
}

void cli_selftest_json(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "{\n  \"schema\": \"ctvk-selftest/1\", \"library\": \"%d.%d.%d\",\n  \"devices\": [\n", CTVK_VERSION_MAJOR,
            CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    for (int32_t i = 0; i < run->count; i++) {
        device(file, &run->tried[i], run->bundle != NULL);
        fprintf(file, i + 1 < run->count ? ",\n" : "\n");
    }
    fprintf(file, "  ]");
    pairs(file, run, "network_agreement", run->network, run->network_pairs);
    if (run->bundle) {
        text(file, ",\n  \"bundle\": {", "name", &run->bundle_info.name);
        text(file, ", ", "version", &run->bundle_info.version);
        text(file, ", ", "sha256", &run->bundle_info.sha256);
        fprintf(file, ", \"text\": \"%s\"}", run->text_source);
        pairs(file, run, "bundle_agreement", run->segmentation, run->segmentation_pairs);
    }
    fprintf(file, "\n}\n");
}
