/* abi/text_model.h - the demo bundle and the language model that it names: SmolLM2, by CTVK_SMOLLM2, else in the user's data folder. */
#ifndef CTVK_TESTS_ABI_TEXT_MODEL_H
#define CTVK_TESTS_ABI_TEXT_MODEL_H

#include "abi/host.h"

/* In the demo's cache. */
#define DEMO_PROMPT "N0, cT2, breast conserving surgery, left side"

/* VIEW until the process ends. */
static inline const char *abi_demo(void)
{
    static char folder[1024];
    const char *data = getenv("CTVK_TEST_DATA");
    REQUIRE(data != NULL);
    snprintf(folder, sizeof folder, "%s/../../manifest/demo", data);
    return folder;
}

/* Where users keep language models. VIEW until the process ends. */
static inline const char *abi_data_folder(void)
{
    static char folder[1024];
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    snprintf(folder, sizeof folder, "%s%s/ctvk", data ? data : home ? home : "", data ? "" : "/.local/share");
    return folder;
}

/* Of the demo bundle, which the host has opened. OWNED: close. */
static inline ctvk_text_model *abi_text_model(const abi_host *h, const ctvk_text_api *texts)
{
    ctvk_text_model *model = NULL;
    ctvk_text_model_desc desc = CTVK_TEXT_MODEL_DESC_INIT;
    ctvk_text message;
    desc.path = (ctvk_text){getenv("CTVK_SMOLLM2"), CTVK_STRLEN};
    desc.data_folder = (ctvk_text){abi_data_folder(), CTVK_STRLEN};
    ctvk_status status = texts->open(h->context, h->bundle, &desc, &model);
    h->contexts->last_error(h->context, &message);
    CHECK_MSG(status == CTVK_OK, "%s", message.data);
    REQUIRE(model != NULL);
    return model;
}

#endif
