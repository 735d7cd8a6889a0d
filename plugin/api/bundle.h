/* api/bundle.h - the parts of "ctvk.bundle" that have a file of their own, and how a job finds its text. */
#ifndef CTVK_API_BUNDLE_H
#define CTVK_API_BUNDLE_H

#include "api/api.h"

ctvk_status ctvk_bundle_fill_template(ctvk_bundle *bundle, const ctvk_field_choice *choices, uint32_t count, ctvk_text *prompt);
ctvk_status ctvk_bundle_read_embedding(ctvk_bundle *bundle, const char *path, uint64_t length, const float **values, uint64_t *count);
ctvk_status ctvk_bundle_verify(ctvk_bundle *bundle, ctvk_progress_fn progress, void *user);
ctvk_status ctvk_bundle_self_test(ctvk_bundle *bundle, const ctvk_bundle_test_options *options, ctvk_bundle_test_info *out);

/* What a bundle's text input wants, in floats; 0 for a vision-only model. */
uint64_t ctvk_bundle_embedding_count(const ctvk_bundle *bundle);
/* Index of the first value that is NaN or infinite, count if none is. */
uint64_t ctvk_first_not_finite(const float *values, uint64_t count);
/* 1: the prompt is in the bundle's cache file; its embedding is copied to out (may be NULL). Prompts are trimmed already. */
int32_t ctvk_bundle_has_cached(const ctvk_bundle *bundle, const char *prompt, uint64_t length, float *out);
/* The embedding of a prompt that needs no language model: from the cache file, else from those kept. facts: NULL, or how it was made
 * where it was kept. *source: "cache" or "model". CTVK_ERROR_BUNDLE lists what is cached, or says that the language model is needed.
 * [any thread] */
ctvk_status ctvk_bundle_find_prompt(ctvk_bundle *bundle, const char *prompt, uint64_t length, float *out, ctvk_prompt_facts *facts,
                                    const char **source, ctvk_error *error);

/* Encoded prompts in memory (kept_prompts.c), by the SHA-256 of their text. [any thread] */
ctvk_status ctvk_bundle_keep_prompt(ctvk_bundle *bundle, const char *sha256, const float *values, const ctvk_prompt_facts *facts,
                                    ctvk_error *error);
/* 1: found; values and facts (both may be NULL) are set. */
int32_t ctvk_bundle_kept_prompt(ctvk_bundle *bundle, const char *sha256, float *values, ctvk_prompt_facts *facts);
void ctvk_bundle_forget_prompts(ctvk_bundle *bundle);

/* A prompt as it comes from a host: copied, checked, trimmed. *out: OWNED. CTVK_ERROR_PROMPT, _ARGUMENT, _HOST_MEMORY. */
ctvk_status ctvk_take_prompt(const ctvk_host *host, const char *data, uint64_t length, char **out, uint64_t *out_length, ctvk_error *error);

#endif
