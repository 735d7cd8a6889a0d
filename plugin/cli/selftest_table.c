#include "selftest.h"

#include <math.h>

static void print_device(FILE *file, const cli_tried *t)
{
    const ctvk_device_info *d = &t->device;
    fprintf(file, "device %u: %s\n", d->index, d->name.data);
    fprintf(file, "   driver %s (version 0x%08x), Vulkan %u.%u.%u, UUID %s\n", d->driver.data, d->driver_version, d->api_version >> 22,
            d->api_version >> 12 & 0x3ff, d->api_version & 0xfff, d->uuid.data);
    fprintf(file, "   uses: %s\n", t->info.capabilities.data);
    fprintf(file, "   %s: %u of %u right, %.1f s, %.1f MiB of device memory at most\n\n", t->passed ? "RIGHT" : "COMPUTES WRONGLY",
            t->info.operation_count - t->info.wrong_count, t->info.operation_count, t->info.seconds, (double)t->info.peak_bytes / 1048576);
}

/* "1.2e-06   5 %": the error and its share of the limit. */
static void print_error(FILE *file, const ctvk_selftest_operation *o)
{
    char text[48];
    if (!isfinite(o->worst_error))
        snprintf(text, sizeof text, "no number WRONG");
    else
        snprintf(text, sizeof text, o->wrong ? "%.1e WRONG" : "%.1e %3.0f %%", o->worst_error, 100 * o->worst_error / o->limit);
    fprintf(file, "  %16s", text);
}

const cli_tried *cli_selftest_longest(const cli_selftest_run *run)
{
    const cli_tried *longest = &run->tried[0];
    for (int32_t i = 1; i < run->count; i++)
        if (run->tried[i].info.operation_count > longest->info.operation_count)
            longest = &run->tried[i];
    return longest;
}

static void print_operations(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "%-16s %5s", "worst error", "cases");
    for (int32_t i = 0; i < run->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "device %u", run->tried[i].device.index);
        fprintf(file, "  %16s", name);
    }
    fprintf(file, "   (share of what is right)\n");
    const cli_tried *longest = cli_selftest_longest(run);
    for (uint32_t o = 0; o < longest->info.operation_count; o++) {
        fprintf(file, "%-16s %5llu", longest->operation[o].name.data, (unsigned long long)longest->operation[o].cases);
        for (int32_t i = 0; i < run->count; i++)
            if (o < run->tried[i].info.operation_count)
                print_error(file, &run->tried[i].operation[o]);
            else
                fprintf(file, "  %16s", "not tried");
        fputc('\n', file);
    }
}

static void print_score(FILE *file, int width, int digits, double score)
{
    if (isnan(score))
        fprintf(file, "%*s", width, "-");
    else
        fprintf(file, "%*.*f", width, digits, score);
}

static void print_pairs(FILE *file, const cli_selftest_run *run, const char *what, const cli_agreement *pairs, int32_t count)
{
    if (!count)
        return;
    fprintf(file, "\n%-28s %8s %10s %14s\n", what, "Dice", "HD95, mm", "equal labels");
    for (int32_t i = 0; i < count; i++) {
        const cli_agreement *p = &pairs[i];
        fprintf(file, "device %2u against device %-2u   ", run->tried[p->first].device.index, run->tried[p->second].device.index);
        print_score(file, 8, 5, p->dice);
        print_score(file, 11, 3, p->hd95_mm);
        fprintf(file, " %12.5f %%\n", 100 * p->equal);
    }
}

void cli_selftest_table(FILE *file, const cli_selftest_run *run)
{
    fprintf(file, "ctvk %d.%d.%d, self-test\n\n", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    for (int32_t i = 0; i < run->count; i++)
        print_device(file, &run->tried[i]);
    print_operations(file, run);
    print_pairs(file, run, "small network with text", run->network, run->network_pairs);
    if (!run->bundle)
        return;
    fprintf(file, "\nbundle %s %s, text: %s\n", run->bundle_info.name.data, run->bundle_info.version.data, run->text_source);
    for (int32_t i = 0; i < run->count; i++)
        fprintf(file, "device %2u: %.1f s, %.1f MiB of device memory planned\n", run->tried[i].device.index, run->tried[i].bundle_seconds,
                (double)run->tried[i].memory.planned_bytes / 1048576);
    print_pairs(file, run, "the bundle on the CT", run->segmentation, run->segmentation_pairs);
}
