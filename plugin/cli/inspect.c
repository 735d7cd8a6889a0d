#include "inspect.h"

enum { JSON, DEVICE, PLUGIN };
/* A bundle may hold every combination of its fields: that many are not for a person to read. */
enum { MANY_PROMPTS = 16, FEW_PROMPTS = 4 };
static const cli_option options[] = {
    {"--json", NULL, "print JSON", 0},
    {"--device", "SELECTOR", "for which device to say the memory need: index, part of a name,\nUUID or auto (default; also CTVK_DEVICE)",
     0},
    {"--plugin", NULL, "instead of a bundle, the plugin itself: its manifest, from the library", 0}};

static void print_lists(const cli_inspection *in)
{
    const ctvk_bundle_api *bundles = in->library->bundles;
    ctvk_text text = CTVK_TEXT_INIT;
    printf("labels:\n");
    for (uint32_t i = 0; i < in->info.label_count; i++) {
        ctvk_label_info label = CTVK_LABEL_INFO_INIT;
        bundles->label(in->bundle, i, &label);
        printf("  %d  %s %s\n", label.value, label.name.data, label.color.data);
    }
    for (uint32_t f = 0; f < in->info.field_count; f++) {
        ctvk_field_info field = CTVK_FIELD_INFO_INIT;
        bundles->field(in->bundle, f, &field);
        printf("%s  --field %s=", f ? "" : "prompt fields:\n", field.name.data);
        for (uint32_t v = 0; v < field.value_count; v++) {
            bundles->field_value(in->bundle, f, v, &text);
            printf("%s%s", v ? " | " : "", text.data);
        }
        printf("\n");
    }
    uint32_t cached = in->info.cached_prompt_count, shown = cached > MANY_PROMPTS ? FEW_PROMPTS : cached;
    for (uint32_t i = 0; i < shown; i++) {
        bundles->cached_prompt(in->bundle, i, &text);
        printf("%s  \"%s\"\n", i ? "" : "cached prompts:\n", text.data);
    }
    if (shown < cached)
        printf("  and %u more (--json names all)\n", cached - shown);
}

static void print_text(const cli_inspection *in)
{
    const ctvk_bundle_info *b = &in->info;
    printf("%s %s\n", b->name.data, b->version.data);
    const struct {
        const char *name;
        const ctvk_text *text;
    } lines[] = {
        {"intended use", &b->intended_use}, {"license", &b->license}, {"citation", &b->citation}, {"sha256 of the manifest", &b->sha256}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].text->length)
            printf("%s: %s\n", lines[i].name, lines[i].text->data);
    printf("network: %s, %d input channel%s, %d classes, feature size %d, ", b->architecture.data, b->in_channels,
           b->in_channels == 1 ? "" : "s", b->out_channels, b->feature_size);
    if (b->has_text)
        printf("text embeddings of %d x %d\n", b->text_prompts, b->text_dim);
    else
        printf("vision only\n");
    printf("weights: %llu tensors, %.1f MiB, %llu not used\n", (unsigned long long)b->weight_tensors, (double)b->weight_bytes / 1048576.0,
           (unsigned long long)b->unused_tensors);
    printf("image: orientation %s, ", b->orientation.data);
    if (b->has_spacing)
        printf("resampled to %g x %g x %g mm, ", b->spacing_mm[0], b->spacing_mm[1], b->spacing_mm[2]);
    printf("%g to %g HU, window %d x %d x %d, overlap %g\n", b->window_hu[0], b->window_hu[1], b->window[0], b->window[1], b->window[2],
           b->overlap);
    if (in->has_memory)
        printf("memory: %.1f MiB on %s (%.1f MiB there)%s\n", (double)in->memory.planned_bytes / 1048576.0, in->device.name.data,
               (double)in->memory.available_bytes / 1048576.0, in->memory.fits ? "" : ": does not fit");
    else
        printf("memory: not known without a Vulkan device\n");
    if (b->text_template.length)
        printf("prompt template: %s\n", b->text_template.data);
    if (b->has_encoder)
        printf("language model: %s (for prompts that are not cached)\n", b->encoder_file.data);
    print_lists(in);
}

/* No device at all is no error here: everything but the memory need is known without one. A device that was asked for is. */
static int find_memory(cli_inspection *in, const char *selector)
{
    const ctvk_context_api *contexts = in->library->contexts;
    ctvk_context *context = in->library->context;
    uint32_t index;
    ctvk_text message;
    if (contexts->device_select(context, selector, CTVK_STRLEN, &index) != CTVK_OK ||
        contexts->device_info(context, index, &in->device) != CTVK_OK) {
        if (*selector)
            return cli_context_error(in->library);
        contexts->last_error(context, &message);
        cli_warn("%s", message.data);
        return CLI_OK;
    }
    ctvk_status status = in->library->bundles->memory(in->bundle, index, &in->memory);
    if (status != CTVK_OK) {
        in->library->bundles->last_error(in->bundle, &message);
        return cli_fail_status(status, &message);
    }
    in->has_memory = 1;
    return CLI_OK;
}

static int inspect(const cli_library *library, const cli_arguments *arguments)
{
    cli_inspection in = {
        .library = library, .info = CTVK_BUNDLE_INFO_INIT, .memory = CTVK_MEMORY_INFO_INIT, .device = CTVK_DEVICE_INFO_INIT};
    ctvk_text text;
    int code = cli_open_bundle(library, arguments->position[0], &in.bundle);
    if (code == CLI_OK && library->bundles->info(in.bundle, &in.info) != CTVK_OK)
        code = cli_fail(CLI_FAILED, "bundle: its description cannot be read (install command and library from one release)");
    if (code == CLI_OK)
        code = find_memory(&in, cli_device(arguments->value[DEVICE]));
    if (code == CLI_OK) {
        for (uint32_t i = 0; i < in.info.warning_count; i++)
            if (library->bundles->warning(in.bundle, i, &text) == CTVK_OK)
                cli_warn("%s", text.data);
        if (arguments->value[JSON])
            cli_inspect_json(&in);
        else
            print_text(&in);
        code = cli_flush();
    }
    library->bundles->destroy(in.bundle);
    return code;
}

static int print_plugin(void)
{
    ctvk_text text = CTVK_TEXT_INIT;
    const ctvk_plugin_api *plugin = ctvk_interface(CTVK_PLUGIN_NAME, CTVK_PLUGIN_VERSION);
    if (!plugin || plugin->manifest(&text) != CTVK_OK)
        return cli_fail(CLI_FAILED, "libctvk.so.1: it does not say what it is (install command and library from one release)");
    fwrite(text.data, 1, text.length, stdout);
    return cli_flush();
}

static int run(const cli_arguments *arguments)
{
    cli_library library;
    if (arguments->value[PLUGIN]) {
        if (arguments->position_count || arguments->value[DEVICE])
            return cli_fail(CLI_USAGE, "--plugin: takes neither BUNDLE nor --device (leave them out)");
        return print_plugin();
    }
    if (!arguments->position_count)
        return cli_fail(CLI_USAGE, "BUNDLE: missing (name a bundle's folder, or give --plugin; see ctvk inspect --help)");
    int code = cli_library_open(&library);
    if (code == CLI_OK)
        code = inspect(&library, arguments);
    cli_library_close(&library);
    return code;
}

const cli_command cli_inspect = {"inspect",
                                 "Says what a bundle is: its labels, prompt fields, cached prompts, and the memory that it needs.",
                                 "ctvk inspect BUNDLE [--json] [--device SELECTOR]\n"
                                 "       ctvk inspect --plugin",
                                 NULL,
                                 "[BUNDLE]",
                                 options,
                                 3,
                                 run};
