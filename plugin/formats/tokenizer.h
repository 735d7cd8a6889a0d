/* formats/tokenizer.h - text to token ids, exactly as llama.cpp does with parse_special off: SentencePiece-BPE (tokenizer.ggml.model
 * "llama") and byte-level BPE ("gpt2"), both from a GGUF file's metadata. Tokens that the file calls user-defined are cut out of the text
 * first, the longest first; but, unlike llama.cpp, markup is always plain text: no control token, and no user-defined one that looks
 * like markup (tokenizer_user.c), comes out of a text. */
#ifndef CTVK_FORMATS_TOKENIZER_H
#define CTVK_FORMATS_TOKENIZER_H

#include "formats/gguf.h"

typedef struct ctvk_tokenizer ctvk_tokenizer;

/* Reads the vocabulary; the file may be closed afterwards. Failures (the file's own status): another tokenizer model or pre-tokenizer,
 * named; tokens, scores or merges that do not fit each other. host is BORROWED until destroy. [one thread at a time] */
ctvk_status ctvk_tokenizer_create(const ctvk_host *host, const ctvk_gguf *file, ctvk_tokenizer **out, ctvk_error *error);
void ctvk_tokenizer_destroy(ctvk_tokenizer **tokenizer);
uint32_t ctvk_tokenizer_size(const ctvk_tokenizer *tokenizer); /* tokens of the vocabulary */
int32_t ctvk_tokenizer_bos(const ctvk_tokenizer *tokenizer);   /* tokenizer.ggml.bos_token_id, with llama.cpp's defaults; -1: none */

/* Ids of UTF-8 text, without BOS or EOS. *ids is OWNED: ctvk_free. Empty text gives no ids (with SentencePiece's space prefix too).
 * A byte that a byte-level vocabulary has no letter for gives no id, as in llama.cpp (SmolLM2: six control characters).
 * CTVK_ERROR_PROMPT: not UTF-8, or longer than 16 MiB. The file's own status: a SentencePiece vocabulary with neither a token for a
 * character nor for its bytes. CTVK_ERROR_HOST_MEMORY. On failure *ids is NULL. Time is linear in the text up to a logarithm, memory
 * about 60 bytes a character. [any thread] */
ctvk_status ctvk_tokenizer_encode(const ctvk_tokenizer *tokenizer, const char *text, uint64_t length, int32_t **ids, uint64_t *count,
                                  ctvk_error *error);

#endif
