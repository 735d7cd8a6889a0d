#include "review.h"

#include <math.h>

static void add_numbers(cJSON *object, const char *name, const double *values, int count)
{
    cJSON_AddItemToObject(object, name, cJSON_CreateDoubleArray(values, count));
}

static void add_whole(cJSON *object, const char *name, const int64_t values[3])
{
    const double numbers[3] = {(double)values[0], (double)values[1], (double)values[2]};
    add_numbers(object, name, numbers, 3);
}

static double voxel_ml(const review_grid *g)
{
    const double *m = g->to_ras;
    return fabs(m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8])) / 1000;
}

static cJSON *structure_facts(const review_map *map, const review_structure *s)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "code", s->code);
    cJSON_AddNumberToObject(out, "value", s->value);
    cJSON_AddStringToObject(out, "name", s->name);
    cJSON_AddStringToObject(out, "color", s->color);
    cJSON_AddNumberToObject(out, "voxels", (double)s->voxels);
    cJSON_AddNumberToObject(out, "ml", (double)s->voxels * voxel_ml(&map->grid));
    if (s->voxels) {
        double centre[3];
        for (int a = 0; a < 3; a++)
            centre[a] = floor(s->sum[a] / (double)s->voxels + 0.5);
        add_numbers(out, "centre", centre, 3);
        add_whole(out, "low", s->low);
        add_whole(out, "high", s->high);
    }
    return out;
}

static cJSON *map_facts(const review_map *map)
{
    cJSON *out = cJSON_CreateObject(), *structures = cJSON_AddArrayToObject(out, "structures");
    if (map->name)
        cJSON_AddStringToObject(out, "name", map->name);
    for (int32_t i = 0; i < map->count; i++)
        cJSON_AddItemToArray(structures, structure_facts(map, &map->structures[i]));
    return out;
}

char *review_facts(const review *r)
{
    double levels[REVIEW_MAX_LEVELS];
    char version[32];
    int32_t count = review_levels(levels);
    cJSON *out = cJSON_CreateObject(), *grid = cJSON_AddObjectToObject(out, "grid"), *ct = cJSON_AddObjectToObject(out, "ct"),
          *maps = cJSON_AddArrayToObject(out, "maps");
    snprintf(version, sizeof version, "%d.%d.%d", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    cJSON_AddStringToObject(out, "version", version);
    add_whole(grid, "dim", r->ct.grid.dim);
    add_numbers(grid, "spacing", r->ct.grid.spacing, 3);
    add_numbers(grid, "ras", r->ct.grid.to_ras, 12);
    add_whole(ct, "dim", r->ct.dim);
    add_numbers(ct, "levels", levels, count);
    for (int32_t m = 0; m < r->map_count; m++)
        cJSON_AddItemToArray(maps, map_facts(&r->maps[m]));
    cJSON_AddItemToObject(out, "alerts", review_alerts(r));
    cJSON_AddItemToObject(out, "notes", review_notes(r));
    if (r->report)
        cJSON_AddItemToObject(out, "report", review_report_facts(r->report));
    char *text = cJSON_PrintUnformatted(out);
    cJSON_Delete(out);
    return text;
}
