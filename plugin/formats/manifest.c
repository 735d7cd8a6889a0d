#include "formats/manifest.h"

#include "formats/json_check.h"

#include <stdio.h>
#include <string.h>

static void read_text(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    ctvk_key_known(j, root,
                   "schema name version intended_use license citation network preprocess inference labels files provenance selftest");
    char schema[64] = "";
    ctvk_key_text(j, root, "schema", 1, schema, sizeof schema);
    if (!j->failed && strcmp(schema, "ctvk-bundle/1"))
        ctvk_key_fail(j, "schema", "\"ctvk-bundle/1\"", cJSON_GetObjectItemCaseSensitive(root, "schema"));
    ctvk_key_text(j, root, "name", 1, m->name, sizeof m->name);
    ctvk_key_text(j, root, "version", 1, m->version, sizeof m->version);
    ctvk_key_text(j, root, "intended_use", 1, m->intended_use, sizeof m->intended_use);
    ctvk_key_text(j, root, "license", 0, m->license, sizeof m->license);
    ctvk_key_text(j, root, "citation", 0, m->citation, sizeof m->citation);
}

static void read_encoder(ctvk_keys *j, const cJSON *text, ctvk_manifest *m)
{
    const cJSON *encoder = ctvk_key_object(j, text, "encoder", 0);
    if (!encoder)
        return;
    m->has_encoder = 1;
    size_t above = ctvk_key_enter(j, "encoder");
    ctvk_key_known(j, encoder, "type file sha256 soft_prompt segment_token_embedding max_tokens layers");
    ctvk_key_text(j, encoder, "type", 1, m->encoder_type, sizeof m->encoder_type);
    if (!j->failed && strcmp(m->encoder_type, "llama-gguf"))
        ctvk_key_fail(j, "type", "\"llama-gguf\"", cJSON_GetObjectItemCaseSensitive(encoder, "type"));
    ctvk_key_path(j, encoder, "file", 1, m->encoder_file, sizeof m->encoder_file);
    ctvk_key_hash(j, encoder, "sha256", 1, m->encoder_sha256);
    ctvk_key_text(j, encoder, "soft_prompt", 1, m->soft_prompt, sizeof m->soft_prompt);
    ctvk_key_text(j, encoder, "segment_token_embedding", 1, m->segment_token, sizeof m->segment_token);
    ctvk_key_integer(j, encoder, "max_tokens", 1, 2, 4096, 1, &m->max_tokens);
    ctvk_key_integer(j, encoder, "layers", 0, 1, 4096, 1, &m->encoder_layers);
    ctvk_key_leave(j, above);
}

static void read_field(ctvk_keys *j, const cJSON *item, ctvk_manifest *m)
{
    ctvk_field_def *field = &m->fields[m->field_count];
    if (m->field_count == CTVK_MAX_FIELDS || !cJSON_IsArray(item) || !cJSON_GetArraySize(item) ||
        cJSON_GetArraySize(item) > CTVK_MAX_FIELD_VALUES || strlen(item->string) >= sizeof field->name) {
        ctvk_key_fail(j, item->string, "an array of 1 to 64 strings, in at most 16 fields with names below 64 bytes", item);
        return;
    }
    snprintf(field->name, sizeof field->name, "%s", item->string);
    const cJSON *value;
    cJSON_ArrayForEach(value, item)
    {
        if (!cJSON_IsString(value) || !value->valuestring[0] || strlen(value->valuestring) >= sizeof field->values[0]) {
            ctvk_key_fail(j, item->string, "an array of strings of 1 to 127 bytes", value);
            return;
        }
        for (int32_t i = 0; i < field->count; i++)
            if (!strcmp(field->values[i], value->valuestring))
                ctvk_key_fail(j, item->string, "values that differ", value);
        snprintf(field->values[field->count++], sizeof field->values[0], "%s", value->valuestring);
    }
    m->field_count++;
}

/* Every {NAME} of the template is a field; a field that it does not use changes nothing, which the user should know. */
static void check_template(ctvk_keys *j, const cJSON *text, const ctvk_manifest *m)
{
    int used[CTVK_MAX_FIELDS] = {0};
    for (const char *open = m->text_template; (open = strpbrk(open, "{}")) != NULL; open++) {
        size_t length = strcspn(open + 1, "{}");
        int32_t f = 0;
        while (f < m->field_count && (strlen(m->fields[f].name) != length || strncmp(m->fields[f].name, open + 1, length) != 0))
            f++;
        if (*open == '}' || open[1 + length] != '}' || f == m->field_count) {
            ctvk_key_fail(j, "template", "no braces but around the names in fields", cJSON_GetObjectItemCaseSensitive(text, "template"));
            return;
        }
        used[f] = 1;
        open += 1 + length;
    }
    for (int32_t f = 0; f < m->field_count && !j->failed; f++)
        if (!used[f])
            ctvk_key_warn(j, m->fields[f].name, "a field that the template does not use");
}

static void read_network_text(ctvk_keys *j, const cJSON *network, ctvk_manifest *m)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(network, "text"), *item;
    if (!text) {
        ctvk_key_fail(j, "text", "an object, or null for a vision-only model", NULL);
        return;
    }
    if (cJSON_IsNull(text))
        return;
    text = ctvk_key_object(j, network, "text", 1);
    if (!text)
        return;
    m->has_text = 1;
    size_t above = ctvk_key_enter(j, "text");
    ctvk_key_known(j, text, "embedding_dim prompts encoder cache template fields");
    ctvk_key_integer(j, text, "embedding_dim", 1, 1, 65536, 1, &m->text_dim);
    ctvk_key_integer(j, text, "prompts", 1, 1, 8, 1, &m->prompts);
    read_encoder(j, text, m);
    ctvk_key_path(j, text, "cache", 0, m->cache, sizeof m->cache);
    ctvk_key_text(j, text, "template", 0, m->text_template, sizeof m->text_template);
    const cJSON *fields = ctvk_key_object(j, text, "fields", 0);
    size_t outside = ctvk_key_enter(j, "fields");
    cJSON_ArrayForEach(item, fields) read_field(j, item, m);
    ctvk_key_leave(j, outside);
    if (!j->failed)
        check_template(j, text, m);
    ctvk_key_leave(j, above);
}

static void read_network(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    char architecture[32] = "";
    const cJSON *network = ctvk_key_object(j, root, "network", 1);
    if (!network)
        return;
    size_t above = ctvk_key_enter(j, "network");
    ctvk_key_known(j, network, "architecture weights in_channels out_channels feature_size text");
    ctvk_key_text(j, network, "architecture", 1, architecture, sizeof architecture);
    if (!j->failed && strcmp(architecture, "llmseg"))
        ctvk_key_fail(j, "architecture", "\"llmseg\"", cJSON_GetObjectItemCaseSensitive(network, "architecture"));
    ctvk_key_path(j, network, "weights", 1, m->weights, sizeof m->weights);
    ctvk_key_integer(j, network, "in_channels", 1, 1, 1, 1, &m->in_channels);
    ctvk_key_integer(j, network, "out_channels", 1, 2, CTVK_MAX_CLASSES, 1, &m->out_channels);
    ctvk_key_integer(j, network, "feature_size", 1, 16, 512, 16, &m->feature_size);
    read_network_text(j, network, m);
    ctvk_key_leave(j, above);
}

/* Three letters, one of R/L, one of A/P, one of S/I, in any order. */
static int orientation_is_valid(const char *text)
{
    int seen = 0;
    for (int i = 0; i < 3; i++) {
        const char *at = text[i] ? strchr("RLAPSI", text[i]) : NULL;
        if (at)
            seen |= 1 << ((at - "RLAPSI") / 2);
    }
    return seen == 7 && !text[3];
}

static void read_intensity(ctvk_keys *j, const cJSON *pre, ctvk_manifest *m)
{
    const cJSON *intensity = ctvk_key_object(j, pre, "intensity", 1);
    if (!intensity)
        return;
    size_t above = ctvk_key_enter(j, "intensity");
    ctvk_key_known(j, intensity, "window range clip");
    ctvk_key_numbers(j, intensity, "window", 1, 2, -1e6, 1e6, m->window_hu);
    ctvk_key_numbers(j, intensity, "range", 1, 2, -1e6, 1e6, m->range);
    ctvk_key_boolean(j, intensity, "clip", 1, &m->clip);
    if (!j->failed && !(m->window_hu[0] < m->window_hu[1]))
        ctvk_key_fail(j, "window", "two numbers, the first below the second", cJSON_GetObjectItemCaseSensitive(intensity, "window"));
    if (!j->failed && !(m->range[0] < m->range[1]))
        ctvk_key_fail(j, "range", "two numbers, the first below the second", cJSON_GetObjectItemCaseSensitive(intensity, "range"));
    ctvk_key_leave(j, above);
}

static void read_preprocess(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    char orientation[8] = "";
    const cJSON *pre = ctvk_key_object(j, root, "preprocess", 1);
    if (!pre)
        return;
    size_t above = ctvk_key_enter(j, "preprocess");
    ctvk_key_known(j, pre, "orientation spacing_mm antialias intensity crop_foreground pad_to_window rotate90");
    ctvk_key_text(j, pre, "orientation", 1, orientation, sizeof orientation);
    if (!j->failed && !orientation_is_valid(orientation))
        ctvk_key_fail(j, "orientation", "three letters of R or L, A or P, S or I, such as \"RAS\"",
                      cJSON_GetObjectItemCaseSensitive(pre, "orientation"));
    snprintf(m->orientation, sizeof m->orientation, "%.3s", orientation);
    const cJSON *spacing = cJSON_GetObjectItemCaseSensitive(pre, "spacing_mm");
    m->has_spacing = !cJSON_IsNull(spacing); /* a missing one is an error: null says that no resampling is meant */
    if (m->has_spacing)
        ctvk_key_numbers(j, pre, "spacing_mm", 1, 3, 0.01, 100, m->spacing_mm);
    ctvk_key_boolean(j, pre, "antialias", 0, &m->antialias);
    read_intensity(j, pre, m);
    ctvk_key_boolean(j, pre, "crop_foreground", 1, &m->crop_foreground);
    ctvk_key_boolean(j, pre, "pad_to_window", 1, &m->pad_to_window);
    ctvk_key_integer(j, pre, "rotate90", 1, -3, 3, 1, &m->rotate90);
    ctvk_key_leave(j, above);
}

static void read_inference(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    char blend[16] = "";
    double window[3] = {0};
    const cJSON *inference = ctvk_key_object(j, root, "inference", 1);
    if (!inference)
        return;
    size_t above = ctvk_key_enter(j, "inference");
    ctvk_key_known(j, inference, "window overlap blend sigma_scale");
    ctvk_key_numbers(j, inference, "window", 1, 3, 32, 2048, window);
    for (int i = 0; i < 3; i++) {
        m->window[i] = (int32_t)window[i];
        if (!j->failed && (window[i] != m->window[i] || m->window[i] % 32))
            ctvk_key_fail(j, "window", "three multiples of 32 from 32 to 2048", cJSON_GetObjectItemCaseSensitive(inference, "window"));
    }
    ctvk_key_numbers(j, inference, "overlap", 1, 1, 0, 0.95, &m->overlap);
    ctvk_key_text(j, inference, "blend", 1, blend, sizeof blend);
    if (!j->failed && strcmp(blend, "gaussian") && strcmp(blend, "constant"))
        ctvk_key_fail(j, "blend", "\"gaussian\" or \"constant\"", cJSON_GetObjectItemCaseSensitive(inference, "blend"));
    m->gaussian = !strcmp(blend, "gaussian");
    m->sigma_scale = 0.125; /* for a constant blend, which does not use it */
    ctvk_key_numbers(j, inference, "sigma_scale", m->gaussian, 1, 1e-3, 100, &m->sigma_scale);
    ctvk_key_leave(j, above);
}

static void read_labels(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(root, "labels"), *item;
    if (!cJSON_IsArray(labels) || cJSON_GetArraySize(labels) != m->out_channels) {
        ctvk_key_fail(j, "labels", "an array with one entry per out_channels", labels);
        return;
    }
    cJSON_ArrayForEach(item, labels)
    {
        char key[32];
        ctvk_label_def *label = &m->labels[m->label_count];
        snprintf(key, sizeof key, "labels[%d]", m->label_count);
        if (!cJSON_IsObject(item)) {
            ctvk_key_fail(j, key, "an object with value and name", item);
            return;
        }
        size_t above = ctvk_key_enter(j, key);
        ctvk_key_known(j, item, "value name color");
        ctvk_key_integer(j, item, "value", 1, m->label_count, m->label_count, 1, &label->value);
        ctvk_key_text(j, item, "name", 1, label->name, sizeof label->name);
        ctvk_key_text(j, item, "color", 0, label->color, sizeof label->color);
        if (!j->failed && label->color[0] && (label->color[0] != '#' || strspn(label->color + 1, "0123456789abcdefABCDEF") != 6))
            ctvk_key_fail(j, "color", "\"#rrggbb\"", cJSON_GetObjectItemCaseSensitive(item, "color"));
        ctvk_key_leave(j, above);
        if (j->failed)
            return;
        m->label_count++;
    }
}

static void read_files(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    const cJSON *files = ctvk_key_object(j, root, "files", 0), *item;
    int listed = 0;
    size_t above = ctvk_key_enter(j, "files");
    cJSON_ArrayForEach(item, files)
    {
        ctvk_file_def *file = &m->files[m->file_count];
        if (m->file_count == CTVK_MAX_FILES || !cJSON_IsObject(item) || !ctvk_key_name_is_safe(item->string) ||
            strlen(item->string) >= sizeof file->name) {
            ctvk_key_fail(j, item->string, "an object with sha256 and bytes under a file name inside the bundle, at most 64 of them", item);
            break;
        }
        double bytes = -1;
        listed |= !strcmp(item->string, m->weights);
        snprintf(file->name, sizeof file->name, "%s", item->string);
        size_t outside = ctvk_key_enter(j, item->string);
        ctvk_key_known(j, item, "sha256 bytes");
        ctvk_key_hash(j, item, "sha256", 1, file->sha256);
        ctvk_key_numbers(j, item, "bytes", 0, 1, 0, 9007199254740992.0, &bytes);
        if (bytes != (double)(int64_t)bytes)
            ctvk_key_fail(j, "bytes", "a whole number", cJSON_GetObjectItemCaseSensitive(item, "bytes"));
        ctvk_key_leave(j, outside);
        file->bytes = (int64_t)bytes;
        m->file_count++;
    }
    ctvk_key_leave(j, above);
    if (files && !listed && !j->failed)
        ctvk_key_warn(j, "files", "does not list the weights, whose hash is not checked");
}

static int is_listed(const ctvk_manifest *m, const char *name)
{
    for (int32_t i = 0; i < m->file_count; i++)
        if (!strcmp(m->files[i].name, name))
            return 1;
    return 0;
}

static void read_voxels(ctvk_keys *j, const cJSON *selftest, ctvk_manifest *m)
{
    const cJSON *voxels = cJSON_GetObjectItemCaseSensitive(selftest, "voxels"), *item;
    int32_t count = 0;
    int right = cJSON_IsArray(voxels) && cJSON_GetArraySize(voxels) == m->out_channels;
    const cJSON *array = right ? voxels : NULL;
    cJSON_ArrayForEach(item, array)
    {
        double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
        right = right && value >= 0 && value <= 9007199254740992.0 && value == (double)(int64_t)value;
        m->selftest.voxels[count++] = right ? (int64_t)value : 0;
    }
    if (!right)
        ctvk_key_fail(j, "voxels", "an array with a whole number per out_channels", voxels);
}

/* Its files must be listed: a case whose answer may be exchanged unseen proves nothing. */
static void read_selftest(ctvk_keys *j, const cJSON *root, ctvk_manifest *m)
{
    ctvk_selftest_def *s = &m->selftest;
    const cJSON *selftest = ctvk_key_object(j, root, "selftest", 0);
    if (!selftest)
        return;
    size_t above = ctvk_key_enter(j, "selftest");
    ctvk_key_known(j, selftest, "image prompt expected stride tolerance voxels");
    ctvk_key_path(j, selftest, "image", 1, s->image, sizeof s->image);
    ctvk_key_path(j, selftest, "expected", 1, s->expected, sizeof s->expected);
    ctvk_key_text(j, selftest, "prompt", m->has_text, s->prompt, sizeof s->prompt);
    ctvk_key_integer(j, selftest, "stride", 1, 1, 64, 1, &s->stride);
    ctvk_key_numbers(j, selftest, "tolerance", 1, 1, 1e-6, 0.1, &s->tolerance);
    read_voxels(j, selftest, m);
    for (int i = 0; i < 2 && !j->failed; i++)
        if (!is_listed(m, i ? s->expected : s->image))
            ctvk_key_fail(j, i ? "expected" : "image", "a file that \"files\" lists with its hash",
                          cJSON_GetObjectItemCaseSensitive(selftest, i ? "expected" : "image"));
    s->present = 1;
    ctvk_key_leave(j, above);
}

ctvk_status ctvk_manifest_parse(const ctvk_host *host, const char *json, uint64_t length, const char *label, ctvk_manifest *out,
                                ctvk_error *error)
{
    ctvk_keys j = {.label = label, .error = error, .manifest = out};
    (void)host;
    memset(out, 0, sizeof *out);
    cJSON *root = ctvk_key_parse(&j, json, length);
    if (!root)
        return j.status;
    read_text(&j, root, out);
    read_network(&j, root, out);
    read_preprocess(&j, root, out);
    read_inference(&j, root, out);
    read_labels(&j, root, out);
    read_files(&j, root, out);
    read_selftest(&j, root, out);
    cJSON_Delete(root);
    return j.failed ? j.status : CTVK_OK;
}
