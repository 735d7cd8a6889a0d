/* drivers/write_modules.c - the modules of cooperative matrices, as a driver gets them, into files: write_modules FOLDER. */
#include "gpu/internal.h"
#include "support/check.h"

static void write_module(const ctvk_shader *shader, const char *folder)
{
    char path[1024];
    uint32_t *words = malloc(shader->bytes);
    snprintf(path, sizeof path, "%s/%s.spv", folder, shader->name);
    FILE *file = fopen(path, "wb");
    CHECK_MSG(file && words, "%s", path);
    if (file && words) {
        memcpy(words, shader->words, shader->bytes);
        CHECK(ctvk_gpu_matrix_complete(words, shader->bytes / 4));
        CHECK(fwrite(words, 1, shader->bytes, file) == shader->bytes);
    }
    free(words);
    CHECK(file && fclose(file) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    for (uint32_t i = 0; i < ctvk_shader_count && argc == 2; i++)
        if (strstr(ctvk_shaders[i].name, "_cooperative_"))
            write_module(&ctvk_shaders[i], argv[1]);
    return check_done("write_modules");
}
