#include "api/bundle.h"

#include <string.h>

/* Prompts that a language model encoded through this bundle handle, by the hash of their text: the text itself is not kept. */
struct ctvk_kept_prompt {
    ctvk_kept_prompt *next;
    char sha256[65];
    ctvk_prompt_facts facts;
    float values[];
};

ctvk_status ctvk_bundle_keep_prompt(ctvk_bundle *bundle, const char *sha256, const float *values, const ctvk_prompt_facts *facts,
                                    ctvk_error *error)
{
    uint64_t count = ctvk_bundle_embedding_count(bundle);
    ctvk_kept_prompt *kept = ctvk_alloc(&bundle->context->host, sizeof *kept + count * sizeof *values);
    if (!kept)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "text: no host memory to keep the encoded prompt (close other programs)");
    memcpy(kept->sha256, sha256, sizeof kept->sha256);
    kept->facts = *facts;
    memcpy(kept->values, values, count * sizeof *values);
    pthread_mutex_lock(&bundle->lock);
    kept->next = bundle->kept;
    bundle->kept = kept;
    pthread_mutex_unlock(&bundle->lock);
    return CTVK_OK;
}

int32_t ctvk_bundle_kept_prompt(ctvk_bundle *bundle, const char *sha256, float *values, ctvk_prompt_facts *facts)
{
    pthread_mutex_lock(&bundle->lock);
    const ctvk_kept_prompt *kept = bundle->kept;
    while (kept && strcmp(kept->sha256, sha256) != 0)
        kept = kept->next;
    pthread_mutex_unlock(&bundle->lock); /* nothing is removed before the bundle goes */
    if (kept && values)
        memcpy(values, kept->values, ctvk_bundle_embedding_count(bundle) * sizeof *values);
    if (kept && facts)
        *facts = kept->facts;
    return kept != NULL;
}

void ctvk_bundle_forget_prompts(ctvk_bundle *bundle)
{
    while (bundle->kept) {
        ctvk_kept_prompt *next = bundle->kept->next;
        ctvk_free(&bundle->context->host, bundle->kept);
        bundle->kept = next;
    }
}
