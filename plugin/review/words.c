#include "review.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(void)
{
    return cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
}

static int add_words(review *r, const char *words)
{
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(r->report, "prompt_sha256");
    if (!cJSON_IsString(hash))
        return cli_fail(CLI_INPUT, "%.300s: prompt_sha256: the run read no prompt (leave the words out)", r->report_path);
    cJSON_DeleteItemFromObjectCaseSensitive(r->report, "prompt");
    return cJSON_AddStringToObject(r->report, "prompt", words) ? CLI_OK : no_memory();
}

/* The template is the bundle's: of another one the same facts could make the same words, and mean something else. */
static int check_model(const review *r, ctvk_bundle *bundle)
{
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(r->report, "bundle"), "sha256");
    r->library.bundles->info(bundle, &info);
    if (strcmp(cJSON_GetStringValue(hash), info.sha256.data) != 0)
        return cli_fail(CLI_INPUT, "%.300s: is not the model of the report (give the folder that the run had as --model)", r->model);
    return CLI_OK;
}

static int add_facts(review *r, ctvk_bundle *bundle)
{
    const cli_text_source source = {CLI_TEXT_FIELDS, NULL, r->fields, r->field_count};
    ctvk_job_options filled = CTVK_JOB_OPTIONS_INIT;
    char *buffer = NULL;
    cJSON *facts = cJSON_CreateStringArray(r->fields, r->field_count);
    int code = check_model(r, bundle);
    if (code == CLI_OK)
        code = cli_find_text(&r->library, bundle, &source, &filled, &buffer);
    if (code == CLI_OK)
        code = add_words(r, filled.prompt.data);
    if (code == CLI_OK && !cJSON_AddItemToObject(r->report, "facts", facts))
        code = no_memory();
    if (code != CLI_OK)
        cJSON_Delete(facts);
    free(buffer);
    return code;
}

int review_add_words(review *r)
{
    char *buffer = NULL;
    ctvk_bundle *bundle = NULL;
    int code = CLI_OK;
    cJSON_DeleteItemFromObjectCaseSensitive(r->report, "facts"); /* no report of ours has any, and nothing holds them against the run */
    if (r->words)
        return add_words(r, r->words);
    if (r->words_path) {
        code = cli_read_prompt(r->words_path, &buffer);
        if (code == CLI_OK)
            code = add_words(r, buffer);
        free(buffer);
    } else if (r->model) {
        code = cli_open_bundle(&r->library, r->model, &bundle);
        if (code == CLI_OK)
            code = add_facts(r, bundle);
        if (bundle)
            r->library.bundles->destroy(bundle);
    }
    return code;
}
