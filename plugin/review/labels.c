#include "review.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scaled integers give whole numbers but for rounding; what is farther from one was interpolated. */
#define MAX_FRACTION 1e-3f
/* Colours that are nearer to each other, summed over red, green and blue, would be taken for one. */
#define MIN_APART 60

static review_structure *find(const review_map *map, int32_t value)
{
    for (int32_t i = 0; i < map->count; i++)
        if (map->structures[i].value == value)
            return &map->structures[i];
    return NULL;
}

/* NULL: too many. */
static review_structure *add(review_map *map, int32_t value)
{
    if (map->count == REVIEW_MAX_STRUCTURES)
        return NULL;
    review_structure *s = &map->structures[map->count++];
    *s = (review_structure){.value = value, .code = map->count, .low = {INT64_MAX, INT64_MAX, INT64_MAX}, .high = {-1, -1, -1}};
    return s;
}

static int is_color(const cJSON *item)
{
    return cJSON_IsString(item) && item->valuestring[0] == '#' && strlen(item->valuestring) == 7 &&
           strspn(item->valuestring + 1, "0123456789abcdefABCDEF") == 6;
}

void review_names(review_map *map, const cJSON *object)
{
    const cJSON *label;
    cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(object, "labels"))
    {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(label, "value"), *name = cJSON_GetObjectItemCaseSensitive(label, "name"),
                    *color = cJSON_GetObjectItemCaseSensitive(label, "color");
        if (!cJSON_IsNumber(value) || !(value->valuedouble >= 1 && value->valuedouble <= REVIEW_MAX_VALUE) ||
            value->valuedouble != value->valueint)
            continue;
        review_structure *s = find(map, value->valueint);
        if (!s)
            s = add(map, value->valueint);
        if (s && !*s->name && cJSON_IsString(name))
            snprintf(s->name, sizeof s->name, "%s", name->valuestring);
        if (s && !*s->color && is_color(color))
            snprintf(s->color, sizeof s->color, "%s", color->valuestring);
    }
}

typedef struct reading {
    float *row;
    uint8_t *codes;   /* one slice */
    uint8_t *code_of; /* by value; 0: not seen yet, or background */
} reading;

/* The structure's code; 0: there are too many. */
static uint8_t new_code(review_map *map, const reading *r, int32_t value)
{
    review_structure *s = find(map, value);
    if (!s)
        s = add(map, value);
    return s ? r->code_of[value] = (uint8_t)s->code : 0;
}

static void count(review_map *map, uint8_t code, const int64_t at[3])
{
    review_structure *s = &map->structures[code - 1];
    s->voxels++;
    for (int a = 0; a < 3; a++) {
        s->low[a] = at[a] < s->low[a] ? at[a] : s->low[a];
        s->high[a] = at[a] > s->high[a] ? at[a] : s->high[a];
        s->sum[a] += (double)at[a];
    }
}

static int read_row(review_map *map, const reading *r, int64_t j, int64_t k)
{
    uint8_t *out = r->codes + j * map->grid.dim[0];
    review_read_row(&map->grid, j, k, r->row);
    for (int64_t i = 0; i < map->grid.dim[0]; i++) {
        float whole = floorf(r->row[i] + 0.5f);
        if (!(whole >= 0 && whole <= REVIEW_MAX_VALUE) || fabsf(r->row[i] - whole) > MAX_FRACTION)
            return cli_fail(CLI_INPUT, "%.300s: holds the value %g, which is no label from 0 to %d (give a label map)", map->path,
                            (double)r->row[i], REVIEW_MAX_VALUE);
        int32_t value = (int32_t)whole;
        out[i] = value ? r->code_of[value] : 0;
        if (value && !out[i] && !(out[i] = new_code(map, r, value)))
            return cli_fail(CLI_INPUT, "%.300s: holds more than %d labels (give a label map)", map->path, REVIEW_MAX_STRUCTURES);
        if (value)
            count(map, out[i], (const int64_t[3]){i, j, k});
    }
    return CLI_OK;
}

static int pack(review_map *map, const reading *r, size_t limit)
{
    review_packer packer;
    int code = CLI_OK, result = review_pack_begin(&packer, Z_DEFAULT_STRATEGY, limit);
    for (int64_t k = 0; code == CLI_OK && k < map->grid.dim[2] && result == REVIEW_PACKED; k++) {
        for (int64_t j = 0; code == CLI_OK && j < map->grid.dim[1]; j++)
            code = read_row(map, r, j, k);
        if (code == CLI_OK && cli_interrupted())
            code = cli_fail(CLI_CANCELLED, "review: cancelled (nothing was written; run it again)");
        if (code == CLI_OK)
            result = review_pack_add(&packer, r->codes, (size_t)(map->grid.dim[0] * map->grid.dim[1]));
    }
    if (result != REVIEW_NO_MEMORY)
        result = review_pack_end(&packer, result, &map->block);
    if (code != CLI_OK || result == REVIEW_PACKED)
        return code;
    return result == REVIEW_NO_MEMORY
               ? cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)")
               : cli_fail(CLI_INPUT, "%.300s: too ragged for a page of %d MB (give fewer label maps, or one of whole structures)",
                          map->path, REVIEW_MAX_BYTES / 1000000);
}

static int by_value(const void *a, const void *b)
{
    const review_structure *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

int review_map_pack(review_map *map, size_t limit)
{
    reading r = {malloc((size_t)map->grid.dim[0] * sizeof *r.row), malloc((size_t)map->grid.dim[0] * (size_t)map->grid.dim[1]),
                 calloc(REVIEW_MAX_VALUE + 1, 1)};
    int code =
        r.row && r.codes && r.code_of ? pack(map, &r, limit) : cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    free(r.row);
    free(r.codes);
    free(r.code_of);
    qsort(map->structures, (size_t)map->count, sizeof *map->structures, by_value);
    return code;
}

/* Sum over red, green and blue of the differences between two colours. */
static long apart(const char *a, const char *b)
{
    long x = strtol(a + 1, NULL, 16), y = strtol(b + 1, NULL, 16), sum = 0;
    for (int shift = 0; shift < 24; shift += 8)
        sum += labs((x >> shift & 255) - (y >> shift & 255));
    return sum;
}

/* How near the colour comes to one of the structures before `end`. */
static long nearest(const review_map *maps, const review_structure *end, const char *color)
{
    long least = LONG_MAX;
    for (const review_map *map = maps;; map++)
        for (int32_t i = 0; i < map->count; i++) {
            if (&map->structures[i] == end)
                return least;
            long distance = apart(map->structures[i].color, color);
            least = distance < least ? distance : least;
        }
}

void review_colors(review_map *maps, int32_t count)
{
    /* None of them a gray of the CT; the first two stay apart for every kind of colour vision. */
    static const char *const palette[] = {"#ff4054", "#4a96ff", "#ffc828", "#50dc78", "#dc6eff", "#3cdcdc", "#ff9640", "#a0f03c"};
    for (int32_t m = 0; m < count; m++)
        for (review_structure *s = maps[m].structures; s < maps[m].structures + maps[m].count; s++) {
            if (*s->color && nearest(maps, s, s->color) >= MIN_APART)
                continue;
            const char *best = palette[0];
            for (size_t i = 1; i < sizeof palette / sizeof *palette; i++)
                if (nearest(maps, s, palette[i]) > nearest(maps, s, best))
                    best = palette[i];
            snprintf(s->color, sizeof s->color, "%s", best);
        }
}
