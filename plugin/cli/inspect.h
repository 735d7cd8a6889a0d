/* cli/inspect.h - what `ctvk inspect` found, for its two ways of printing. */
#ifndef CTVK_CLI_INSPECT_H
#define CTVK_CLI_INSPECT_H

#include "cli.h"

typedef struct cli_inspection {
    const cli_library *library;
    ctvk_bundle *bundle;
    ctvk_bundle_info info;
    ctvk_memory_info memory;
    ctvk_device_info device;
    int32_t has_memory;
} cli_inspection;

void cli_inspect_json(const cli_inspection *in);

#endif
