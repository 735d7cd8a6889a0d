/* Any name from a manifest: refused, or a path inside the bundle's folder, whatever links lie there. */
#include "formats/bundle.h"
#include "fuzz/fuzz.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static char folder[PATH_MAX];

static void remove_folder(void)
{
    static const char *const names[] = {"a/b", "a", "in", "out", "up", "loop", ""};
    char path[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (unlink(path) != 0)
            rmdir(path);
    }
}

/* a/b is a file; in leads to it; out, up and loop lead out of the folder or nowhere. */
static void make_folder(void)
{
    char path[PATH_MAX + 16], made[] = "/tmp/ctvk-fuzz-XXXXXX";
    EXPECT(mkdtemp(made) && realpath(made, folder));
    atexit(remove_folder);
    snprintf(path, sizeof path, "%s/a", folder);
    EXPECT(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/a/b", folder);
    FILE *file = fopen(path, "w");
    EXPECT(file && fclose(file) == 0);
    static const char *const links[][2] = {{"in", "a/b"}, {"out", "/etc"}, {"up", ".."}, {"loop", "loop"}};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, links[i][0]);
        EXPECT(symlink(links[i][1], path) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[4096], path[PATH_MAX], real[PATH_MAX];
    if (!folder[0])
        make_folder();
    if (size >= sizeof name)
        return 0;
    memcpy(name, data, size);
    name[size] = 0;
    static ctvk_bundle_files bundle;
    ctvk_error error = {0};
    bundle.folder = folder;
    ctvk_status status = ctvk_bundle_path(&bundle, name, path, sizeof path, &error);
    if (status != CTVK_OK) {
        EXPECT_REFUSAL(status, error);
        return 0;
    }
    EXPECT(name[0] != '/' && realpath(path, real));
    EXPECT(strncmp(real, folder, strlen(folder)) == 0 && real[strlen(folder)] == '/');
    return 0;
}
