#include "support/seeded_weights.h"

#include "formats/manifest.h"
#include "nets/llmseg_names.h"
#include "selftest/seeded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct list {
    ctvk_st_write *tensors;
    uint32_t count, room;
} list;

static int add_tensor(void *user, const char *name, int32_t rank, const uint64_t shape[8])
{
    list *l = user;
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        ctvk_st_write *grown = realloc(l->tensors, l->room * sizeof *grown);
        if (!grown)
            return 1;
        l->tensors = grown;
    }
    uint64_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= shape[i];
    float *data = malloc(count * sizeof *data);
    char *copy = strdup(name);
    if (!data || !copy) {
        free(data);
        free(copy);
        return 1;
    }
    for (uint64_t i = 0; i < count; i++)
        data[i] = ctvk_seeded_weight(name, rank, shape, i);
    ctvk_st_write *t = &l->tensors[l->count++];
    *t = (ctvk_st_write){.name = copy, .rank = rank, .data = data};
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    return 0;
}

static void free_list(list *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        free((void *)(uintptr_t)l->tensors[i].name);
        free((void *)(uintptr_t)l->tensors[i].data);
    }
    free(l->tensors);
}

static char *read_text(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = malloc(1 << 16);
    *length = text ? fread(text, 1, 1 << 16, file) : 0;
    fclose(file);
    return text;
}

static int write_text(const char *path, const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    int good = file && fwrite(text, 1, length, file) == length;
    if (file)
        good = fclose(file) == 0 && good;
    return good ? 0 : -1;
}

int seeded_weights_write(const char *case_folder, const char *out_folder)
{
    char path[1024];
    ctvk_error error = {0};
    size_t length = 0;
    snprintf(path, sizeof path, "%.1000s/manifest.json", case_folder);
    char *json = read_text(path, &length);
    ctvk_manifest *manifest = calloc(1, sizeof *manifest);
    list tensors = {0};
    int result = -1;
    if (!json || !manifest) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto done;
    }
    if (ctvk_manifest_parse(NULL, json, length, "manifest.json", manifest, &error) != CTVK_OK)
        goto report;
    ctvk_llmseg_desc desc = {.in_channels = manifest->in_channels,
                             .out_channels = manifest->out_channels,
                             .feature_size = manifest->feature_size,
                             .has_text = manifest->has_text,
                             .text_dim = manifest->text_dim,
                             .prompts = manifest->prompts};
    if (ctvk_llmseg_each_tensor(&desc, add_tensor, &tensors) != 0) {
        snprintf(error.message, sizeof error.message, "memory exhausted");
        goto report;
    }
    snprintf(path, sizeof path, "%.900s/%.100s", out_folder, manifest->weights);
    if (ctvk_safetensors_write(NULL, path, tensors.tensors, tensors.count, &error) != CTVK_OK)
        goto report;
    snprintf(path, sizeof path, "%.1000s/manifest.json", out_folder);
    snprintf(error.message, sizeof error.message, "cannot be written");
    if (write_text(path, json, length) == 0)
        result = 0;
report:
    if (result != 0)
        fprintf(stderr, "%s: %s\n", path, error.message);
done:
    free_list(&tensors);
    free(manifest);
    free(json);
    return result;
}
