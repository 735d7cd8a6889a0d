#include "support/golden.h"

#include "support/seeded_weights.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const golden_case *)a)->name, ((const golden_case *)b)->name);
}

static int has_file(const char *folder, const char *name)
{
    char path[1024];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &s) == 0;
}

/* Cases whose network.safetensors is not committed get one from the seeded generator, in a folder of their own. */
static int prepare(golden_case *c, const char *tmp)
{
    if (has_file(c->folder, "network.safetensors")) {
        snprintf(c->bundle, sizeof c->bundle, "%.511s", c->folder);
        return 0;
    }
    snprintf(c->bundle, sizeof c->bundle, "%.400s/golden-%.60s-%d", tmp, c->name, (int)getpid());
    mkdir(c->bundle, 0777);
    return seeded_weights_write(c->folder, c->bundle);
}

static int add_folder(golden_case *cases, int count, int room, const char *root, const char *tmp)
{
    DIR *dir = root && *root ? opendir(root) : NULL;
    int first = count;
    if (!dir)
        return count;
    for (struct dirent *entry; (entry = readdir(dir)) && count < room;) {
        golden_case *c = &cases[count];
        snprintf(c->name, sizeof c->name, "%.63s", entry->d_name);
        snprintf(c->folder, sizeof c->folder, "%.400s/%.100s", root, entry->d_name);
        if (has_file(c->folder, "manifest.json") &&
            has_file(c->folder, "text_embedding.safetensors") + has_file(c->folder, "expected_label.nii.gz") &&
            has_file(c->folder, "expected.safetensors") && strncmp(c->name, "text-", 5) != 0) {
            if (prepare(c, tmp) != 0) {
                fprintf(stderr, "golden case %s: its weights cannot be written to %s\n", c->name, c->bundle);
                closedir(dir);
                return -1;
            }
            count++;
        }
    }
    closedir(dir);
    qsort(cases + first, (size_t)(count - first), sizeof *cases, by_name);
    return count;
}

int golden_cases(golden_case *cases, int room)
{
    const char *data = getenv("CTVK_TEST_DATA"), *tmp = getenv("CTVK_TEST_TMP"), *shared = getenv("CTVK_GOLDEN");
    char own[1024];
    snprintf(own, sizeof own, "%s/golden", data ? data : ".");
    int count = add_folder(cases, 0, room, own, tmp ? tmp : "/tmp");
    if (count < 1) {
        fprintf(stderr, "golden cases: none in %s\n", own);
        return -1;
    }
    printf("golden cases of the repository: %d\n", count);
    int all = add_folder(cases, count, room, shared, tmp ? tmp : "/tmp");
    if (all <= count && shared && *shared) {
        fprintf(stderr, "golden cases: none in %s, which was named\n", shared);
        return -1;
    }
    if (all > count)
        printf("golden cases of the published code: %d\n", all - count);
    else
        printf("golden cases of the published code: not here, only the repository's own are tested\n");
    return all;
}
