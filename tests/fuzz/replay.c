/* Runs every file of a corpus folder, and every prefix of the small ones, through the fuzz target that it is linked with. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>

/* A copy of exactly this size: one byte read beyond it is seen by the address sanitizer. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    EXPECT(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static long replay_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    EXPECT(file);
    size_t size = fread(data, 1, sizeof data, file);
    EXPECT(feof(file) && fclose(file) == 0);
    run(data, size);
    long runs = 1;
    for (size_t cut = 0; cut < size; cut += size < 2048 ? 1 : size / 512, runs++)
        run(data, cut);
    return runs;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    long files = 0, runs = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder)) != NULL) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        runs += replay_file(path);
        files++;
    }
    closedir(folder);
    printf("%s: %ld files, %ld runs\n", argv[1], files, runs);
    return files >= 5 ? 0 : 1; /* an empty corpus tests nothing */
}
