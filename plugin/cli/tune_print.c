#include "tune.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"portable", "tiled", "address", "winograd", "gemm"};
enum { NAMES = sizeof names / sizeof *names };

static ctvk_tune_convolution convolution(const cli_tune_run *run, uint32_t index)
{
    ctvk_tune_convolution found = CTVK_TUNE_CONVOLUTION_INIT;
    run->tunes->convolution(run->tune, index, &found);
    return found;
}

static ctvk_tune_candidate candidate(const cli_tune_run *run, uint32_t of, uint32_t index)
{
    ctvk_tune_candidate found = CTVK_TUNE_CANDIDATE_INIT;
    run->tunes->candidate(run->tune, of, index, &found);
    return found;
}

double cli_tune_sum(const cli_tune_run *run, int32_t chosen)
{
    double sum = 0;
    for (uint32_t i = 0; i < run->info.measured_count; i++) {
        ctvk_tune_convolution c = convolution(run, i);
        sum += c.times * candidate(run, i, chosen ? c.chosen : c.untuned).milliseconds;
    }
    return sum;
}

/* "12.34*u": milliseconds, whether it was chosen, whether it would be taken untuned. */
static void print_cell(FILE *file, const cli_tune_run *run, uint32_t index, const ctvk_tune_convolution *c, const char *name)
{
    char cell[32] = "-";
    for (uint32_t i = 0; i < c->candidate_count; i++) {
        ctvk_tune_candidate found = candidate(run, index, i);
        if (strcmp(found.name.data, name) != 0)
            continue;
        if (isfinite(found.milliseconds))
            snprintf(cell, sizeof cell, "%.2f%c%c", found.milliseconds, i == c->chosen ? '*' : ' ', i == c->untuned ? 'u' : ' ');
        else
            snprintf(cell, sizeof cell, "too large");
    }
    fprintf(file, strcmp(cell, "-") == 0 ? " %10s  " : " %12s", cell);
}

static void print_row(FILE *file, const cli_tune_run *run, uint32_t index)
{
    ctvk_tune_convolution c = convolution(run, index);
    fprintf(file, "%-46s %5u", c.shape.data, c.times);
    for (int n = 0; n < NAMES; n++)
        print_cell(file, run, index, &c, names[n]);
    fputc('\n', file);
}

void cli_tune_table(FILE *file, const cli_tune_run *run)
{
    const ctvk_tune_info *info = &run->info;
    fprintf(file, "ctvk %d.%d.%d, tuning\n\n", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    fprintf(file, "device %u: %s\n   driver %s, UUID %s\n", run->device.index, run->device.name.data, run->device.driver.data,
            run->device.uuid.data);
    fprintf(file, "   window of %d x %d x %d, %u shapes of convolutions, %.1f s, %.1f MiB of device memory at most\n\n", info->window[0],
            info->window[1], info->window[2], info->measured_count, info->seconds, (double)info->peak_bytes / 1048576);
    fprintf(file, "%-46s %5s", "milliseconds (* chosen, u untuned)", "times");
    for (int n = 0; n < NAMES; n++)
        fprintf(file, " %10s  ", names[n]);
    fputc('\n', file);
    for (uint32_t i = 0; i < info->measured_count; i++)
        print_row(file, run, i);
    fprintf(file, "\nall convolutions of a window: %.1f ms untuned, %.1f ms as chosen\n", cli_tune_sum(run, 0), cli_tune_sum(run, 1));
}

static void text(FILE *file, const char *lead, const char *name, const ctvk_text *value)
{
    fprintf(file, "%s\"%s\": ", lead, name);
    cli_json_string(file, value->data, value->length);
}

/* What does not fit is null. */
static void number(FILE *file, double value)
{
    fprintf(file, isfinite(value) ? "%.6g" : "null", value);
}

static void write_convolution(FILE *file, const cli_tune_run *run, uint32_t index)
{
    ctvk_tune_convolution c = convolution(run, index);
    ctvk_tune_candidate chosen = candidate(run, index, c.chosen), untuned = candidate(run, index, c.untuned);
    text(file, "    {", "shape", &c.shape);
    fprintf(file, ", \"times\": %u, \"flop\": %.17g", c.times, c.flop);
    text(file, ", ", "chosen", &chosen.name);
    text(file, ", ", "untuned", &untuned.name);
    fprintf(file, ", \"milliseconds\": {");
    for (uint32_t i = 0; i < c.candidate_count; i++) {
        ctvk_tune_candidate found = candidate(run, index, i);
        fprintf(file, "%s\"%s\": ", i ? ", " : "", found.name.data);
        number(file, found.milliseconds);
    }
    fprintf(file, "}}");
}

void cli_tune_json(FILE *file, const cli_tune_run *run)
{
    const ctvk_device_info *d = &run->device;
    const ctvk_tune_info *info = &run->info;
    fprintf(file, "{\n  \"schema\": \"ctvk-tune/1\", \"library\": \"%d.%d.%d\",\n  \"device\": {\"index\": %u", CTVK_VERSION_MAJOR,
            CTVK_VERSION_MINOR, CTVK_VERSION_PATCH, d->index);
    text(file, ", ", "name", &d->name);
    text(file, ", ", "driver", &d->driver);
    fprintf(file, ", \"driver_version\": %u", d->driver_version);
    text(file, ", ", "uuid", &d->uuid);
    fprintf(
        file, ", \"type\": \"%s\"},\n  \"window\": [%d, %d, %d], \"seconds\": %.6g, \"peak_bytes\": %llu,\n  \"untuned_milliseconds\": ",
        cli_device_type(d->type), info->window[0], info->window[1], info->window[2], info->seconds, (unsigned long long)info->peak_bytes);
    number(file, cli_tune_sum(run, 0));
    fprintf(file, ", \"tuned_milliseconds\": ");
    number(file, cli_tune_sum(run, 1));
    fprintf(file, ",\n  \"convolutions\": [\n");
    for (uint32_t i = 0; i < info->measured_count; i++) {
        write_convolution(file, run, i);
        fprintf(file, i + 1 < info->measured_count ? ",\n" : "\n");
    }
    fprintf(file, "  ]\n}\n");
}
