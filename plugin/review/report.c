#include "review.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A report takes about 2 KB. */
enum { MAX_REPORT_BYTES = 1 << 20 };

enum { TEXT = 1, NUMBER = 2, BOOLEAN = 4, NOTHING = 8, OBJECT = 16, NUMBERS = 32, TEXTS = 64, OBJECTS = 128, OPTIONAL = 256 };

/* The keys that the page may show, and what each must be. */
static const struct {
    const char *path; /* "group.key" */
    int kind;
} keys[] = {{"bundle", OBJECT},
            {"bundle.name", TEXT},
            {"bundle.version", TEXT},
            {"bundle.sha256", TEXT},
            {"library", TEXT},
            {"device", OBJECT},
            {"device.name", TEXT},
            {"device.driver", TEXT},
            {"device.type", TEXT},
            {"precision", TEXT},
            {"prompt", TEXT | NOTHING | OPTIONAL},
            {"prompt_sha256", TEXT | NOTHING | OPTIONAL},
            {"facts", TEXTS | OPTIONAL}, /* of the command line: words.c */
            {"text", OBJECT | OPTIONAL},
            {"text.source", TEXT | NOTHING | OPTIONAL},
            {"text.tokens", NUMBER | NOTHING | OPTIONAL},
            {"text.truncated", BOOLEAN | OPTIONAL},
            {"text.encoder_sha256", TEXT | OPTIONAL},
            {"image", OBJECT},
            {"image.sha256", TEXT | NOTHING | OPTIONAL},
            {"image.shape", NUMBERS},
            {"image.spacing_mm", NUMBERS},
            {"windows", NUMBER | OPTIONAL},
            {"labels", OBJECTS},
            {"warnings", TEXTS}};
enum { KEYS = sizeof keys / sizeof *keys };

static const cJSON *find(const cJSON *root, const char *path)
{
    char group[32];
    const char *dot = strchr(path, '.');
    if (!dot)
        return cJSON_GetObjectItemCaseSensitive(root, path);
    snprintf(group, sizeof group, "%.*s", (int)(dot - path), path);
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, group), dot + 1);
}

static int all(const cJSON *array, cJSON_bool (*is)(const cJSON *item))
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array) if (!is(item)) return 0;
    return cJSON_IsArray(array);
}

static int fits(const cJSON *item, int kind)
{
    return (kind & TEXT && cJSON_IsString(item)) || (kind & NUMBER && cJSON_IsNumber(item)) || (kind & BOOLEAN && cJSON_IsBool(item)) ||
           (kind & NOTHING && cJSON_IsNull(item)) || (kind & OBJECT && cJSON_IsObject(item)) ||
           (kind & NUMBERS && all(item, cJSON_IsNumber) && cJSON_GetArraySize(item) == 3) || (kind & TEXTS && all(item, cJSON_IsString)) ||
           (kind & OBJECTS && all(item, cJSON_IsObject));
}

static const char *expected(int kind)
{
    return kind & TEXT      ? "a text"
           : kind & NUMBER  ? "a number"
           : kind & BOOLEAN ? "true or false"
           : kind & OBJECT  ? "an object"
           : kind & NUMBERS ? "a list of three numbers"
           : kind & TEXTS   ? "a list of texts"
                            : "a list of objects";
}

static int check_labels(const char *path, const cJSON *labels)
{
    const cJSON *label;
    cJSON_ArrayForEach(
        label,
        labels) if (!cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(label, "value")) ||
                    !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(label, "name")) ||
                    !cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(
                        label,
                        "voxels"))) return cli_fail(CLI_INPUT,
                                                    "%.300s: labels: one lacks its value, name or voxels (give a report of ctvk segment)",
                                                    path);
    return CLI_OK;
}

static int check(const char *path, const cJSON *report)
{
    for (int i = 0; i < KEYS; i++) {
        const cJSON *item = find(report, keys[i].path);
        if (item ? !fits(item, keys[i].kind) : !(keys[i].kind & OPTIONAL))
            return cli_fail(CLI_INPUT, "%.300s: %s: %s %s (give a report of ctvk segment)", path, keys[i].path,
                            item ? "it is not" : "it is missing, expected is", expected(keys[i].kind));
    }
    return check_labels(path, cJSON_GetObjectItemCaseSensitive(report, "labels"));
}

static int read_text(const char *path, char **out)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return cli_fail(CLI_INPUT, "%.300s: %s (check the path of --report)", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_REPORT_BYTES)
        return cli_fail(CLI_INPUT, "%.300s: no ordinary file of at most a megabyte (give a report of ctvk segment)", path);
    FILE *file = fopen(path, "rbe");
    char *text = calloc((size_t)info.st_size + 1, 1);
    size_t length = file && text ? fread(text, 1, (size_t)info.st_size, file) : 0;
    int failed = !file || length != (size_t)info.st_size;
    if (file)
        fclose(file);
    if (text && !failed && strlen(text) == length) {
        *out = text;
        return CLI_OK;
    }
    free(text);
    return text || !file ? cli_fail(CLI_INPUT, "%.300s: cannot be read as text (give a report of ctvk segment)", path)
                         : cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
}

int review_report_read(const char *path, cJSON **out)
{
    char *text = NULL;
    const char *end = NULL;
    int code = read_text(path, &text);
    if (code != CLI_OK)
        return code;
    cJSON *report = cJSON_ParseWithOpts(text, &end, 1);
    if (!cJSON_IsObject(report))
        code = cli_fail(CLI_INPUT, "%.300s: no JSON object, wrong at byte %td (give a report of ctvk segment)", path,
                        report || !end ? (ptrdiff_t)0 : end - text);
    if (code == CLI_OK)
        code = check(path, report);
    free(text);
    if (code == CLI_OK)
        *out = report;
    else
        cJSON_Delete(report);
    return code;
}

cJSON *review_report_facts(const cJSON *report)
{
    cJSON *facts = cJSON_CreateObject();
    for (int i = 0; i < KEYS; i++) {
        const cJSON *item = find(report, keys[i].path);
        if (item && !(keys[i].kind & (OBJECT | OBJECTS)))
            cJSON_AddItemToObject(facts, keys[i].path, cJSON_Duplicate(item, 1));
    }
    return facts;
}
