/* seed_bundle CASE_FOLDER OUT_FOLDER: a golden case's manifest and its seeded weights, as a bundle that the command opens. */
#include "support/seeded_weights.h"

int main(int argc, char **argv)
{
    return argc == 3 && seeded_weights_write(argv[1], argv[2]) == 0 ? 0 : 1;
}
