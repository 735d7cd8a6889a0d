#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 65536 };

int cli_read_prompt(const char *path, char **out)
{
    /* A pipe that nobody writes to must not hang the command; one with a writer is waited for. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = descriptor >= 0 && fcntl(descriptor, F_SETFL, 0) == 0 ? fdopen(descriptor, "rb") : NULL;
    if (!file && descriptor >= 0)
        close(descriptor);
    if (!file)
        return cli_fail(CLI_INPUT, "%.300s: %s (name a text file with the prompt)", path, strerror(errno));
    char *text = malloc(MAX_FILE + 1);
    if (!text) {
        fclose(file);
        return cli_fail(CLI_MEMORY, "%.300s: no memory to read it (close other programs)", path);
    }
    size_t length = fread(text, 1, MAX_FILE + 1, file);
    int broken = ferror(file);
    fclose(file);
    int code = CLI_OK;
    if (broken)
        code = cli_fail(CLI_INPUT, "%.300s: cannot be read (name a text file with the prompt)", path);
    else if (length > MAX_FILE)
        code = cli_fail(CLI_INPUT, "%.300s: longer than %d bytes (a prompt is one line)", path, MAX_FILE);
    else if (memchr(text, 0, length))
        code = cli_fail(CLI_INPUT, "%.300s: holds zero bytes, so it is no text (save it as UTF-8)", path);
    if (code != CLI_OK) {
        free(text);
        return code;
    }
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    text[length] = 0;
    if (memcmp(text, "\xef\xbb\xbf", 3) == 0)
        memmove(text, text + 3, length - 2);
    *out = text;
    return CLI_OK;
}

static int bundle_error(const cli_library *library, const ctvk_bundle *bundle)
{
    ctvk_text message;
    ctvk_status status = library->bundles->last_error(bundle, &message);
    return cli_fail_status(status, &message);
}

static int fill_fields(const cli_library *library, ctvk_bundle *bundle, const cli_text_source *source, ctvk_text *prompt)
{
    ctvk_field_choice choices[CLI_MAX_MANY];
    for (int32_t i = 0; i < source->field_count; i++) {
        const char *equals = strchr(source->fields[i], '=');
        if (!equals || equals == source->fields[i])
            return cli_fail(CLI_USAGE, "--field %.100s: not of the form NAME=VALUE (see ctvk inspect for names and values)",
                            source->fields[i]);
        choices[i].name = (ctvk_text){source->fields[i], (uint64_t)(equals - source->fields[i])};
        choices[i].value = cli_text(equals + 1);
    }
    if (library->bundles->fill_template(bundle, choices, (uint32_t)source->field_count, prompt) != CTVK_OK)
        return bundle_error(library, bundle);
    return CLI_OK;
}

/* A vision-only model has no use for text; the library warns when it is handed any. */
static int hand_unused(const cli_text_source *source, ctvk_job_options *options)
{
    static const float nothing[1] = {0};
    if (source->kind == CLI_TEXT_EMBEDDING)
        options->embedding = nothing;
    else if (source->kind != CLI_TEXT_NONE)
        options->prompt = cli_text("unused");
    return CLI_OK;
}

int cli_find_text(const cli_library *library, ctvk_bundle *bundle, const cli_text_source *source, ctvk_job_options *options, char **buffer)
{
    ctvk_bundle_info info = CTVK_BUNDLE_INFO_INIT;
    int code = CLI_OK;
    *buffer = NULL;
    if (library->bundles->info(bundle, &info) != CTVK_OK)
        return bundle_error(library, bundle);
    if (!info.has_text)
        return hand_unused(source, options);
    switch (source->kind) {
    case CLI_TEXT_PROMPT:
        options->prompt = cli_text(source->value);
        break;
    case CLI_TEXT_FILE:
        code = cli_read_prompt(source->value, buffer);
        options->prompt = cli_text(*buffer);
        break;
    case CLI_TEXT_FIELDS:
        code = fill_fields(library, bundle, source, &options->prompt);
        break;
    case CLI_TEXT_EMBEDDING:
        if (library->bundles->read_embedding(bundle, source->value, CTVK_STRLEN, &options->embedding, &options->embedding_count) != CTVK_OK)
            code = bundle_error(library, bundle);
        break;
    default:
        break;
    }
    return code;
}
