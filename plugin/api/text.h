/* api/text.h - language models and encoded prompts: what the handles of "ctvk.text" hold. */
#ifndef CTVK_API_TEXT_H
#define CTVK_API_TEXT_H

#include "api/bundle.h"
#include "core/hash_record.h"
#include "formats/gguf.h"
#include "formats/tokenizer.h"
#include "nets/llama.h"
#include "nets/soft_prompt.h"

#include <stdatomic.h>

struct ctvk_text_model {
    ctvk_context *context;
    ctvk_gguf *file;
    char *path;
    ctvk_file_identity identity;
    int32_t has_network; /* desc is set; 0: a vocabulary only */
    ctvk_llama_desc desc;
    ctvk_tokenizer *tokenizer;
    int32_t *ids;         /* last tokenize */
    pthread_mutex_t lock; /* guards sha256: several jobs may check one file */
    char sha256[65];      /* "" until a job asked for it */
    ctvk_error error;
};

/* language_model.c */
ctvk_status ctvk_text_model_open(ctvk_context *context, ctvk_bundle *bundle, const ctvk_text_model_desc *desc, ctvk_text_model **out);
void ctvk_text_model_close(ctvk_text_model *model);
ctvk_status ctvk_text_model_last_error(const ctvk_text_model *model, ctvk_text *message);
ctvk_status ctvk_text_model_get_info(ctvk_text_model *model, ctvk_text_model_info *out);
ctvk_status ctvk_text_model_tokenize(ctvk_text_model *model, const char *text, uint64_t length, const int32_t **ids, uint64_t *count);
/* The file's SHA-256: from the record where the file is known, else by reading all of it. check: NULL, or called about every MiB with
 * the fraction that is read; non-zero: CTVK_CANCELLED. [any thread] */
ctvk_status ctvk_text_model_hash(ctvk_text_model *model, int32_t (*check)(void *user, double fraction), void *user, char sha256[65],
                                 ctvk_error *error);

extern const ctvk_text_api ctvk_text_table;

#endif
