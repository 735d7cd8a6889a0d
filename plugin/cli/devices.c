#include "cli.h"

enum { JSON };
static const cli_option options[] = {{"--json", NULL, "print JSON", 0}};

static void print_text(const ctvk_device_info *d)
{
    printf("%u  %s\n", d->index, d->name.data);
    printf("   %s, %s, %.1f GiB, driver %s\n", cli_device_type(d->type), d->vendor.data, (double)d->memory_bytes / 1073741824.0,
           d->driver.data);
    printf("   UUID %s\n", d->uuid.data);
    printf("   %s\n", d->usable ? "runs: segment (precision f32, f16)" : "cannot run the network");
    if (d->lacks.length)
        printf("   lacks: %s\n", d->lacks.data);
}

static void print_field(const char *name, const ctvk_text *text)
{
    printf(", \"%s\": ", name);
    cli_json_string(stdout, text->data, text->length);
}

static void print_json(const ctvk_device_info *d)
{
    printf("%s\n  {\"index\": %u", d->index ? "," : "", d->index);
    print_field("name", &d->name);
    print_field("vendor", &d->vendor);
    print_field("driver", &d->driver);
    printf(", \"type\": \"%s\", \"memory_bytes\": %llu", cli_device_type(d->type), (unsigned long long)d->memory_bytes);
    print_field("uuid", &d->uuid);
    printf(", \"vulkan\": \"%u.%u.%u\", \"usable\": %s, \"precisions\": [%s]", d->api_version >> 22, d->api_version >> 12 & 0x3ff,
           d->api_version & 0xfff, d->usable ? "true" : "false", d->usable ? "\"f32\", \"f16\"" : "");
    print_field("lacks", &d->lacks);
    printf("}");
}

static int list(const cli_library *library, int json)
{
    uint32_t count;
    if (library->contexts->device_count(library->context, &count) != CTVK_OK)
        return cli_context_error(library);
    if (!count)
        return cli_fail(CLI_DEVICE, "devices: no Vulkan device is there (install a driver, or Debian's mesa-vulkan-drivers)");
    if (json)
        printf("{\"devices\": [");
    for (uint32_t i = 0; i < count; i++) {
        ctvk_device_info info = CTVK_DEVICE_INFO_INIT;
        if (library->contexts->device_info(library->context, i, &info) != CTVK_OK)
            return cli_context_error(library);
        if (json)
            print_json(&info);
        else
            print_text(&info);
    }
    if (json)
        printf("\n]}\n");
    return cli_flush();
}

static int run(const cli_arguments *arguments)
{
    cli_library library;
    int code = cli_library_open(&library);
    if (code == CLI_OK)
        code = list(&library, arguments->value[JSON] != NULL);
    cli_library_close(&library);
    return code;
}

const cli_command cli_devices = {"devices",
                                 "Lists every Vulkan device: index, name, vendor, driver, type, memory, what it can and cannot run.",
                                 "ctvk devices [--json]",
                                 NULL,
                                 NULL,
                                 options,
                                 1,
                                 run};
