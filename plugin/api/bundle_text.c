#include "api/bundle.h"

#include "core/sha256.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t ctvk_bundle_embedding_count(const ctvk_bundle *bundle)
{
    return bundle->desc.has_text ? (uint64_t)bundle->desc.prompts * (uint64_t)bundle->desc.text_dim : 0;
}

uint64_t ctvk_first_not_finite(const float *values, uint64_t count)
{
    uint64_t i = 0;
    while (i < count && isfinite(values[i]))
        i++;
    return i;
}

/* A list for a message: quoted, cut after what fits. */
typedef struct list {
    char text[512];
    size_t length;
    int32_t cut;
} list;

static void list_add(list *l, const char *item)
{
    size_t need = strlen(item) + 4;
    if (l->cut || l->length + need + 8 > sizeof l->text) {
        if (!l->cut)
            l->length += (size_t)snprintf(l->text + l->length, sizeof l->text - l->length, ", ...");
        l->cut = 1;
        return;
    }
    l->length += (size_t)snprintf(l->text + l->length, sizeof l->text - l->length, "%s\"%s\"", l->length ? ", " : "", item);
}

static void list_values(list *l, const ctvk_field_def *field)
{
    memset(l, 0, sizeof *l);
    for (int32_t i = 0; i < field->count; i++)
        list_add(l, field->values[i]);
}

static int32_t same_text(const ctvk_text *text, const char *other)
{
    uint64_t length = !text->data ? 0 : text->length == CTVK_STRLEN ? strlen(text->data) : text->length;
    return length == strlen(other) && (!length || memcmp(text->data, other, length) == 0);
}

/* Numbers of the chosen values, by side: a bilateral case has two prompts. -1: not chosen. */
typedef struct choice_table {
    int32_t value[2][CTVK_MAX_FIELDS];
    int32_t sides; /* 1 or 2 */
} choice_table;

static const char side_field[] = "side";

static ctvk_status take_choice(ctvk_bundle *bundle, const ctvk_field_choice *choice, uint32_t number, choice_table *chosen)
{
    const ctvk_manifest *m = &bundle->files->manifest;
    list l = {{0}, 0, 0};
    int32_t f = 0, v = 0;
    while (f < m->field_count && !same_text(&choice->name, m->fields[f].name))
        f++;
    if (f == m->field_count) {
        for (f = 0; f < m->field_count; f++)
            list_add(&l, m->fields[f].name);
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "field number %u: the bundle has no field of this name (it has %s)",
                         number + 1, l.text);
    }
    const ctvk_field_def *field = &m->fields[f];
    while (v < field->count && !same_text(&choice->value, field->values[v]))
        v++;
    if (v == field->count) {
        list_values(&l, field);
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "field %s: this value is not allowed (one of %s)", field->name, l.text);
    }
    int32_t side = chosen->value[0][f] >= 0;
    if (side && (chosen->value[1][f] >= 0 || (strcmp(field->name, side_field) == 0 && chosen->value[0][f] == v)))
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "field %s: given too often (one value, or one for each of two sides)",
                         field->name);
    if (side && strcmp(field->name, side_field) == 0)
        chosen->sides = 2;
    chosen->value[side][f] = v;
    return CTVK_OK;
}

/* Every field once; in a bilateral case, where `side` has both of its values, another field may have one value for each side, in the
 * order of the sides, and holds for both where it has one. */
static ctvk_status match_choices(ctvk_bundle *bundle, const ctvk_field_choice *choices, uint32_t count, choice_table *chosen)
{
    const ctvk_manifest *m = &bundle->files->manifest;
    list l = {{0}, 0, 0};
    ctvk_status status = CTVK_OK;
    for (uint32_t i = 0; i < count && status == CTVK_OK; i++)
        status = take_choice(bundle, &choices[i], i, chosen);
    for (int32_t f = 0; f < m->field_count && status == CTVK_OK; f++) {
        const char *name = m->fields[f].name;
        if (chosen->value[0][f] < 0) {
            list_values(&l, &m->fields[f]);
            status = ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "field %s: missing (give one of %s)", name, l.text);
        } else if (chosen->value[1][f] >= 0 && chosen->sides < 2) {
            status = ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT,
                               "field %s: given twice (choose one value; two are for a case of two sides)", name);
        } else if (chosen->value[1][f] < 0) {
            chosen->value[1][f] = chosen->value[0][f];
        }
    }
    return status;
}

/* Appends to prompt; -1 when it is full. */
static int put(char *prompt, size_t room, size_t *at, const char *text, size_t length)
{
    if (length >= room - *at)
        return -1;
    memcpy(prompt + *at, text, length);
    *at += length;
    prompt[*at] = 0;
    return 0;
}

/* Appends the template with its fields filled in. */
static int substitute(const ctvk_manifest *m, const int32_t *chosen, char *prompt, size_t room)
{
    size_t at = strlen(prompt);
    for (const char *p = m->text_template; *p;) {
        int32_t f = 0;
        size_t length = 0;
        for (; *p == '{' && f < m->field_count; f++) {
            length = strlen(m->fields[f].name);
            if (strncmp(p + 1, m->fields[f].name, length) == 0 && p[1 + length] == '}')
                break;
        }
        int hit = *p == '{' && f < m->field_count;
        const char *text = hit ? m->fields[f].values[chosen[f]] : p;
        if (put(prompt, room, &at, text, hit ? strlen(text) : 1))
            return -1;
        p += hit ? length + 2 : 1;
    }
    return 0;
}

ctvk_status ctvk_bundle_fill_template(ctvk_bundle *bundle, const ctvk_field_choice *choices, uint32_t count, ctvk_text *prompt)
{
    choice_table chosen = {.sides = 1};
    char text[4096] = "";
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_manifest *m = &bundle->files->manifest;
    if (!prompt || (count && !choices))
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "fields: no choices or no place for the prompt (pass pointers)");
    *prompt = ctvk_view("");
    if (!m->has_text || !m->text_template[0])
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "fields: the bundle \"%s\" has no prompt template (%s)", m->name,
                         m->has_text ? "give the whole prompt" : "it takes no text");
    memset(chosen.value, -1, sizeof chosen.value);
    ctvk_status status = match_choices(bundle, choices, count, &chosen);
    if (status != CTVK_OK)
        return status;
    int full = substitute(m, chosen.value[0], text, sizeof text);
    size_t length = strlen(text);
    if (chosen.sides == 2)
        full = full || put(text, sizeof text, &length, "; ", 2) || substitute(m, chosen.value[1], text, sizeof text);
    if (full)
        return ctvk_fail(&bundle->error, CTVK_ERROR_BUNDLE, "manifest.json: network.text.template: too long with its fields (shorten it)");
    char *copy = ctvk_strndup(&bundle->context->host, text, strlen(text));
    if (!copy)
        return ctvk_fail(&bundle->error, CTVK_ERROR_HOST_MEMORY, "fields: no host memory (close other programs)");
    ctvk_free(&bundle->context->host, bundle->prompt);
    bundle->prompt = copy;
    *prompt = ctvk_view(copy);
    return CTVK_OK;
}

/* Checks what was read and hands it to the bundle. */
static ctvk_status take_embedding(ctvk_bundle *bundle, const ctvk_safetensors *file, const char *label)
{
    const ctvk_st_tensor *tensor = ctvk_safetensors_find(file, "text_embedding");
    const ctvk_llmseg_desc *d = &bundle->desc;
    const ctvk_host *host = &bundle->context->host;
    if (!tensor)
        return ctvk_fail(&bundle->error, CTVK_ERROR_INPUT, "%s: no tensor \"text_embedding\" (make the file with this name in it)", label);
    if (tensor->rank != 2 || tensor->shape[0] != (uint64_t)d->prompts || tensor->shape[1] != (uint64_t)d->text_dim)
        return ctvk_fail(&bundle->error, CTVK_ERROR_INPUT,
                         "%s: text_embedding is not %d x %d but of rank %d, %llu values (use the bundle's text model)", label, d->prompts,
                         d->text_dim, tensor->rank, (unsigned long long)tensor->count);
    if (tensor->dtype == CTVK_DTYPE_OTHER)
        return ctvk_fail(&bundle->error, CTVK_ERROR_INPUT, "%s: text_embedding is not of type F32, F16 or BF16 (convert it)", label);
    float *values = ctvk_alloc(host, tensor->count * sizeof *values);
    if (!values)
        return ctvk_fail(&bundle->error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory (close other programs)", label);
    ctvk_st_to_f32(tensor, 0, tensor->count, values);
    uint64_t bad = ctvk_first_not_finite(values, tensor->count);
    if (bad < tensor->count) {
        ctvk_free(host, values);
        return ctvk_fail(&bundle->error, CTVK_ERROR_INPUT, "%s: value %llu of text_embedding is NaN or infinite (make the file anew)",
                         label, (unsigned long long)bad);
    }
    ctvk_free(host, bundle->embedding);
    bundle->embedding = values;
    return CTVK_OK;
}

ctvk_status ctvk_bundle_read_embedding(ctvk_bundle *bundle, const char *path, uint64_t length, const float **values, uint64_t *count)
{
    char *name;
    ctvk_safetensors *file = NULL;
    if (!bundle)
        return CTVK_ERROR_ARGUMENT;
    if (!values || !count)
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "text embedding: no place for it (pass pointers)");
    *values = NULL;
    *count = 0;
    if (!bundle->desc.has_text)
        return ctvk_fail(&bundle->error, CTVK_ERROR_ARGUMENT, "text embedding: the bundle is a vision-only model (leave it out)");
    const ctvk_host *host = &bundle->context->host;
    ctvk_status status = ctvk_copy_path(host, path, length, "text embedding", &name, &bundle->error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_open(host, name, CTVK_ERROR_INPUT, &file, &bundle->error);
    if (status == CTVK_OK)
        status = take_embedding(bundle, file, name);
    ctvk_safetensors_close(&file);
    ctvk_free(host, name);
    if (status == CTVK_OK) {
        *values = bundle->embedding;
        *count = ctvk_bundle_embedding_count(bundle);
    }
    return status;
}

int32_t ctvk_bundle_has_cached(const ctvk_bundle *bundle, const char *prompt, uint64_t length, float *out)
{
    return bundle->files->cache ? ctvk_bundle_cached_prompt(bundle->files, prompt, length, out) : 0;
}

static ctvk_status refuse_prompt(const ctvk_bundle *bundle, ctvk_error *error)
{
    const ctvk_manifest *m = &bundle->files->manifest;
    const ctvk_safetensors *cache = bundle->files->cache;
    list l = {{0}, 0, 0};
    uint64_t known = cache ? ctvk_safetensors_count(cache) : 0;
    if (m->has_encoder)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "prompt: not cached in the bundle, so that its language model %s has to encode it first (ctvk.text; the command "
                         "does it with --llm FILE)",
                         m->encoder_file);
    for (uint64_t i = 0; i < known; i++)
        list_add(&l, ctvk_safetensors_at(cache, i)->name);
    if (!known)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "prompt: the bundle names no language model and has no cached prompts (give --text-embedding)");
    return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                     "prompt: not cached in the bundle, which names no language model (use one of %s, or give --text-embedding)", l.text);
}

ctvk_status ctvk_bundle_find_prompt(ctvk_bundle *bundle, const char *prompt, uint64_t length, float *out, ctvk_prompt_facts *facts,
                                    const char **source, ctvk_error *error)
{
    char sha256[65];
    uint64_t count = ctvk_bundle_embedding_count(bundle);
    *source = "cache";
    if (ctvk_bundle_has_cached(bundle, prompt, length, out)) {
        if (ctvk_first_not_finite(out, count) < count)
            return ctvk_fail(error, CTVK_ERROR_BUNDLE, "%s: the prompt's embedding holds NaN or infinity (make the cache anew)",
                             bundle->files->manifest.cache);
        return CTVK_OK;
    }
    *source = "model";
    ctvk_sha256_of(prompt, length, sha256);
    return ctvk_bundle_kept_prompt(bundle, sha256, out, facts) ? CTVK_OK : refuse_prompt(bundle, error);
}

ctvk_status ctvk_take_prompt(const ctvk_host *host, const char *data, uint64_t length, char **out, uint64_t *out_length, ctvk_error *error)
{
    ctvk_status status = ctvk_copy_text(host, data, length, CTVK_MAX_PROMPT, "prompt", out, error);
    if (status != CTVK_OK) {
        if (status == CTVK_ERROR_ARGUMENT)
            error->status = status = CTVK_ERROR_PROMPT;
        return status;
    }
    if (!ctvk_is_utf8(*out))
        status = ctvk_fail(error, CTVK_ERROR_PROMPT, "prompt: not UTF-8 text (save it as UTF-8)");
    else if ((*out_length = ctvk_trim_prompt(*out)) == 0)
        status = ctvk_fail(error, CTVK_ERROR_PROMPT, "prompt: nothing is left of it (describe the case)");
    if (status != CTVK_OK) {
        ctvk_free(host, *out);
        *out = NULL;
    }
    return status;
}
