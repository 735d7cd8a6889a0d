#include "review.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What a block and the tags of the data take besides, generously. */
enum { TAG_BYTES = 4096 };

/* A JSON text that no HTML parser takes for a tag or an end of its element, whatever the report says. */
static size_t write_json(FILE *file, const char *text)
{
    size_t bytes = 0;
    for (; *text; text++) {
        int special = *text == '<' || *text == '>' || *text == '&';
        bytes += special ? 6 : 1;
        if (!file)
            continue;
        if (special)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, file);
    }
    return bytes;
}

size_t review_page_overhead(const char *facts)
{
    return review_page_head_size + write_json(NULL, facts) + review_page_tail_size + TAG_BYTES;
}

static void write_block(FILE *file, const char *id, const review_block *block)
{
    fprintf(file, "<script type=\"text/plain\" id=\"%s\">", id);
    review_write_base64(file, block);
    fputs("</script>\n", file);
}

static void write_page(FILE *file, const review *r, const char *facts)
{
    char id[16];
    fwrite(review_page_head, 1, review_page_head_size, file);
    fputs("<script type=\"application/json\" id=\"facts\">", file);
    write_json(file, facts);
    fputs("</script>\n", file);
    write_block(file, "ct", &r->ct.block);
    for (int32_t m = 0; m < r->map_count; m++) {
        snprintf(id, sizeof id, "map%d", m);
        write_block(file, id, &r->maps[m].block);
    }
    fwrite(review_page_tail, 1, review_page_tail_size, file);
}

int review_page_write(const char *path, const review *r, const char *facts)
{
    unlink(path); /* left by a process of the same number that was killed */
    FILE *file = fopen(path, "wxe");
    int reason = errno;
    if (file) {
        write_page(file, r, facts);
        int failed = fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0;
        reason = errno;
        if (fclose(file) == 0 && !failed)
            return CLI_OK;
    }
    return cli_fail(CLI_INPUT, "page: %s (check the folder and the disk)", strerror(reason));
}
