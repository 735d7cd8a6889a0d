/* formats/tokenizer_internal.h - what the files of the tokenizer share. */
#ifndef CTVK_FORMATS_TOKENIZER_INTERNAL_H
#define CTVK_FORMATS_TOKENIZER_INTERNAL_H

#include "formats/tokenizer.h"
#include "formats/words.h"

#define CTVK_NO_TOKEN (-1)

/* Types of tokens that matter here (tokenizer.ggml.token_type). */
enum { CTVK_TOKEN_CONTROL = 3, CTVK_TOKEN_USER_DEFINED = 4 };

typedef struct ctvk_piece {
    uint32_t first, bytes; /* its text in ctvk_vocabulary.text; 0 bytes: a token without text, never found */
} ctvk_piece;

typedef struct ctvk_vocabulary {
    char *text;
    ctvk_piece *pieces;
    uint32_t count;
    uint32_t longest; /* bytes of the longest piece */
    int32_t *slots;   /* hash table of ids, open addressing; CTVK_NO_TOKEN: free */
    uint32_t mask;
} ctvk_vocabulary;

/* A rule of byte-level BPE: the pieces left and right become result; lower ranks first. */
typedef struct ctvk_merge {
    int32_t left, right, result; /* left CTVK_NO_TOKEN: a free slot */
    uint32_t rank;
} ctvk_merge;

struct ctvk_tokenizer {
    const ctvk_host *host;
    char *label; /* of the file */
    ctvk_status failure;
    int byte_level; /* else SentencePiece */
    ctvk_vocabulary vocabulary;
    int32_t bos;
    int32_t bytes[256]; /* id of each byte's own token, or CTVK_NO_TOKEN */
    int32_t *user;      /* tokens cut out of the text before all else, the longest first */
    uint32_t user_count;
    /* SentencePiece */
    uint32_t *order; /* of each token: the lower, the sooner it is merged; equal where scores are equal */
    int32_t space_prefix;
    /* byte-level BPE */
    ctvk_words_rule rule;
    int whole_words;    /* a word that is a token is not merged up from its bytes */
    ctvk_merge *merges; /* hash table, open addressing */
    uint32_t merge_mask;
};

typedef struct ctvk_symbol {
    uint32_t first, bytes; /* its text; 0 bytes: merged into another one */
    uint32_t next, previous;
    int32_t id; /* CTVK_NO_TOKEN: no token has this text */
} ctvk_symbol;
#define CTVK_NO_SYMBOL UINT32_MAX

typedef struct ctvk_candidate {
    uint64_t key;   /* order << 32 | left symbol: the lowest is merged first */
    uint32_t bytes; /* of both symbols when it was found; it is outdated when they no longer have as many */
    int32_t id;
} ctvk_candidate;

/* One call's text, ids and working memory, which grows and is used again from part to part. */
typedef struct ctvk_encoding {
    const ctvk_tokenizer *tokenizer;
    ctvk_error *error;
    int32_t *ids;
    uint64_t count, room;
    const char *text; /* of the symbols */
    ctvk_symbol *symbols;
    uint32_t symbol_count;
    uint32_t symbol_room;
    ctvk_candidate *heap;
    uint32_t heap_count;
} ctvk_encoding;

/* A part of the text: a user-defined token, or (id CTVK_NO_TOKEN) text that holds none. */
typedef struct ctvk_part {
    const char *text;
    uint64_t length;
    int32_t id;
} ctvk_part;

typedef struct ctvk_parts {
    ctvk_part *items;
    uint64_t count, room;
} ctvk_parts;

/* tokenizer_vocabulary.c: tokens and scores of the file; the label and the failure status are set before. */
ctvk_status ctvk_vocabulary_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error);
/* Id of the token with just this text, or CTVK_NO_TOKEN. */
int32_t ctvk_vocabulary_find(const ctvk_vocabulary *vocabulary, const char *text, uint64_t bytes);
/* "LABEL: KEY: WHY (WHAT TO DO)" with the file's status. */
ctvk_status ctvk_tokenizer_refuse(const ctvk_tokenizer *t, ctvk_error *error, const char *key, const char *why);
ctvk_status ctvk_tokenizer_no_memory(const ctvk_tokenizer *t, ctvk_error *error);

/* tokenizer_user.c. The last to be read: control tokens and markup lose their text here, which merges and bytes may still name before. */
ctvk_status ctvk_user_tokens_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error);
/* The text in parts: user-defined tokens, and what stands between them (id CTVK_NO_TOKEN). parts: {NULL, 0, 0}; items are OWNED also
 * where it fails: ctvk_free. */
ctvk_status ctvk_user_tokens_cut(const ctvk_tokenizer *t, const char *text, uint64_t length, ctvk_parts *parts, ctvk_error *error);

/* tokenizer_spm.c, tokenizer_bpe.c: what each model needs besides the tokens; and the ids of a part of the text without user-defined
 * tokens. begins: it stands at the beginning of the text or behind a user-defined token. */
ctvk_status ctvk_spm_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error);
ctvk_status ctvk_spm_encode(ctvk_encoding *e, const char *text, uint64_t length, int begins);
ctvk_status ctvk_bpe_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error);
ctvk_status ctvk_bpe_encode(ctvk_encoding *e, const char *text, uint64_t length);

/* tokenizer_merge.c */
ctvk_status ctvk_encoding_add(ctvk_encoding *e, int32_t id);
/* Room for so many symbols; symbol_count becomes 0. */
ctvk_status ctvk_encoding_symbols(ctvk_encoding *e, uint64_t count);
/* Adds a symbol behind the last one; there is room. */
void ctvk_encoding_symbol(ctvk_encoding *e, uint32_t first, uint32_t bytes, int32_t id);
/* Token that the pair becomes, and its order; CTVK_NO_TOKEN where it is none. */
typedef int32_t (*ctvk_pair_fn)(const ctvk_encoding *e, const ctvk_symbol *left, const ctvk_symbol *right, uint32_t *order);
/* Merges neighbours, the lowest order first and of equal ones the leftmost, until no pair becomes a token. What is left are the symbols
 * with bytes > 0, in order. O(n log n) for n symbols. */
void ctvk_encoding_merge(ctvk_encoding *e, ctvk_pair_fn pair);

#endif
