#include "inspect.h"

static void text_item(const char *lead, const char *name, const ctvk_text *text)
{
    printf("%s\"%s\": ", lead, name);
    cli_json_string(stdout, text->data, text->length);
}

static void print_labels(const cli_inspection *in)
{
    printf(",\n  \"labels\": [");
    for (uint32_t i = 0; i < in->info.label_count; i++) {
        ctvk_label_info label = CTVK_LABEL_INFO_INIT;
        in->library->bundles->label(in->bundle, i, &label);
        printf("%s{\"value\": %d", i ? ", " : "", label.value);
        text_item(", ", "name", &label.name);
        if (label.color.length)
            text_item(", ", "color", &label.color);
        printf("}");
    }
    printf("]");
}

static void print_text_part(const cli_inspection *in)
{
    const ctvk_bundle_api *bundles = in->library->bundles;
    const ctvk_bundle_info *b = &in->info;
    ctvk_text text = CTVK_TEXT_INIT;
    if (!b->has_text) {
        printf(",\n  \"text\": null");
        return;
    }
    printf(",\n  \"text\": {\"embedding_dim\": %d, \"prompts\": %d", b->text_dim, b->text_prompts);
    if (b->text_template.length)
        text_item(", ", "template", &b->text_template);
    if (b->has_encoder)
        text_item(", ", "encoder", &b->encoder_file);
    printf(", \"fields\": {");
    for (uint32_t f = 0; f < b->field_count; f++) {
        ctvk_field_info field = CTVK_FIELD_INFO_INIT;
        bundles->field(in->bundle, f, &field);
        printf("%s", f ? ", " : "");
        cli_json_string(stdout, field.name.data, field.name.length);
        printf(": [");
        for (uint32_t v = 0; v < field.value_count; v++) {
            bundles->field_value(in->bundle, f, v, &text);
            printf("%s", v ? ", " : "");
            cli_json_string(stdout, text.data, text.length);
        }
        printf("]");
    }
    printf("}, \"cached_prompts\": [");
    for (uint32_t i = 0; i < b->cached_prompt_count; i++) {
        bundles->cached_prompt(in->bundle, i, &text);
        printf("%s", i ? ", " : "");
        cli_json_string(stdout, text.data, text.length);
    }
    printf("]}");
}

static void print_preprocess(const ctvk_bundle_info *b)
{
    text_item(",\n  \"preprocess\": {", "orientation", &b->orientation);
    if (b->has_spacing)
        printf(", \"spacing_mm\": [%.9g, %.9g, %.9g]", b->spacing_mm[0], b->spacing_mm[1], b->spacing_mm[2]);
    else
        printf(", \"spacing_mm\": null");
    printf(", \"window_hu\": [%.9g, %.9g], \"rotate90\": %d}", b->window_hu[0], b->window_hu[1], b->rotate90);
    printf(",\n  \"inference\": {\"window\": [%d, %d, %d], \"overlap\": %.9g, \"blend\": \"%s\", \"sigma_scale\": %.9g}", b->window[0],
           b->window[1], b->window[2], b->overlap, b->gaussian ? "gaussian" : "constant", b->sigma_scale);
}

void cli_inspect_json(const cli_inspection *in)
{
    const ctvk_bundle_info *b = &in->info;
    text_item("{", "name", &b->name);
    text_item(", ", "version", &b->version);
    text_item(",\n  ", "intended_use", &b->intended_use);
    text_item(",\n  ", "license", &b->license);
    text_item(", ", "citation", &b->citation);
    text_item(",\n  ", "sha256", &b->sha256);
    text_item(",\n  \"network\": {", "architecture", &b->architecture);
    printf(", \"in_channels\": %d, \"out_channels\": %d, \"feature_size\": %d, \"tensors\": %llu, \"unused_tensors\": %llu, "
           "\"weight_bytes\": %llu}",
           b->in_channels, b->out_channels, b->feature_size, (unsigned long long)b->weight_tensors, (unsigned long long)b->unused_tensors,
           (unsigned long long)b->weight_bytes);
    print_text_part(in);
    print_preprocess(b);
    print_labels(in);
    if (in->has_memory) {
        const ctvk_memory_info *m = &in->memory;
        text_item(",\n  \"memory\": {", "device", &in->device.name);
        printf(", \"planned_bytes\": %llu, \"weights_bytes\": %llu, \"activations_bytes\": %llu, \"staging_bytes\": %llu, "
               "\"available_bytes\": %llu, \"fits\": %s}",
               (unsigned long long)m->planned_bytes, (unsigned long long)m->weights_bytes, (unsigned long long)m->activations_bytes,
               (unsigned long long)m->staging_bytes, (unsigned long long)m->available_bytes, m->fits ? "true" : "false");
    } else {
        printf(",\n  \"memory\": null");
    }
    printf(",\n  \"warnings\": [");
    for (uint32_t i = 0; i < b->warning_count; i++) {
        ctvk_text text = CTVK_TEXT_INIT;
        in->library->bundles->warning(in->bundle, i, &text);
        printf("%s", i ? ", " : "");
        cli_json_string(stdout, text.data, text.length);
    }
    printf("]}\n");
}
