/* support/small_vocabulary.h - two vocabularies small enough to check answers by hand, and their GGUF files, sound or damaged. */
#ifndef CTVK_TESTS_SMALL_VOCABULARY_H
#define CTVK_TESTS_SMALL_VOCABULARY_H

#include "formats/tokenizer.h"

#define SMALL_ROOM 320

typedef struct small_vocabulary {
    const char *model, *pre, *name; /* NULL: the key is left out */
    const char *tokens[SMALL_ROOM];
    float scores[SMALL_ROOM];
    int32_t types[SMALL_ROOM];                            /* 1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte */
    uint64_t count, score_count, type_count, merge_count; /* UINT64_MAX: the key is left out */
    const char *merges[16];
    int64_t bos;      /* -1: the key is left out */
    int space_prefix; /* -1: the key is left out */
    int types_as_scores;
    char storage[256][8];
} small_vocabulary;

/* SentencePiece: <unk> <s> </s>, byte b is 3 + b, then from 259 the pieces named in the .c file. */
void small_spm(small_vocabulary *v);
/* Byte-level: byte b is id b, then from 256 the pieces named in the .c file. */
void small_bpe(small_vocabulary *v, const char *pre);
/* The bytes of the letter of a byte; a terminated text. */
void small_letter(int byte, char out[4]);
/* Its file's tokenizer; status and *error as ctvk_tokenizer_create has them. */
ctvk_status small_open(const small_vocabulary *v, ctvk_tokenizer **out, ctvk_error *error);
/* The tokenizer's memory from this host; the file's from malloc. */
ctvk_status small_open_with(const ctvk_host *host, const small_vocabulary *v, ctvk_tokenizer **out, ctvk_error *error);

#endif
