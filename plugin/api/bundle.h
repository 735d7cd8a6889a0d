/* api/bundle.h - the parts of "ctvk.bundle" that have a file of their own, and how a job finds its text. */
#ifndef CTVK_API_BUNDLE_H
#define CTVK_API_BUNDLE_H

#include "api/api.h"

ctvk_status ctvk_bundle_fill_template(ctvk_bundle *bundle, const ctvk_field_choice *choices, uint32_t count, ctvk_text *prompt);
ctvk_status ctvk_bundle_read_embedding(ctvk_bundle *bundle, const char *path, uint64_t length, const float **values, uint64_t *count);
ctvk_status ctvk_bundle_verify(ctvk_bundle *bundle, ctvk_progress_fn progress, void *user);

/* What a bundle's text input wants, in floats; 0 for a vision-only model. */
uint64_t ctvk_bundle_embedding_count(const ctvk_bundle *bundle);
/* Index of the first value that is NaN or infinite, count if none is. */
uint64_t ctvk_first_not_finite(const float *values, uint64_t count);
/* The embedding of a prompt from the cache; prompt is trimmed already. CTVK_ERROR_BUNDLE lists what is cached. */
ctvk_status ctvk_bundle_find_prompt(const ctvk_bundle *bundle, const char *prompt, uint64_t length, float *out, ctvk_error *error);

#endif
