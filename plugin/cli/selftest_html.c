#include "selftest.h"

#include <math.h>
#include <string.h>

/* Names of devices and bundles come from outside. */
static void escaped(FILE *file, const char *text)
{
    for (; *text; text++)
        if (strchr("&<>\"'", *text))
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
}

static void cell(FILE *file, const char *kind, const char *text)
{
    fprintf(file, "<td%s>", kind);
    escaped(file, text);
    fprintf(file, "</td>");
}

static void devices(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "<table><tr><th>device</th><th>name</th><th>driver</th><th>Vulkan</th><th>UUID</th><th>uses</th><th>seconds</th><th>peak "
                  "MiB</th><th>computes</th></tr>\n");
    for (int32_t i = 0; i < run->count; i++) {
        const cli_tried *t = &run->tried[i];
        const ctvk_device_info *d = &t->device;
        fprintf(file, "<tr><td>%u</td>", d->index);
        cell(file, "", d->name.data);
        cell(file, "", d->driver.data);
        fprintf(file, "<td>%u.%u.%u</td>", d->api_version >> 22, d->api_version >> 12 & 0x3ff, d->api_version & 0xfff);
        cell(file, "", d->uuid.data);
        cell(file, "", t->info.capabilities.data);
        fprintf(file, "<td class=n>%.1f</td><td class=n>%.1f</td>", t->info.seconds, (double)t->info.peak_bytes / 1048576);
        cell(file, t->passed ? " class=right" : " class=wrong", t->passed ? "rightly" : t->message.data);
        fprintf(file, "</tr>\n");
    }
    fprintf(file, "</table>\n");
}

static void operations(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "<h2>Worst error of each operation against double precision</h2>\n<table><tr><th>operation</th><th>cases</th>");
    for (int32_t i = 0; i < run->count; i++)
        fprintf(file, "<th>device %u</th><th>limit</th>", run->tried[i].device.index);
    fprintf(file, "</tr>\n");
    const cli_tried *longest = cli_selftest_longest(run);
    for (uint32_t o = 0; o < longest->info.operation_count; o++) {
        fprintf(file, "<tr>");
        cell(file, "", longest->operation[o].name.data);
        fprintf(file, "<td class=n>%llu</td>", (unsigned long long)longest->operation[o].cases);
        for (int32_t i = 0; i < run->count; i++) {
            const ctvk_selftest_operation *found = &run->tried[i].operation[o];
            if (o >= run->tried[i].info.operation_count) { /* the device was lost before */
                cell(file, " class=wrong", "not tried");
                fprintf(file, "<td></td>");
                continue;
            }
            char text[32] = "no number";
            if (isfinite(found->worst_error))
                snprintf(text, sizeof text, "%.2e", found->worst_error);
            cell(file, found->wrong ? " class='n wrong'" : " class='n right'", text);
            fprintf(file, "<td class=n>%.1e</td>", found->limit);
        }
        fprintf(file, "</tr>\n");
    }
    fprintf(file, "</table>\n");
}

static void score(FILE *file, int digits, double value)
{
    if (isnan(value))
        fprintf(file, "<td class=n>undefined</td>");
    else
        fprintf(file, "<td class=n>%.*f</td>", digits, value);
}

static void pairs(FILE *file, const cli_selftest_run *run, const cli_agreement *pairs_of, int32_t count)
{
    if (!count)
        return;
    fprintf(file, "<table><tr><th>devices</th><th>Dice</th><th>HD95, mm</th><th>equal labels, %%</th></tr>\n");
    for (int32_t i = 0; i < count; i++) {
        const cli_agreement *p = &pairs_of[i];
        fprintf(file, "<tr><td>%u against %u</td>", run->tried[p->first].device.index, run->tried[p->second].device.index);
        score(file, 5, p->dice);
        score(file, 3, p->hd95_mm);
        score(file, 5, 100 * p->equal);
        fprintf(file, "</tr>\n");
    }
    fprintf(file, "</table>\n");
}

void cli_selftest_html(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
                  "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                  "<title>ctvk self-test</title>\n<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
                  "td,th{border:1px solid #999;padding:.2em .6em;text-align:left}.n{text-align:right}.right{background:#dfd}"
                  ".wrong{background:#fcc;font-weight:bold}</style>\n");
    fprintf(file, "<h1>ctvk %d.%d.%d, self-test</h1>\n", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    devices(file, run);
    operations(file, run);
    if (run->network_pairs)
        fprintf(file, "<h2>The small network with text, device against device</h2>\n");
    pairs(file, run, run->network, run->network_pairs);
    if (run->bundle) {
        fprintf(file, "<h2>Bundle ");
        escaped(file, run->bundle_info.name.data);
        fprintf(file, " ");
        escaped(file, run->bundle_info.version.data);
        fprintf(file, ", text: %s</h2>\n<table><tr><th>device</th><th>seconds</th><th>planned MiB</th></tr>\n", run->text_source);
        for (int32_t i = 0; i < run->count; i++)
            fprintf(file, "<tr><td>%u</td><td class=n>%.1f</td><td class=n>%.1f</td></tr>\n", run->tried[i].device.index,
                    run->tried[i].bundle_seconds, (double)run->tried[i].memory.planned_bytes / 1048576);
        fprintf(file, "</table>\n");
        pairs(file, run, run->segmentation, run->segmentation_pairs);
    }
    fprintf(file, "</html>\n");
}
