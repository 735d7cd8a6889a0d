#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* mkdir -p; 0: it is there. */
static int make_folder(const char *path)
{
    char part[3072];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return -1;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return -1;
    }
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? 0 : -1;
}

const char *cli_cache_folder(void)
{
    static char folder[2048];
    static int state; /* 0: not asked yet, 1: there, 2: none */
    if (!state) {
        const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
        int length = base && base[0] == '/'   ? snprintf(folder, sizeof folder, "%s/ctvk", base)
                     : home && home[0] == '/' ? snprintf(folder, sizeof folder, "%s/.cache/ctvk", home)
                                              : -1;
        state = length > 0 && (size_t)length < sizeof folder && make_folder(folder) == 0 ? 1 : 2;
    }
    return state == 1 ? folder : NULL;
}

/* Whether 16 lanes are faster than 8: on AMD's CPUs with AVX-512 (Zen 4 and 5) in every measurement. On Intel's 16 lanes load and store so
 * slowly (a shader's copies at 2 GB/s instead of 6) that a window takes 1.6 times as long, though multiply-adds alone are faster. */
#if defined(__x86_64__)
static int is_faster_wide(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_is("amd");
}
#endif

/* Mesa's software driver computes 16 lanes wide where the CPU can, but only when told before the instance exists; and its shader cache
 * does not know the width, so that the wider code needs a folder of its own. A library must not do this; a command may, for itself. */
void cli_prepare_environment(void)
{
#if defined(__x86_64__)
    char cache[2304];
    const char *folder = cli_cache_folder();
    if (!folder || getenv("LP_NATIVE_VECTOR_WIDTH") || getenv("MESA_SHADER_CACHE_DIR") || !is_faster_wide())
        return;
    snprintf(cache, sizeof cache, "%s/mesa-512", folder);
    if (make_folder(cache) != 0)
        return;
    setenv("MESA_SHADER_CACHE_DIR", cache, 1);
    setenv("LP_NATIVE_VECTOR_WIDTH", "512", 1);
#endif
}
