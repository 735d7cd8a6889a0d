/* Writes the golden cases' bundles with their seeded weights into the folder that is named: TMP/abi/CASE, for hosts that know nothing of
 * how tests make weights. */
#include "support/seeded_weights.h"

#include <stdio.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
    static const char *const names[] = {"one-window", "sliding-LPS", "spacing", "vision-only"};
    char from[1024], to[1024];
    if (argc != 3)
        return 2;
    mkdir(argv[2], 0777);
    snprintf(to, sizeof to, "%s/cache", argv[2]);
    mkdir(to, 0777);
    for (int i = 0; i < 4; i++) {
        snprintf(from, sizeof from, "%s/%s", argv[1], names[i]);
        snprintf(to, sizeof to, "%s/%s", argv[2], names[i]);
        mkdir(to, 0777);
        if (seeded_weights_write(from, to) != 0)
            return 1;
    }
    return 0;
}
