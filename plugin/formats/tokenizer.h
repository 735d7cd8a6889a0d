/* formats/tokenizer.h - text to token ids, exactly as llama.cpp does with parse_special off: SentencePiece-BPE (tokenizer.ggml.model
 * "llama") and byte-level BPE ("gpt2"), both from a GGUF file's metadata. Markup in the text is plain text. */
#ifndef CTVK_FORMATS_TOKENIZER_H
#define CTVK_FORMATS_TOKENIZER_H

#include "formats/gguf.h"

typedef struct ctvk_tokenizer ctvk_tokenizer;

/* Reads the vocabulary; the file may be closed afterwards. Failures (the file's own status): another tokenizer model or pre-tokenizer,
 * named; tokens, scores or merges that do not fit each other. [one thread at a time] */
ctvk_status ctvk_tokenizer_create(const ctvk_host *host, const ctvk_gguf *file, ctvk_tokenizer **out, ctvk_error *error);
void ctvk_tokenizer_destroy(ctvk_tokenizer **tokenizer);
uint32_t ctvk_tokenizer_size(const ctvk_tokenizer *tokenizer); /* tokens of the vocabulary */
int32_t ctvk_tokenizer_bos(const ctvk_tokenizer *tokenizer);   /* tokenizer.ggml.bos_token_id, with llama.cpp's defaults */

/* Ids of UTF-8 text, without BOS or EOS. *ids is OWNED: ctvk_free. Empty text gives no ids (with SentencePiece's space prefix too).
 * CTVK_ERROR_PROMPT: not UTF-8. CTVK_ERROR_HOST_MEMORY. Time is linear in the text up to a logarithm. [any thread] */
ctvk_status ctvk_tokenizer_encode(const ctvk_tokenizer *tokenizer, const char *text, uint64_t length, int32_t **ids, uint64_t *count,
                                  ctvk_error *error);

#endif
