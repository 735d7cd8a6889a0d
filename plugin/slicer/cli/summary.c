/* What Slicer shows after a run: comments on stdout, and the module's output parameters in the file that Slicer names. */
#include "slicer/cli/module.h"

#include <errno.h>
#include <string.h>

/* One line, whatever the text holds; markup is escaped for stdout. */
static void put(FILE *file, const char *text, int markup)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (markup && (c == '<' || c == '>' || c == '&'))
            fputs(c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;", file);
        else
            fputc(c < 0x20 || c == 0x7f ? ' ' : c, file);
    }
}

static void comment(const char *text)
{
    if (slicer_now.shared)
        return;
    printf("<filter-comment>");
    put(stdout, text, 1);
    printf("</filter-comment>\n");
}

static double put_volumes(FILE *file, const cli_segmentation *s, uint32_t count)
{
    double total = 0;
    const char *between = "";
    for (uint32_t i = 0; i < count; i++) {
        ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
        char amount[64];
        if (s->library.results->label_volume(s->result, i, &label) != CTVK_OK || label.value == 0)
            continue;
        snprintf(amount, sizeof amount, ": %.2f ml", label.volume_ml);
        fputs(between, file);
        put(file, label.name.data, 0);
        fputs(amount, file);
        between = "; ";
        total += label.volume_ml;
    }
    return total;
}

static void put_returns(FILE *file, const cli_segmentation *s, const ctvk_result_info *info)
{
    ctvk_text text;
    fprintf(file, "volumes = ");
    double total = put_volumes(file, s, info->label_count);
    fprintf(file, "\ntotal_ml = %.4f\nalerts = %u\nwarnings = ", total, info->warning_count);
    for (uint32_t i = 0; i < info->warning_count; i++)
        if (s->library.results->warning(s->result, i, &text) == CTVK_OK) {
            fputs(i ? " | " : "", file);
            put(file, text.data, 0);
        }
    fputc('\n', file);
}

static int write_returns(const cli_segmentation *s, const ctvk_result_info *info)
{
    FILE *file = fopen(slicer_now.returns, "we");
    int failed = !file;
    if (file) {
        put_returns(file, s, info);
        failed = ferror(file) != 0;
        failed |= fclose(file) != 0;
    }
    if (failed)
        return cli_fail(CLI_INPUT, "--returnparameterfile %.300s: %s (the label map is written; check the disk)", slicer_now.returns,
                        strerror(errno));
    return CLI_OK;
}

int cli_segment_done(const cli_segmentation *s)
{
    const ctvk_result_api *results = s->library.results;
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    ctvk_text text;
    results->info(s->result, &info);
    for (uint32_t i = 0; i < info.warning_count; i++)
        if (results->warning(s->result, i, &text) == CTVK_OK) {
            comment(text.data);
            cli_warn("%s", text.data);
        }
    comment("unreviewed proposal: a physician checks and corrects it");
    return slicer_now.returns ? write_returns(s, &info) : CLI_OK;
}
