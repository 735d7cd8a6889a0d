/* formats/bundle.h - a bundle folder: manifest, weights, prompt cache, hashes; nothing outside the folder is opened. */
#ifndef CTVK_FORMATS_BUNDLE_H
#define CTVK_FORMATS_BUNDLE_H

#include "formats/manifest.h"
#include "formats/safetensors.h"

typedef struct ctvk_bundle_files {
    const ctvk_host *host;
    char *folder; /* real path */
    ctvk_manifest manifest;
    ctvk_safetensors *weights;
    ctvk_safetensors *cache; /* NULL: none */
    char sha256[65];         /* of manifest.json's bytes: the bundle's hash */
    uint64_t unused_tensors; /* in weights, not used by the network (set by nets) */
} ctvk_bundle_files;

/* Reads manifest.json, checks every path (relative, no "..", no symlink that leaves the folder), opens weights and cache, checks
 * the sha256 and bytes of `files`. progress may be NULL; it is asked for every MiB that is hashed, with the stage "hashes": non-zero gives
 * CTVK_CANCELLED. Errors: CTVK_ERROR_BUNDLE, CTVK_ERROR_HASH, CTVK_ERROR_HOST_MEMORY. */
ctvk_status ctvk_bundle_open(const ctvk_host *host, const char *folder, ctvk_progress_fn progress, void *user, ctvk_bundle_files **out,
                             ctvk_error *error);
void ctvk_bundle_close(ctvk_bundle_files **bundle);
/* Joins and checks a name from the manifest; path receives at most size bytes. */
ctvk_status ctvk_bundle_path(const ctvk_bundle_files *bundle, const char *name, char *path, size_t size, ctvk_error *error);
/* A cached prompt: [prompts, embedding_dim] float32 into out (may be NULL). 0: not cached. Exact match of the string. */
int32_t ctvk_bundle_cached_prompt(const ctvk_bundle_files *bundle, const char *prompt, uint64_t length, float *out);

#endif
