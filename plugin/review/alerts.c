#include "review.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define PRINTF(f, a) __attribute__((format(printf, f, a)))

static PRINTF(2, 3) void say(cJSON *list, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    cJSON_AddItemToArray(list, cJSON_CreateString(line));
}

static const cJSON *item(const cJSON *report, const char *group, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(report, group), key);
}

/* How the page names a map; text: at least 300 bytes. */
static const char *name_map(const review *r, int32_t m, char *text, size_t size)
{
    if (r->map_count == 1 && !r->maps[m].name)
        return "The label map";
    if (r->maps[m].name)
        snprintf(text, size, "\"%.250s\"", r->maps[m].name);
    else
        snprintf(text, size, "Label map %d", m + 1);
    return text;
}

static void about_maps(const review *r, cJSON *list)
{
    char text[300];
    for (int32_t m = 0; m < r->map_count; m++) {
        const review_map *map = &r->maps[m];
        uint64_t voxels = 0;
        for (int32_t i = 0; i < map->count; i++)
            voxels += map->structures[i].voxels;
        if (!voxels) {
            say(list, "%s is empty: there is no contour to see.", name_map(r, m, text, sizeof text));
            continue;
        }
        for (int32_t i = 0; i < map->count; i++)
            if (!map->structures[i].voxels)
                say(list, "%s holds no voxel of %s.", name_map(r, m, text, sizeof text),
                    *map->structures[i].name ? map->structures[i].name : "one of its labels");
    }
}

static uint64_t voxels_of(const review_map *map, int32_t value)
{
    for (int32_t i = 0; i < map->count; i++)
        if (map->structures[i].value == value)
            return map->structures[i].voxels;
    return 0;
}

/* The report tells of the first label map: that map may have been edited since, or be of another run. */
static void about_labels(const review *r, cJSON *list)
{
    const cJSON *label;
    cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(r->report, "labels"))
    {
        double value = cJSON_GetObjectItemCaseSensitive(label, "value")->valuedouble;
        double voxels = cJSON_GetObjectItemCaseSensitive(label, "voxels")->valuedouble;
        if (!(value >= 1 && value <= REVIEW_MAX_VALUE))
            continue;
        double found = (double)voxels_of(&r->maps[0], (int32_t)value);
        if (found != voxels)
            say(list, "%.200s has %.0f voxels here, %.0f in the report: the label map was edited after that run, or is of another one.",
                cJSON_GetObjectItemCaseSensitive(label, "name")->valuestring, found, voxels);
    }
}

static void about_report(const review *r, cJSON *list)
{
    const cJSON *warning, *hash = item(r->report, "image", "sha256");
    if (!r->report) {
        say(list, "No report was given: which model drew the contours, and from which words, is not known.");
        return;
    }
    if (cJSON_IsTrue(item(r->report, "text", "truncated")))
        say(list, "The prompt was longer than the language model reads; its end was not used.");
    if (cJSON_IsString(hash) && r->volume.sha256.length && strcmp(hash->valuestring, r->volume.sha256.data) != 0)
        say(list, "The CT's file is not the one that the report names: it was saved anew, or is another CT.");
    about_labels(r, list);
    cJSON_ArrayForEach(warning, cJSON_GetObjectItemCaseSensitive(r->report, "warnings")) say(list, "%.1000s", warning->valuestring);
}

cJSON *review_alerts(const review *r)
{
    cJSON *list = cJSON_CreateArray();
    about_maps(r, list);
    about_report(r, list);
    if (r->ct.grid.skew > 0.1) /* a pixel at the end of 500 mm */
        say(list, "The CT's axes are not at right angles (%.1f degrees off): the views are drawn as if they were.", r->ct.grid.skew);
    return list;
}

cJSON *review_notes(const review *r)
{
    const review_ct *ct = &r->ct;
    cJSON *list = cJSON_CreateArray();
    double kept[3];
    for (int a = 0; a < 3; a++)
        kept[a] = ct->grid.spacing[a] * (double)ct->grid.dim[a] / (double)ct->dim[a];
    if (memcmp(ct->dim, ct->grid.dim, sizeof ct->dim) != 0)
        say(list,
            "So that the page stays under %d MB, the CT is shown at %.2f x %.2f x %.2f mm; the file has %.2f x %.2f x %.2f mm. Contours "
            "and "
            "volumes are of the file's own voxels.",
            REVIEW_MAX_BYTES / 1000000, kept[0], kept[1], kept[2], ct->grid.spacing[0], ct->grid.spacing[1], ct->grid.spacing[2]);
    else
        say(list, "The CT is shown voxel by voxel, %.2f x %.2f x %.2f mm.", kept[0], kept[1], kept[2]);
    say(list, "Its values are rounded: within 2 HU from -256 to 256, 8 below, 10 up to 1536, 64 above; below -960 all is air.");
    if (ct->grid.tilt > 0.5)
        say(list, "Slices are the CT's own, up to %.1f degrees off the patient's axes.", ct->grid.tilt);
    return list;
}

/* The report counts the axes as the file has them, the page in its own order; so does the order of both not matter here. */
static int same_shape(const ctvk_volume *volume, const cJSON *shape)
{
    for (int a = 0; a < 3; a++)
        if (cJSON_GetArrayItem(shape, a)->valuedouble != (double)volume->dim[a])
            return 0;
    return 1;
}

int review_check_report(const review *r)
{
    const cJSON *shape = item(r->report, "image", "shape");
    if (!r->report || same_shape(&r->volume, shape))
        return CLI_OK;
    return cli_fail(CLI_INPUT,
                    "%.300s: image.shape: the report of a CT of %.0f x %.0f x %.0f voxels, %.300s has %lld x %lld x %lld (give the "
                    "report of this CT)",
                    r->report_path, cJSON_GetArrayItem(shape, 0)->valuedouble, cJSON_GetArrayItem(shape, 1)->valuedouble,
                    cJSON_GetArrayItem(shape, 2)->valuedouble, r->image_path, (long long)r->volume.dim[0], (long long)r->volume.dim[1],
                    (long long)r->volume.dim[2]);
}
