/* The interfaces by name and version, the names of the status codes, and what the library says of itself. No device. */
#include "abi/host.h"

static abi_host host;

static void test_interfaces(void)
{
    static const struct {
        const char *name;
        uint32_t version, bytes;
    } known[] = {{"ctvk.context", 1, sizeof(ctvk_context_api)},       {"ctvk.image", 1, sizeof(ctvk_image_api)},
                 {"ctvk.bundle", 1, sizeof(ctvk_bundle_api)},         {"ctvk.job", 1, sizeof(ctvk_job_api)},
                 {"ctvk.result", 1, sizeof(ctvk_result_api)},         {"ctvk.text", 1, sizeof(ctvk_text_api)},
                 {"ctvk.evaluation", 1, sizeof(ctvk_evaluation_api)}, {"ctvk.plugin", 1, sizeof(ctvk_plugin_api)},
                 {"ctvk.vulkan", 1, sizeof(ctvk_vulkan_api)},         {"ctvk.selftest", 1, sizeof(ctvk_selftest_api)}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *table = ctvk_interface(known[i].name, known[i].version);
        REQUIRE(table != NULL);
        CHECK_MSG(table[0] == known[i].bytes, "%s: struct_size %u", known[i].name, table[0]);
        CHECK(ctvk_interface(known[i].name, known[i].version) == table);
        CHECK(ctvk_interface(known[i].name, 0) == NULL);
        CHECK(ctvk_interface(known[i].name, known[i].version + 1) == NULL);
        CHECK(ctvk_interface(known[i].name, UINT32_MAX) == NULL);
        /* No function of a table is missing. */
        for (size_t at = 8; at < known[i].bytes; at += sizeof(void *)) {
            void *function;
            memcpy(&function, (const char *)table + at, sizeof function);
            CHECK_MSG(function != NULL, "%s: no function at %zu", known[i].name, at);
        }
    }
    CHECK(ctvk_interface(NULL, 1) == NULL);
    CHECK(ctvk_interface("", 1) == NULL);
    CHECK(ctvk_interface("ctvk.contex", 1) == NULL);
    CHECK(ctvk_interface("ctvk.contexts", 1) == NULL);
    CHECK(host.contexts->version == CTVK_VERSION_MAJOR * 65536 + CTVK_VERSION_MINOR * 256 + CTVK_VERSION_PATCH);
}

static void test_status_names(void)
{
    static const struct {
        ctvk_status status;
        int32_t number;
        const char *name;
    } all[] = {{CTVK_OK, 0, "CTVK_OK"},
               {CTVK_PENDING, 1, "CTVK_PENDING"},
               {CTVK_ERROR_ARGUMENT, 20, "CTVK_ERROR_ARGUMENT"},
               {CTVK_ERROR_PROMPT, 21, "CTVK_ERROR_PROMPT"},
               {CTVK_ERROR_INPUT, 30, "CTVK_ERROR_INPUT"},
               {CTVK_ERROR_OUTPUT, 31, "CTVK_ERROR_OUTPUT"},
               {CTVK_ERROR_BUNDLE, 40, "CTVK_ERROR_BUNDLE"},
               {CTVK_ERROR_HASH, 41, "CTVK_ERROR_HASH"},
               {CTVK_ERROR_NO_DEVICE, 50, "CTVK_ERROR_NO_DEVICE"},
               {CTVK_ERROR_HOST_MEMORY, 60, "CTVK_ERROR_HOST_MEMORY"},
               {CTVK_ERROR_DEVICE_MEMORY, 61, "CTVK_ERROR_DEVICE_MEMORY"},
               {CTVK_CANCELLED, 70, "CTVK_CANCELLED"},
               {CTVK_ERROR_DEVICE, 80, "CTVK_ERROR_DEVICE"},
               {CTVK_ERROR_INTERNAL, 81, "CTVK_ERROR_INTERNAL"}};
    int named = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(all[i].status == all[i].number);
        CHECK_MSG(strcmp(host.contexts->status_name(all[i].status), all[i].name) == 0, "%d", all[i].number);
    }
    for (int32_t status = -300; status < 300; status++)
        named += strcmp(host.contexts->status_name(status), "CTVK_UNKNOWN") != 0;
    CHECK(named == (int)(sizeof all / sizeof *all));
    CHECK(strcmp(host.contexts->status_name(INT32_MIN), "CTVK_UNKNOWN") == 0);
    CHECK(strcmp(host.contexts->status_name(INT32_MAX), "CTVK_UNKNOWN") == 0);
}

/* The manifest names every interface that is there, with its version, and no other. */
static void test_plugin(void)
{
    const ctvk_plugin_api *plugin = ctvk_interface(CTVK_PLUGIN_NAME, CTVK_PLUGIN_VERSION);
    ctvk_text text = CTVK_TEXT_INIT;
    char name[64], version[32];
    unsigned number;
    int found = 0;
    CHECK(plugin->manifest(NULL) == CTVK_ERROR_ARGUMENT);
    REQUIRE(plugin->manifest(&text) == CTVK_OK && text.length == strlen(text.data));
    snprintf(version, sizeof version, "\"version\": \"%d.%d.%d\"", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    CHECK(strstr(text.data, version) != NULL);
    for (const char *at = text.data; (at = strstr(at, "{\"name\": \"")) != NULL; at++, found++) {
        REQUIRE(sscanf(at, "{\"name\": \"%63[^\"]\", \"version\": %u,", name, &number) == 2);
        CHECK_MSG(ctvk_interface(name, number) != NULL, "%s/%u", name, number);
    }
    CHECK_MSG(found == 12, "%d interfaces", found);
}

int main(void)
{
    abi_tables(&host);
    test_interfaces();
    test_status_names();
    test_plugin();
    return check_done("interfaces");
}
