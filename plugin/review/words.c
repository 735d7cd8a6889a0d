#include "review.h"

#include <stdlib.h>

static int add_words(review *r, const char *words)
{
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(r->report, "prompt_sha256");
    if (!cJSON_IsString(hash))
        return cli_fail(CLI_INPUT, "%.300s: prompt_sha256: the run read no prompt (leave the words out)", r->report_path);
    cJSON_DeleteItemFromObjectCaseSensitive(r->report, "prompt");
    if (!cJSON_AddStringToObject(r->report, "prompt", words))
        return cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    return CLI_OK;
}

int review_add_words(review *r)
{
    char *buffer = NULL;
    if (r->words)
        return add_words(r, r->words);
    if (!r->words_path)
        return CLI_OK;
    int code = cli_read_prompt(r->words_path, &buffer);
    if (code == CLI_OK)
        code = add_words(r, buffer);
    free(buffer);
    return code;
}
