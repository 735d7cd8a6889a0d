/* support/seeded_weights.h - bundles whose weights cost no bytes in the repository (selftest/seeded.h; tests/data/README.md says how). */
#ifndef CTVK_TESTS_SEEDED_WEIGHTS_H
#define CTVK_TESTS_SEEDED_WEIGHTS_H

/* Reads case_folder/manifest.json, writes a copy of it and the network.safetensors that it asks for into out_folder (which exists). 0, or
 * -1 with one line on stderr. */
int seeded_weights_write(const char *case_folder, const char *out_folder);

#endif
