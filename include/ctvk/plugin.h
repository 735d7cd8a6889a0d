/* ctvk/plugin.h - interface "ctvk.plugin": what this library is, for a host that lists the plugins it has. */
#ifndef CTVK_PLUGIN_H
#define CTVK_PLUGIN_H

#include "ctvk/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_PLUGIN_NAME "ctvk.plugin"
#define CTVK_PLUGIN_VERSION 1

typedef struct ctvk_plugin_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* The plugin's manifest, JSON (schema "ctvk-plugin/1"): name, version, library, licence, intended use, interfaces with their versions
     * and headers, capabilities. *out: VIEW of the library, valid as long as it is loaded.
     * CTVK_ERROR_ARGUMENT where out is NULL. [any thread] */
    ctvk_status (*manifest)(ctvk_text *out);
} ctvk_plugin_api;

#ifdef __cplusplus
}
#endif
#endif
