/* Manifests: a sound one gives its values; every kind of damage is refused with the key's path; doubts become warnings. */
#include "formats/manifest.h"
#include "support/check.h"

#include <locale.h>
#include <math.h>

static const char sound[] =
    "{\"schema\": \"ctvk-bundle/1\", \"name\": \"demo\", \"version\": \"1.2.3\", \"intended_use\": \"test\", \"license\": \"free\",\n"
    "\"network\": {\"architecture\": \"llmseg\", \"weights\": \"w.safetensors\", \"in_channels\": 1, \"out_channels\": 2,\n"
    "  \"feature_size\": 48, \"text\": {\"embedding_dim\": 576, \"prompts\": 2,\n"
    "    \"encoder\": {\"type\": \"llama-gguf\", \"file\": \"l.gguf\", \"sha256\": "
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\n"
    "      \"soft_prompt\": \"contexts\", \"segment_token_embedding\": \"segment_token\", \"max_tokens\": 120},\n"
    "    \"cache\": \"c.safetensors\", \"template\": \"{n_stage}, {side} side\",\n"
    "    \"fields\": {\"side\": [\"left\", \"right\"], \"n_stage\": [\"N0\", \"N1\"]}}},\n"
    "\"preprocess\": {\"orientation\": \"RAS\", \"spacing_mm\": [1, 1.5, 3], \"antialias\": true,\n"
    "  \"intensity\": {\"window\": [-1000, 1000], \"range\": [0, 1], \"clip\": true},\n"
    "  \"crop_foreground\": true, \"pad_to_window\": false, \"rotate90\": 1},\n"
    "\"inference\": {\"window\": [384, 352, 128], \"overlap\": 0.25, \"blend\": \"gaussian\", \"sigma_scale\": 0.125},\n"
    "\"labels\": [{\"value\": 0, \"name\": \"background\"}, {\"value\": 1, \"name\": \"CTV\", \"color\": \"#e6194b\"}],\n"
    "\"files\": {\"w.safetensors\": {\"sha256\": \"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210\", "
    "\"bytes\": 123}}}\n";

static ctvk_manifest manifest;

/* The sound text with the first `from` replaced by `to`; the caller frees it. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(sound, from);
    char *text = malloc(sizeof sound + strlen(to) + 1);
    if (!at || !text) {
        fprintf(stderr, "no place for %s\n", from);
        exit(1);
    }
    sprintf(text, "%.*s%s%s", (int)(at - sound), sound, to, at + strlen(from));
    return text;
}

static ctvk_status parse(const char *text, size_t length, ctvk_error *error)
{
    /* A copy of just this size, so that a byte read too many is seen by the address sanitizer. */
    char *copy = malloc(length ? length : 1);
    memset(error, 0, sizeof *error);
    memset(&manifest, 0xa5, sizeof manifest);
    if (!copy)
        exit(1);
    memcpy(copy, text, length);
    ctvk_status status = ctvk_manifest_parse(NULL, copy, length, "manifest.json", &manifest, error);
    free(copy);
    return status;
}

static void sound_values(void)
{
    ctvk_error error;
    const ctvk_manifest *m = &manifest;
    CHECK_MSG(parse(sound, sizeof sound - 1, &error) == CTVK_OK, "%s", error.message);
    CHECK(!strcmp(m->name, "demo") && !strcmp(m->version, "1.2.3") && !strcmp(m->intended_use, "test") && !strcmp(m->license, "free"));
    CHECK(!m->citation[0] && !strcmp(m->weights, "w.safetensors"));
    CHECK(m->in_channels == 1 && m->out_channels == 2 && m->feature_size == 48);
    CHECK(m->has_text == 1 && m->text_dim == 576 && m->prompts == 2 && m->has_encoder == 1 && m->max_tokens == 120);
    CHECK(!strcmp(m->encoder_type, "llama-gguf") && !strcmp(m->encoder_file, "l.gguf") && strlen(m->encoder_sha256) == 64);
    CHECK(!strcmp(m->soft_prompt, "contexts") && !strcmp(m->segment_token, "segment_token") && !strcmp(m->cache, "c.safetensors"));
    CHECK(m->field_count == 2 && !strcmp(m->fields[0].name, "side") && m->fields[1].count == 2 && !strcmp(m->fields[1].values[1], "N1"));
    CHECK(!strcmp(m->orientation, "RAS") && m->has_spacing == 1 && m->spacing_mm[1] == 1.5 && m->antialias == 1);
    CHECK(m->window_hu[0] == -1000 && m->window_hu[1] == 1000 && m->range[0] == 0 && m->range[1] == 1 && m->clip == 1);
    CHECK(m->crop_foreground == 1 && m->pad_to_window == 0 && m->rotate90 == 1);
    CHECK(m->window[0] == 384 && m->window[1] == 352 && m->window[2] == 128 && m->overlap == 0.25);
    CHECK(m->gaussian == 1 && m->sigma_scale == 0.125 && m->label_count == 2);
    CHECK(m->labels[1].value == 1 && !strcmp(m->labels[1].name, "CTV") && !strcmp(m->labels[1].color, "#e6194b"));
    CHECK(m->file_count == 1 && !strcmp(m->files[0].name, "w.safetensors") && m->files[0].bytes == 123 && m->files[0].sha256[0] == 'f');
    CHECK(m->warning_count == 0);
}

/* Changes that are allowed. */
static void variants(void)
{
    static const char *const allowed[][2] = {
        {"\"spacing_mm\": [1, 1.5, 3]", "\"spacing_mm\": null"},
        {", \"antialias\": true", ""},
        {"\"license\": \"free\",", ""},
        {"\"gaussian\"", "\"constant\""},
        {"\"cache\": \"c.safetensors\", \"template\"", "\"template\""},
        {"\"RAS\"", "\"IPL\""},
        {", \"color\": \"#e6194b\"", ""},
        {", \"bytes\": 123", ""},
        {"\"bytes\": 123", "\"bytes\": 9007199254740992"},
        {"\"c.safetensors\"", "\"sub/folder/c.safetensors\""},
        {"\"demo\"", "\"d\\u00e9mo \\ud83d\\ude00 \xc3\xa9\""},
        {"0.25", "0.0"},
        {"0.25", "25e-2"},
    };
    ctvk_error error;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        char *text = changed(allowed[i][0], allowed[i][1]);
        CHECK_MSG(parse(text, strlen(text), &error) == CTVK_OK, "%s: %s", allowed[i][1], error.message);
        CHECK_MSG(manifest.warning_count == 0, "%s: %s", allowed[i][1], manifest.warnings[0]);
        free(text);
    }
    const char *from = strstr(sound, "{\"embedding_dim"), *to = strstr(sound, "}}},");
    char *text = malloc(sizeof sound);
    CHECK(from && to && text);
    if (!from || !to || !text)
        return;
    sprintf(text, "%.*snull%s", (int)(from - sound), sound, to + 2);
    CHECK_MSG(parse(text, strlen(text), &error) == CTVK_OK, "%s", error.message);
    CHECK(!manifest.has_text && !manifest.has_encoder && !manifest.cache[0]);
    free(text);
}

typedef struct damage {
    const char *from, *to;
    const char *path; /* must stand in the message */
} damage;

static const damage damages[] = {
    {"\"schema\": \"ctvk-bundle/1\",", "", "schema"},
    {"ctvk-bundle/1", "ctvk-bundle/2", "schema"},
    {"\"name\": \"demo\",", "", "name"},
    {"\"demo\"", "7", "name"},
    {"\"demo\"", "\"\"", "name"},
    {"\"version\": \"1.2.3\",", "", "version"},
    {"\"intended_use\": \"test\",", "", "intended_use"},
    {"\"free\"", "[]", "license"},
    {"\"network\"", "\"netz\"", "network"},
    {"\"llmseg\"", "\"unet\"", "network.architecture"},
    {"\"weights\": \"w.safetensors\",", "", "network.weights"},
    {"\"w.safetensors\"", "\"/etc/passwd\"", "network.weights"},
    {"\"w.safetensors\"", "\"../w.safetensors\"", "network.weights"},
    {"\"w.safetensors\"", "\"a/../../w\"", "network.weights"},
    {"\"w.safetensors\"", "\"\"", "network.weights"},
    {"\"w.safetensors\"", "null", "network.weights"},
    {"\"in_channels\": 1", "\"in_channels\": 2", "network.in_channels"},
    {"\"out_channels\": 2", "\"out_channels\": 1", "network.out_channels"},
    {"\"out_channels\": 2", "\"out_channels\": 257", "network.out_channels"},
    {"\"out_channels\": 2", "\"out_channels\": 2.5", "network.out_channels"},
    {"\"out_channels\": 2", "\"out_channels\": 3", "labels"},
    {"\"feature_size\": 48", "\"feature_size\": 40", "network.feature_size"},
    {"\"feature_size\": 48", "\"feature_size\": \"48\"", "network.feature_size"},
    {"\"feature_size\": 48", "\"feature_size\": 0", "network.feature_size"},
    {"\"feature_size\": 48", "\"feature_size\": -48", "network.feature_size"},
    {"\"feature_size\": 48", "\"feature_size\": 1e999", "network.feature_size"},
    {"\"feature_size\": 48", "\"feature_size\": 4294967344", "network.feature_size"},
    {"\"text\": {\"embedding_dim\"", "\"txt\": {\"embedding_dim\"", "network.text"},
    {"\"embedding_dim\": 576", "\"embedding_dim\": 0", "network.text.embedding_dim"},
    {"\"embedding_dim\": 576", "\"embedding_dim\": 1000000", "network.text.embedding_dim"},
    {"\"prompts\": 2", "\"prompts\": 0", "network.text.prompts"},
    {"\"prompts\": 2", "\"prompts\": null", "network.text.prompts"},
    {"\"llama-gguf\"", "\"gpt\"", "network.text.encoder.type"},
    {"\"l.gguf\"", "\"/models/l.gguf\"", "network.text.encoder.file"},
    {"\"0123456789abcdef", "\"012345678xabcdef", "network.text.encoder.sha256"},
    {"\"0123456789abcdef", "\"", "network.text.encoder.sha256"},
    {"\"soft_prompt\": \"contexts\",", "", "network.text.encoder.soft_prompt"},
    {"\"segment_token_embedding\": \"segment_token\",", "", "network.text.encoder.segment_token_embedding"},
    {"\"max_tokens\": 120", "\"max_tokens\": 1", "network.text.encoder.max_tokens"},
    {"\"c.safetensors\"", "\"~\\\\..\\\\c\"", "network.text.cache"},
    {"\"c.safetensors\"", "5", "network.text.cache"},
    {"{n_stage}", "{m_stage}", "network.text.template"},
    {"{n_stage}", "{n_stage", "network.text.template"},
    {"\"fields\": {", "\"fields\": [", "JSON"},
    {"[\"left\", \"right\"]", "[]", "network.text.fields.side"},
    {"[\"left\", \"right\"]", "[\"left\", 3]", "network.text.fields.side"},
    {"[\"left\", \"right\"]", "[\"left\", \"left\"]", "network.text.fields.side"},
    {"[\"left\", \"right\"]", "\"left\"", "network.text.fields.side"},
    {"\"RAS\"", "\"RAL\"", "preprocess.orientation"},
    {"\"RAS\"", "\"RASx\"", "preprocess.orientation"},
    {"\"RAS\"", "\"ras\"", "preprocess.orientation"},
    {"\"RAS\"", "3", "preprocess.orientation"},
    {"\"spacing_mm\": [1, 1.5, 3],", "", "preprocess.spacing_mm"},
    {"[1, 1.5, 3]", "[1, 1.5]", "preprocess.spacing_mm"},
    {"[1, 1.5, 3]", "[1, 1.5, 0]", "preprocess.spacing_mm"},
    {"[1, 1.5, 3]", "[1, -1.5, 3]", "preprocess.spacing_mm"},
    {"[1, 1.5, 3]", "[1, \"1.5\", 3]", "preprocess.spacing_mm"},
    {"[1, 1.5, 3]", "[1, 1e400, 3]", "preprocess.spacing_mm"},
    {"\"antialias\": true", "\"antialias\": 1", "preprocess.antialias"},
    {"\"intensity\"", "\"hu\"", "preprocess.intensity"},
    {"[-1000, 1000]", "[1000, -1000]", "preprocess.intensity.window"},
    {"[-1000, 1000]", "[5, 5]", "preprocess.intensity.window"},
    {"[-1000, 1000]", "-1000", "preprocess.intensity.window"},
    {"[0, 1]", "[1, 0]", "preprocess.intensity.range"},
    {"\"clip\": true", "\"clip\": \"yes\"", "preprocess.intensity.clip"},
    {", \"clip\": true", "", "preprocess.intensity.clip"},
    {"\"crop_foreground\": true,", "", "preprocess.crop_foreground"},
    {"\"pad_to_window\": false,", "", "preprocess.pad_to_window"},
    {"\"pad_to_window\": false", "\"pad_to_window\": 0", "preprocess.pad_to_window"},
    {", \"rotate90\": 1", "", "preprocess.rotate90"},
    {"\"rotate90\": 1", "\"rotate90\": 4", "preprocess.rotate90"},
    {"\"rotate90\": 1", "\"rotate90\": 0.5", "preprocess.rotate90"},
    {"\"inference\"", "\"infer\"", "inference"},
    {"[384, 352, 128]", "[384, 350, 128]", "inference.window"},
    {"[384, 352, 128]", "[384, 352]", "inference.window"},
    {"[384, 352, 128]", "[384, 352, 128, 32]", "inference.window"},
    {"[384, 352, 128]", "[384, 352, 0]", "inference.window"},
    {"[384, 352, 128]", "[384, 352, -32]", "inference.window"},
    {"[384, 352, 128]", "[384, 352, 1048576]", "inference.window"},
    {"[384, 352, 128]", "384", "inference.window"},
    {"\"overlap\": 0.25,", "", "inference.overlap"},
    {"0.25", "1", "inference.overlap"},
    {"0.25", "-0.1", "inference.overlap"},
    {"0.25", "\"half\"", "inference.overlap"},
    {"\"blend\": \"gaussian\",", "", "inference.blend"},
    {"\"gaussian\"", "\"linear\"", "inference.blend"},
    {", \"sigma_scale\": 0.125", "", "inference.sigma_scale"},
    {"0.125", "0", "inference.sigma_scale"},
    {"\"labels\"", "\"classes\"", "labels"},
    {"{\"value\": 0, \"name\": \"background\"}", "0", "labels[0]"},
    {"\"value\": 1, \"name\"", "\"value\": 2, \"name\"", "labels[1].value"},
    {"\"value\": 1, \"name\"", "\"value\": 0, \"name\"", "labels[1].value"},
    {"\"name\": \"CTV\"", "\"name\": \"\"", "labels[1].name"},
    {"\"name\": \"CTV\", ", "", "labels[1].name"},
    {"#e6194b", "red", "labels[1].color"},
    {"#e6194b", "#e6194g", "labels[1].color"},
    {"{\"sha256\": \"fedcba", "[\"fedcba", "JSON"},
    {"\"files\": {\"w.safetensors\"", "\"files\": {\"../w\"", "files"},
    {"\"sha256\": \"fedcba9876543210", "\"sha256\": \"", "files.w.safetensors.sha256"},
    {"\"bytes\": 123", "\"bytes\": -1", "files.w.safetensors.bytes"},
    {"\"bytes\": 123", "\"bytes\": 1.5", "files.w.safetensors.bytes"},
    /* JSON itself */
    {"{\"schema\"", "\"schema\"", "JSON"},
    {"\"version\": \"1.2.3\",", "\"version\": \"1.2.3\" ", "JSON"},
    {"\"bytes\": 123}}}", "\"bytes\": 123}}} x", "JSON"},
    {"\"demo\"", "\"de\x01mo\"", "JSON"},
    {"\"demo\"", "\"de\xff\xfe\"", "UTF-8"},
    {"\"demo\"", "\"\xed\xa0\x80\"", "UTF-8"},
    {"\"demo\"", "\"\xc0\xaf\"", "UTF-8"},
    {"\"demo\"", "\"de\\u0000mo\"", "zero"},
    {"\"demo\"", "\"de\\x\"", "JSON"},
    {"\"demo\"", "nan", "JSON"},
    {"\"name\": \"demo\"", "\"name\": \"demo\", \"name\": \"other\"", "name"},
    {"\"rotate90\": 1", "\"rotate90\": 1, \"rotate90\": 2", "rotate90"},
    {"\"free\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "deep"},
};

static void refusals(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        ctvk_error error;
        char *text = changed(damages[i].from, damages[i].to);
        ctvk_status status = parse(text, strlen(text), &error);
        CHECK_MSG(status == CTVK_ERROR_BUNDLE && error.status == status, "%s: status %d", damages[i].to, status);
        CHECK_MSG(status == CTVK_OK || strstr(error.message, damages[i].path), "%s: no \"%s\" in: %s", damages[i].to, damages[i].path,
                  error.message);
        CHECK_MSG(status == CTVK_OK || (!strncmp(error.message, "manifest.json: ", 15) && strchr(error.message, '(')), "%s", error.message);
        free(text);
    }
}

static void cut_short(void)
{
    ctvk_error error;
    for (size_t length = 0; length + 2 < sizeof sound; length++)
        CHECK_MSG(parse(sound, length, &error) == CTVK_ERROR_BUNDLE, "cut after %zu bytes", length);
}

/* An object of more keys, deeper or longer than any manifest: refused, and in no time. */
static void limits(void)
{
    ctvk_error error;
    size_t size = 3 << 20;
    char *text = malloc(size);
    CHECK(text != NULL);
    if (!text)
        return;
    size_t n = (size_t)sprintf(text, "{");
    for (int i = 0; i < 100000; i++)
        n += (size_t)sprintf(text + n, "%s\"%d\":1", i ? "," : "", i);
    n += (size_t)sprintf(text + n, "}");
    CHECK(parse(text, n, &error) == CTVK_ERROR_BUNDLE);
    memset(text, '[', size);
    CHECK(parse(text, 1000, &error) == CTVK_ERROR_BUNDLE && strstr(error.message, "deep"));
    CHECK(parse(text, 1 << 20, &error) == CTVK_ERROR_BUNDLE);
    memset(text, ' ', size);
    CHECK(parse(text, size, &error) == CTVK_ERROR_BUNDLE && strstr(error.message, "1 MiB"));
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '"', 1);
    CHECK(parse(text, 100000, &error) == CTVK_ERROR_BUNDLE);
    free(text);
}

static void warned(const char *from, const char *to, const char *about)
{
    ctvk_error error;
    char *text = changed(from, to);
    CHECK_MSG(parse(text, strlen(text), &error) == CTVK_OK, "%s", error.message);
    CHECK_MSG(manifest.warning_count >= 1 && strstr(manifest.warnings[0], about), "%s: %d warnings", about, manifest.warning_count);
    free(text);
}

static void warnings(void)
{
    ctvk_error error;
    warned("\"version\"", "\"author\": 1, \"version\"", "author");
    warned("\"prompts\": 2", "\"prompts\": 2, \"prompt\": {}", "network.text.prompt");
    warned("\"name\": \"CTV\"", "\"name\": \"CTV\", \"colour\": \"red\"", "labels[1].colour");
    warned("\"clip\": true", "\"clip\": true, \"window \": 1", "preprocess.intensity.window ");
    warned("{n_stage}, ", "", "n_stage");
    /* More unknown keys than there is room for. */
    char many[4096] = "";
    for (int i = 0; i < 100; i++)
        sprintf(many + strlen(many), "\"unknown-%d\": null, ", i);
    strcat(many, "\"version\"");
    char *text = changed("\"version\"", many);
    CHECK(parse(text, strlen(text), &error) == CTVK_OK && manifest.warning_count == 32);
    free(text);
}

/* cJSON and strtod look at the locale; a host's comma must not change a number. */
static void other_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i])) {
            ctvk_error error;
            CHECK(parse(sound, sizeof sound - 1, &error) == CTVK_OK && manifest.overlap == 0.25);
        }
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    sound_values();
    variants();
    refusals();
    cut_short();
    limits();
    warnings();
    other_locale();
    return check_done("manifest");
}
